"""Everything that is said of a time-stepping method, in one object."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmu_hw.core.registry import Registered

if TYPE_CHECKING:
    from lmu_hw.core.legendre import Array

_BANKS = ((1.0,), (1.0, 1.5))


@dataclass(frozen=True)
class StepMatrices:
    """A step z⁺ = transition·z + input·u, m = output·z with n ≥ order internal states.

    Attributes:
        transition: The matrix G, shape (n, n).
        input: The vector H, shape (n,).
        output: The matrix K, shape (order, n).
    """

    transition: Array
    input: Array
    output: Array


@dataclass(frozen=True)
class Arrays:
    """The two modules that matrices are computed with, so that one definition of them serves NumPy and JAX.

    Attributes:
        xp: `numpy`, or `jax.numpy`.
        linalg: `scipy.linalg`, or `jax.scipy.linalg`.
    """

    xp: Any
    linalg: Any


class Discretization(Registered):
    """A time-stepping method: how θ ṁ = A m + B u becomes z⁺ = G z + H u, m = K z.

    Attributes:
        matrices: The function from the array modules, A, B and h = dt/θ to the step, in the coordinates of A and B.
        log_radius: The function from hλ to the logarithm of the largest modulus that the method gives to a mode of
            pole λ.
        unconditional: Whether the step is a contraction, and so stable, for every dt.
        holds: Whether a sample stands for the input over the whole step, so that it is seen half a step late.
        convergence_order: The order of the error in dt for a smooth input; None where a held input is carried
            over exactly.
        datapaths: Names of the datapaths that can compute its increments, the default first.
        bank_gains: What an increment adds to each bank of states. One bank is (1,). Two banks are (1, 3/2): the
            accumulator takes in the increment, and the state is the accumulator plus half of the last increment.
    """

    matrices: Callable[[Arrays, Any, Any, Any], StepMatrices]
    log_radius: Callable[[complex], float]
    unconditional: bool
    holds: bool
    convergence_order: int | None
    datapaths: tuple[str, ...]
    bank_gains: tuple[float, ...]

    @property
    def input_delay(self) -> float:
        """By how many steps the input is seen late: ½ where samples are held, else 0."""
        return 0.5 if self.holds else 0.0

    @classmethod
    def define(
        cls,
        name: str,
        *,
        matrices: Callable[[Arrays, Any, Any, Any], StepMatrices],
        log_radius: Callable[[complex], float],
        unconditional: bool,
        holds: bool,
        convergence_order: int | None,
        datapaths: tuple[str, ...],
        bank_gains: tuple[float, ...] = (1.0,),
    ) -> Discretization:
        """The method of that name; the arguments are the attributes.

        Raises:
            ValueError: the integer model and the hardware have no banks of states with these gains.
        """
        if bank_gains not in _BANKS:
            raise ValueError(f"bank_gains must be one of {_BANKS}, got {bank_gains}")
        method: Discretization = cls.new(
            name,
            matrices=matrices,
            log_radius=log_radius,
            unconditional=unconditional,
            holds=holds,
            convergence_order=convergence_order,
            datapaths=datapaths,
            bank_gains=bank_gains,
        )
        return method

    @classmethod
    def names(cls, which: Callable[[Discretization], bool]) -> str:
        """The names of the methods for which `which` is true, as an error lists them: "zoh or bilinear"."""
        found = [str(method) for method in cls if which(method)]
        return " or ".join(filter(None, (", ".join(found[:-1]), *found[-1:])))


def log_modulus_of_one_plus(z: complex) -> float:
    """log|1 + z|, −∞ at z = −1. It keeps its digits where the modulus is close to 1, as log|1 + z| itself would not."""
    modulus = abs(1.0 + z)
    if modulus < 0.5:
        return math.log(modulus) if modulus > 0.0 else -math.inf
    return 0.5 * math.log1p(2.0 * z.real + abs(z) ** 2)
