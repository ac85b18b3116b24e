"""Legendre Memory Units as hardware that is known to be right.

Each public name is loaded with its module when it is first used, so that importing the package costs only what is used.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
