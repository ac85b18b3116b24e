"""The public names of the packages: all there, loaded late, and no others."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

PACKAGES = ["lmu_hw", "lmu_hw.rtl", "lmu_hw.analog", "lmu_hw.sim"]


@pytest.mark.parametrize("name", PACKAGES)
def test_every_public_name_is_what_its_module_calls_so(name: str) -> None:
    package = importlib.import_module(name)
    names = dir(package)
    assert names
    for public in names:
        value = getattr(package, public)
        assert value.__name__ == public
        assert value.__module__.startswith(f"{name}.")


@pytest.mark.parametrize("name", PACKAGES)
def test_other_names_are_no_attributes(name: str) -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        importlib.import_module(name).nonsense  # noqa: B018 - the access is the test


def test_importing_the_packages_loads_nothing_heavy() -> None:
    code = (
        "import sys, lmu_hw, lmu_hw.rtl, lmu_hw.analog, lmu_hw.sim\n"
        "print(sorted({'numpy', 'scipy', 'amaranth', 'networkx', 'cocotb'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
