"""Whole networks in hardware: layers one after the other on shared multipliers.

The names below are loaded when they are first asked for.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
