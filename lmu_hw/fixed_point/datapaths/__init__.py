"""The increment of the state as integer arithmetic: coefficients, their grids, and the map they realise.

Every datapath adds an increment to each accumulator once per sample; they differ in how it is computed:

    chain         euler, ab2                     order multiplications, exact
    tridiagonal   bilinear                       3·order − 1 multiplications, one elimination from both ends
    dense         methods with a single bank     order² multiplications, exact
    structured    zoh                            stages of words from earlier words, far fewer multiplications

The names below are loaded when they are first asked for, so that the table of datapaths can be read without NumPy.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
