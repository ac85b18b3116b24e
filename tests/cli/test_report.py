"""Reports in a browser: for three widths of the window, in light and dark, whatever passed or failed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmu_hw.cli import main
from lmu_hw.design.memory import Design
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.reference.digits import load_digits
from lmu_hw.rtl.memory.verilog import VerilogDesign, generate_verilog
from tests.browser import SCHEMES, WIDTHS, faults, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser

MEMORY = "cosim --order 3 --theta 0.003 --dt 0.0001 --simulator icarus --samples 40"
CASES = {
    "memory": MEMORY,
    "failing": f"{MEMORY} --no-analog",
    "network": "cosim digits_linear --input {data}/x.npy --labels {data}/y.npy --lanes 32 --simulator icarus",
    "spiking": "cosim --order 2 --theta 0.1 --dt 0.002 --spiking --neurons 40 --samples 60 --simulator icarus",
    "memory-run": "run --order 3 --theta 0.1 --dt 0.002 --input {data}/u.npy --backend spiking --neurons 60",
    "network-run": "run digits_linear --input {data}/x.npy --backend spiking --neurons 3",
    "demo": "demo",
}

Made = Callable[[str], Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The report of a case; each is made once."""
    folder = tmp_path_factory.mktemp("reports")
    digits = load_digits(0).test
    np.save(folder / "u.npy", 0.8 * np.sin(0.05 * np.arange(150)))
    np.save(folder / "x.npy", digits.sequences[:2, :, None])
    np.save(folder / "y.npy", digits.labels[:2])

    def make(case: str) -> Path:
        report = folder / case / "report.html"
        if not report.exists():
            with pytest.MonkeyPatch.context() as patch:
                if case == "failing":
                    patch.setattr("lmu_hw.cli.cosim.generate_verilog", _wrong)
                words = [*CASES[case].format(data=folder).split(), "--json", "--out", str(report.parent)]
                assert main(words) == (1 if case == "failing" else 0)
        return report

    return make


def _wrong(_plan: MemoryPlan, **settings: Any) -> VerilogDesign:
    """Verilog with the right ports and other coefficients."""
    return generate_verilog(Design(order=3, theta=0.0031, dt=0.0001).plan(), **settings)


@pytest.mark.parametrize(
    "case", [pytest.param(each, marks=[pytest.mark.slow] if each == "demo" else []) for each in CASES]
)
def test_a_report_has_no_faults_at_any_width_in_light_and_dark(case: str, made: Made, browser: Browser) -> None:
    report = made(case)
    found = {
        (width, scheme): faults(browser, report, width=width, scheme=scheme) for width in WIDTHS for scheme in SCHEMES
    }
    assert not {key: lines for key, lines in found.items() if lines}


def test_figures_are_laid_out_anew_rather_than_shrunk(made: Made, browser: Browser) -> None:
    """Their texts have 11 pixels at least at every width, and in a narrow window their panels lie below each other."""
    measure = """() => [...document.querySelectorAll('figure')].map((figure) => {
        const [svg, ...others] = [...figure.querySelectorAll('svg')].filter((each) => each.checkVisibility());
        const scale = svg.getScreenCTM().a;
        const size = (each) => scale * parseFloat(getComputedStyle(each).fontSize);
        const sizes = [...svg.querySelectorAll('text')].map(size);
        const box = svg.getBoundingClientRect();
        return [others.length, Math.min(...sizes), box.height / box.width];
    })"""
    shapes = {}
    for width in (320, *WIDTHS, 1920):
        with opened(browser, made("memory"), width=width, scheme="light") as page:
            found = page.evaluate(measure)
        assert len(found) == 4
        assert all(others == 0 for others, _, _ in found)
        assert min(size for _, size, _ in found) >= (9.0 if width < 400 else 11.0)
        shapes[width] = [shape for _, _, shape in found]
    assert all(narrow > 1.5 * wide for narrow, wide in zip(shapes[400], shapes[1400], strict=True))


def test_texts_of_figures_and_tables_can_be_selected(made: Made, browser: Browser) -> None:
    with opened(browser, made("memory"), width=1400, scheme="light") as page:
        page.evaluate("getSelection().selectAllChildren(document.querySelector('figure'))")
        selected = page.evaluate("getSelection().toString()")
        assert all(each in selected for each in ("state 0", "state 2", "time (ms)", "SPICE"))
        page.click("summary")
        page.click("details[open] pre")
        copied = page.evaluate("getSelection().toString()")
    rows = [line.split("\t") for line in copied.strip().splitlines()]
    assert rows[0] == ["check", "found", "allowed", "outcome"]
    assert [row[-1] for row in rows[1:]] == ["held", "held", "held"]
    assert re.fullmatch(r"0 mismatches in \d+ beats of 40 samples", rows[1][1])


def test_a_report_is_dark_where_dark_is_preferred(made: Made, browser: Browser) -> None:
    def shades(scheme: Any) -> list[float]:
        with opened(browser, made("memory"), width=800, scheme=scheme) as page:
            colours = page.evaluate("""() => [getComputedStyle(document.body).backgroundColor,
                getComputedStyle(document.querySelector('figure')).backgroundColor,
                getComputedStyle(document.querySelector('figure .wide svg text')).fill]""")
        return [sum(map(int, re.findall(r"\d+", each)[:3])) / 765 for each in colours]

    page, figure, text = shades("light")
    assert min(page, figure) > 0.9
    assert text < 0.3
    page, figure, text = shades("dark")
    assert max(page, figure) < 0.2
    assert text > 0.7


def test_a_report_says_what_failed_and_where_everything_is(made: Made, browser: Browser) -> None:
    for case, verdict, outcome in (("memory", "✓ every check held", "held"), ("failing", "✗ a check failed", "FAILED")):
        with opened(browser, made(case), width=400, scheme="light") as page:
            assert page.inner_text(".verdict") == verdict
            assert outcome in page.inner_text("table")
            contents = page.eval_on_selector_all("nav a", "all => all.map(each => each.textContent)")
            links = page.eval_on_selector_all("#files ~ dl a", "all => all.map(each => each.textContent)")
            terms = page.eval_on_selector_all("#glossary ~ dl dt", "all => all.map(each => each.textContent)")
        assert {"Outcome", "Evidence", "States over time", "Files", "Glossary"} <= set(contents)
        folder = made(case).parent
        files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        assert set(links) == files - {"README.txt", "report.html"}
        assert {"beat", "sample", "mismatch", "datapath"} <= set(terms)
