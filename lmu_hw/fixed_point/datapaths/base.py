"""What every kind of increment offers: to the planner its real gains, to models and hardware its integers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, Self, TypeVar, cast

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.fixed_point.formats import IntArray, round_shift


class Operand(Protocol):
    """A value that integer arithmetic is written for: an int, an array of int64, or a signal of a pipeline."""

    def __add__(self, other: Any, /) -> Self: ...
    def __sub__(self, other: Any, /) -> Self: ...
    def __mul__(self, other: int, /) -> Self: ...
    def __lshift__(self, other: int, /) -> Self: ...
    def __rshift__(self, other: int, /) -> Self: ...


V = TypeVar("V", bound=Operand)


@dataclass(frozen=True, eq=False)
class Increment(ABC):
    """The increments of all states as integer arithmetic on state words and an input sample.

    Words and sample enter on one grid, that of the operands; the increments leave on the grid of the
    products, finer by `product_fraction_bits`. What is exact and what is rounded inside is up to the kind.

    Attributes:
        coefficients: The integers, shape (order,) or (order, order): the last factor of each state's increment.
        coefficient_bits: The width of every coefficient, its sign included.
        fractions: The fractional bits of row i's coefficients, shape (order,).
    """

    coefficients: IntArray
    coefficient_bits: int
    fractions: IntArray

    guarded: ClassVar[bool] = False
    """Whether results are rounded to the operands' grid inside, so that finer operands reduce the noise."""

    @property
    def order(self) -> int:
        """Number of states."""
        return int(self.fractions.size)

    @property
    def multiplications(self) -> int:
        """Multiplications that one sample costs."""
        return int(self.coefficients.size)

    @property
    def product_fraction_bits(self) -> int:
        """Fractional bits of an increment beyond those of the operands."""
        return int(self.fractions.max())

    @property
    def alignment_shifts(self) -> IntArray:
        """Bits by which row i's product is shifted up to the grid of all products, shape (order,)."""
        return np.asarray(self.fractions.max() - self.fractions, dtype=np.int64)

    @property
    def values(self) -> Array:
        """The coefficients as real numbers, in the shape of `coefficients`."""
        scale = 2.0 ** -self.fractions.astype(np.float64)
        return self.coefficients * scale.reshape(-1, *[1] * (self.coefficients.ndim - 1))

    @property
    @abstractmethod
    def state_gain(self) -> Array:
        """The increment per unit of state that the integers realise, roundings apart, shape (order, order)."""

    @property
    @abstractmethod
    def input_gain(self) -> Array:
        """The increment per unit of input that the integers realise, shape (order,)."""

    @property
    @abstractmethod
    def operand_input(self) -> Array:
        """What one unit of input adds to each operand, shape (operands,)."""

    @property
    def noise_gain(self) -> Array:
        """The increment per unit of error in each rounding inside, shape (order, roundings)."""
        return np.zeros((self.order, 0))

    @property
    def operand_noise(self) -> Array:
        """What an error in each rounding inside adds to each operand, shape (operands, roundings)."""
        return np.zeros((self.operand_input.size, self.noise_gain.shape[1]))

    @abstractmethod
    def operands(self, states: Array) -> Array:
        """All intermediate words without input, shape (operands, …), for states as columns, (order, …)."""

    @abstractmethod
    def widest_product(self, operand_peak: Array) -> float:
        """The largest modulus, partial sums included, of anything that is computed on a grid of products.

        Args:
            operand_peak: The largest |operand code|, shape (operands,).
        """

    @abstractmethod
    def evaluate(self, words: Sequence[V], sample: V) -> list[V]:
        """The increments, in the arithmetic that hardware realises.

        Written with +, −, ·int, << and >> alone, so that it holds for integers, for arrays of int64 and for
        the signals of a pipeline.

        Args:
            words: The state words on the operands' grid, one for each state.
            sample: The input on the same grid.
        """

    def compute(self, words: IntArray, samples: IntArray) -> IntArray:
        """`evaluate` for arrays: words of shape (order, batch) and samples of shape (batch,), new array."""
        return np.stack(self.evaluate(list(words), samples))

    def to_dict(self) -> dict[str, Any]:
        """Coefficients and their grids as plain values."""
        return {"coefficients": self.coefficients.tolist(), "fractions": self.fractions.tolist()}

    def with_coefficients(self, coefficients: IntArray) -> Self:
        """The same arithmetic with other coefficients; the formats of a plan need not hold for it."""
        return replace(self, coefficients=coefficients)


def normalised(exact: Array, bits: int) -> tuple[Array, IntArray]:
    """Scale each entry to bits − 1 significant bits: (entry·2^f, f), before any rounding.

    Scaled entries lie in [2^(bits−2), 2^(bits−1)) in modulus; zero gets no fractional bits, f = 0.
    """
    mantissa, exponent = np.frexp(exact)
    fraction_bits = np.where(exact == 0.0, 0, (bits - 1) - exponent.astype(np.int64))
    return np.ldexp(mantissa, bits - 1), np.asarray(fraction_bits, dtype=np.int64)


def requantise(value: V, fraction_bits: int) -> V:
    """value·2^−fraction_bits to the nearest integer, halves upwards; exact for fraction_bits ≤ 0."""
    if isinstance(value, np.ndarray):
        return cast(V, round_shift(value, fraction_bits))
    if fraction_bits <= 0:
        return value if fraction_bits == 0 else value << -fraction_bits
    return (value + (1 << (fraction_bits - 1))) >> fraction_bits


def balanced_sum(values: Sequence[V]) -> V:
    """The sum of one value or more as a tree of least depth."""
    terms = list(values)
    while len(terms) > 1:
        pairs = [a + b for a, b in zip(terms[0::2], terms[1::2], strict=False)]
        terms = pairs + terms[len(terms) & ~1 :]
    return terms[0]
