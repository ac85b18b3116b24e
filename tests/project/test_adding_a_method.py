"""docs/adding-a-method.md, step by step: its method goes through derivation, plan, Verilog and bench."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lmu_hw.core.legendre import input_vector, state_matrix
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization, is_stable, least_theta_over_dt
from lmu_hw.core.system import discretize
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.fidelity import Band
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.fixed_point.search import search
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.sim.targets.memory import run_rtl

GUIDE = Path(__file__).parents[2] / "docs" / "adding-a-method.md"
NAMES = ["zoh", "euler", "ab2", "bilinear"]


@pytest.fixture(scope="module")
def heun_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Step 1: the file, as the guide has it."""
    code = GUIDE.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    path = tmp_path_factory.mktemp("method") / "heun.py"
    path.write_text(code, encoding="utf-8")
    return path


@pytest.fixture
def heun(heun_file: Path) -> Iterator[Discretization]:
    """Step 2: the row, for as long as a test lasts."""
    description = importlib.util.spec_from_file_location("heun", heun_file)
    assert description is not None
    assert description.loader is not None
    module = importlib.util.module_from_spec(description)
    description.loader.exec_module(module)
    Discretization.register(module.HEUN)
    yield module.HEUN
    del Discretization.members["heun"]
    assert list(Discretization) == NAMES


def test_the_specification_knows_it(heun: Discretization) -> None:
    assert list(Discretization) == [*NAMES, "heun"]
    spec = LMUSpec(4, 1.0, 0.02, "heun")  # type: ignore[arg-type]
    assert spec.discretization is heun is Discretization.HEUN
    assert spec.to_dict()["discretization"] == "heun"


def test_derivation_gives_its_matrices_and_its_stability(heun: Discretization) -> None:
    spec = LMUSpec(4, 1.0, 0.02, heun)
    system, a, b, h = discretize(spec), state_matrix(4), input_vector(4), spec.h
    np.testing.assert_allclose(system.transition, np.eye(4) + h * a + h * h * a @ a / 2.0, atol=1e-12)
    np.testing.assert_allclose(system.input, h * b + h * h * a @ b / 2.0, atol=1e-12)
    radius = float(np.abs(np.linalg.eigvals(system.transition)).max())
    assert spec.stability.spectral_radius == pytest.approx(radius, rel=1e-9)
    least = least_theta_over_dt(4, heun)
    assert is_stable(4, 0.999 / least, heun)
    assert not is_stable(4, 1.001 / least, heun)
    with pytest.raises(DesignError, match="for a stable heun step at order 4"):
        LMUSpec(4, 1.0, 1.01 / least, heun)


def test_it_is_planned_within_its_bound_searched_and_refused_what_it_does_not_offer(
    heun: Discretization, rng: np.random.Generator
) -> None:
    spec = LMUSpec(4, 1.0, 0.02, heun)
    plan = plan_memory(spec, state_bits=12)
    assert plan.datapath == "dense"
    model, samples = IntegerMemory(plan), rng.uniform(-1.0, 1.0 - plan.input_format.lsb, (3, 400))
    words = model.run(plan.input_format.encode(samples))
    deviation = model.decode(words) - FloatMemory(spec).run(samples)
    assert np.all(np.abs(deviation).max(axis=(0, 1)) <= plan.error_bound)
    assert search(spec, Band(2.0), methods=[heun]).front[0].discretization is heun
    with pytest.raises(DesignError, match="datapath of heun must be one of dense, got chain"):
        plan_memory(spec, datapath="chain")


def test_its_step_is_differentiated_by_the_trainer(heun: Discretization) -> None:
    jax = pytest.importorskip("jax")
    from lmu_hw.training.discretization import learned_step

    spec, small = LMUSpec(4, 1.0, 0.02, heun), 1e-6
    found = learned_step(spec, jax.numpy.asarray(spec.h), "float64")
    np.testing.assert_allclose(found.transition, discretize(spec).transition, atol=1e-13)
    slope = jax.jacfwd(lambda h: learned_step(spec, h, "float64").transition)(jax.numpy.asarray(spec.h))
    above, below = (discretize(LMUSpec(4, 1.0, spec.h + s, heun)).transition for s in (small, -small))
    np.testing.assert_allclose(slope, (above - below) / (2.0 * small), rtol=1e-7, atol=1e-6)


def test_its_verilog_passes_the_bench(heun: Discretization, rng: np.random.Generator, tmp_path: Path) -> None:
    plan = plan_memory(LMUSpec(4, 1.0, 0.02, heun), state_bits=12)
    codes = rng.integers(plan.input_format.low, plan.input_format.high + 1, (2, 60))
    words = run_rtl(plan, codes, workdir=tmp_path, lanes=2)
    np.testing.assert_array_equal(words, IntegerMemory(plan).run(codes))


def test_the_command_line_knows_it(heun_file: Path, tmp_path: Path) -> None:
    """Step 3: the subcommands of the guide, in a process of their own, where the row is there from the start."""
    calls = [
        line.split()[1:] for line in GUIDE.read_text(encoding="utf-8").splitlines() if line.startswith("    lmu-hw")
    ]
    wanted = [call for call in calls if call[0] in ("derive", "quantize", "verilog")]
    assert len(wanted) == 3
    program = tmp_path / "program.py"
    program.write_text(
        "import json, sys\n"
        "from heun import HEUN\n"
        "from lmu_hw.core.methods import Discretization\n"
        "Discretization.register(HEUN)\n"
        "from lmu_hw.cli import main\n"
        f"for call in {wanted!r}:\n"
        "    if main([*call, '--json']):\n"
        "        sys.exit(1)\n",
        encoding="utf-8",
    )
    program.with_name("heun.py").write_bytes(heun_file.read_bytes())
    called = subprocess.run([sys.executable, str(program)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert called.returncode == 0, called.stderr
    derived = json.loads(called.stdout[: called.stdout.index("\n}") + 2])
    assert derived["spec"]["discretization"] == "heun"
    assert "heun step" in (tmp_path / "build" / "lmu_memory.v").read_text(encoding="utf-8")
