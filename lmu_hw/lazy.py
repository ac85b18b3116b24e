"""Public names of a package, each loaded with its module when it is first asked for.

Importing a package must not cost what its heaviest module does: the command line starts at once, and a bench
inside a simulator loads what it uses.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def load_on_demand(
    package: str, exports: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """A package's `__getattr__` and `__dir__` (PEP 562) for the names that its modules export.

    Args:
        package: the package's `__name__`.
        exports: the names by module, which is given relative to the package.
    """
    home = {name: module for module, names in exports.items() for name in names}

    def load(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{package}.{home[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return load, lambda: sorted(home)
