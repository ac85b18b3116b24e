"""Dependencies: each with its reason, declared if imported, and locked by hash without naming a host."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

# What `make demo` and `make test` install; `train` and `fpga` are for the user to add.
LOCKED_EXTRAS = ("sim", "train", "formal", "import", "demo", "docs", "dev")
PACKAGES = ("lmu_hw", "rtl", "analog", "sim")
ENVIRONMENTS = [
    {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "platform_machine": machine,
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
    }
    for python in ("3.11", "3.12", "3.13")
    for machine in ("x86_64", "aarch64")
]


class Pin(NamedTuple):
    """One entry of a lock."""

    name: str
    version: Version
    marker: Marker | None
    hashes: list[str]


def read_lock(path: Path) -> list[Pin]:
    """The entries of a lock; anything but pins, hashes and comments is an error."""
    pins = []
    text = re.sub(r"^\s*#.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for entry in re.sub(r"\\\n", " ", text).splitlines():
        match = re.fullmatch(r"([a-z0-9.-]+)==(\S+)(?: ; (.*?))?\s+((?:--hash=sha256:[0-9a-f]{64}\s*)+)", entry.strip())
        assert match, entry[:80]
        name, version, marker, hashes = match.groups()
        pins.append(Pin(name, Version(version), Marker(marker) if marker else None, hashes.split()))
    return pins


def holds(marker: Marker | None, environment: dict[str, str]) -> bool:
    return marker is None or marker.evaluate(environment)


def unmet(requirements: Iterable[str], pins: list[Pin]) -> Iterator[str]:
    """The requirements that the pins don't meet, for every machine and Python that is promised."""
    for environment in ENVIRONMENTS:
        for requirement in map(Requirement, requirements):
            if not holds(requirement.marker, environment):
                continue
            named = [pin for pin in pins if pin.name == canonicalize_name(requirement.name)]
            found = [pin.version for pin in named if holds(pin.marker, environment)]
            if len(found) != 1 or not requirement.specifier.contains(found[0]):
                yield f"{requirement}: {found} in {environment}"


def declared(pyproject: dict[str, Any], extras: Iterable[str]) -> list[str]:
    project = pyproject["project"]
    return project["dependencies"] + [text for extra in extras for text in project["optional-dependencies"][extra]]


def test_lock_meets_the_dependencies(top: Path, pyproject: dict[str, Any]) -> None:
    assert not list(unmet(declared(pyproject, LOCKED_EXTRAS), read_lock(top / "requirements.lock")))


def test_build_lock_meets_the_build_requirements(top: Path, pyproject: dict[str, Any]) -> None:
    needed = pyproject["build-system"]["requires"] + pyproject["dependency-groups"]["build"]
    assert not list(unmet(needed, read_lock(top / "requirements-build.lock")))


def test_an_unmet_requirement_is_seen(top: Path) -> None:
    pins = read_lock(top / "requirements.lock")
    assert list(unmet(["numpy<1"], pins))
    assert list(unmet(["no-such-package"], pins))


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-build.lock"])
def test_lock_pins_by_hash_and_names_no_host(top: Path, name: str) -> None:
    assert all(pin.hashes for pin in read_lock(top / name))
    assert "://" not in (top / name).read_text(encoding="utf-8")


def test_every_dependency_has_its_reason(top: Path) -> None:
    lines = (top / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    requirement = re.compile(r'\s+"[A-Za-z][\w.-]*(\[[\w,-]+\])?[<>=~!].*",?(?P<reason>.*)')
    found = 0
    for before, line in pairwise(lines):
        if match := requirement.fullmatch(line):
            found += 1
            assert match["reason"].strip().startswith("# ") or before.strip().startswith("# "), line
    assert found >= 20


def imported(folders: Iterable[Path]) -> set[str]:
    """Top-level names of the packages outside this project and the standard library that are imported."""
    names: set[str] = set()
    for path in (path for folder in folders for path in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    return names - sys.stdlib_module_names - {"lmu_hw", "tests"}


def distributions(modules: Iterable[str]) -> dict[str, set[str]]:
    """For each module, the names of the distributions that it may come from."""
    known = packages_distributions()
    return {name: {canonicalize_name(found) for found in known.get(name, [name])} for name in modules}


def names_of(requirements: Iterable[str]) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for text in requirements}


def test_what_is_imported_is_declared(top: Path, pyproject: dict[str, Any]) -> None:
    everything = names_of(declared(pyproject, pyproject["project"]["optional-dependencies"]))
    run_time = everything - names_of(pyproject["project"]["optional-dependencies"]["dev"])
    for folders, allowed in ((PACKAGES, run_time), (("tests",), everything)):
        for module, sources in distributions(imported(top / folder for folder in folders)).items():
            assert sources & allowed, f"{module} is imported in {folders} and not declared"


def test_what_is_declared_is_imported(top: Path, pyproject: dict[str, Any]) -> None:
    found = distributions(imported(top / folder for folder in PACKAGES)).values()
    assert names_of(pyproject["project"]["dependencies"]) <= set().union(*found)
