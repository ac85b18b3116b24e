"""The committed files are fit for any machine: no path of the one they were written on, no odd host."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDERS = ("lmu_hw", "rtl", "analog", "sim", "tests", "docs", "examples", ".ci")
# References that a reader may follow, name spaces of file formats, public copies of MNIST, the tests' own server.
HOSTS = {
    "127.0.0.1",
    "arxiv.org",
    "doi.org",
    "json-schema.org",
    "keepachangelog.com",
    "ossci-datasets.s3.amazonaws.com",
    "patents.google.com",
    "semver.org",
    "storage.googleapis.com",
    "www.apache.org",
    "www.w3.org",
}
# A home, scratch or mount folder with a name under it.
MACHINE_PATH = re.compile(r"(?<![\w.$~}/-])/(?:work|root|home|Users|tmp|opt|mnt|media|srv)/\w")
HOST = re.compile(r"\b[a-z][a-z0-9+]*://([\w.-]+)")
INDEX_OPTION = re.compile(r"--(?:(?:extra-|default-)?index(?:-url)?|find-links|trusted-host)[ =]\S")


def files(top: Path) -> Iterator[Path]:
    """What is committed: the files of the fixed folders, and those of the top folder itself."""
    yield from (path for path in sorted(top.iterdir()) if path.is_file())
    for folder in FOLDERS:
        for path in sorted((top / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def matches(pattern: re.Pattern[str], top: Path) -> Iterator[tuple[str, str]]:
    for path in files(top):
        text = path.read_bytes().decode("utf-8", errors="replace")
        yield from ((f"{path.relative_to(top)}", match[match.re.groups]) for match in pattern.finditer(text))


def test_no_machine_path(top: Path) -> None:
    assert not list(matches(MACHINE_PATH, top))


def test_no_package_index(top: Path) -> None:
    assert not list(matches(INDEX_OPTION, top))


def test_no_unexpected_host(top: Path) -> None:
    assert not [(path, host) for path, host in matches(HOST, top) if host not in HOSTS]


@pytest.mark.parametrize("folder", ["rtl", "analog", "sim"])
def test_links_are_relative(top: Path, folder: str) -> None:
    assert (top / "lmu_hw" / folder).readlink() == Path("..") / folder


def test_patterns_see_what_they_are_for(tmp_path: Path) -> None:
    for folder in FOLDERS:
        (tmp_path / folder).mkdir()
    user = "/".join(["", "home", "somebody", "x"])
    index = "://".join(["https", "index.example"])
    option = "--index" + "-url"
    (tmp_path / "rtl" / "a.py").write_text(f"a = '{user}'\nb = '{index}'\npip install {option} {index}\n")
    found = [list(matches(pattern, tmp_path)) for pattern in (MACHINE_PATH, HOST, INDEX_OPTION)]
    assert [len(each) for each in found] == [1, 2, 1]
