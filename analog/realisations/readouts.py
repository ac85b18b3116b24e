"""The outputs of a memory: delayed readouts, and the Legendre coefficients themselves where they are asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lmu_hw.analog.realisation import Array
from lmu_hw.legendre import readout


@dataclass(frozen=True)
class Readouts:
    """What a circuit gives out beside its states.

    Attributes:
        delays: delays as fractions of theta in [0, 1]: the outputs y0, y1, ...
        coefficients: whether the Legendre coefficients are outputs too: m0, m1, ...
    """

    delays: tuple[float, ...] = (1.0,)
    coefficients: bool = False

    def names(self, order: int) -> tuple[str, ...]:
        """The outputs' names, in order."""
        coefficients = range(order) if self.coefficients else ()
        return (*(f"y{k}" for k in range(len(self.delays))), *(f"m{i}" for i in coefficients))

    def rows(self, order: int) -> Array:
        """The outputs from the Legendre coefficients, shape (outputs, order).

        Raises:
            DesignError: a delay is not a fraction from 0 to 1.
        """
        delayed = readout(order, self.delays) if self.delays else np.empty((0, order))
        return np.vstack([delayed, np.eye(order)]) if self.coefficients else delayed
