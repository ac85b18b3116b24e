"""What every kind of increment has: its gains in real numbers for the planner, its integers for model and hardware."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self, TypeVar

import numpy as np

from lmu_hw.core.display import Displayed
from lmu_hw.core.legendre import Array
from lmu_hw.fixed_point.formats import IntArray, lsb


class Operand(Protocol):
    """A value that integer arithmetic is written for: an int, an array of int64, or a signal of a pipeline."""

    def __add__(self, other: Any, /) -> Self: ...
    def __sub__(self, other: Any, /) -> Self: ...
    def __mul__(self, other: int, /) -> Self: ...
    def __lshift__(self, other: int, /) -> Self: ...
    def __rshift__(self, other: int, /) -> Self: ...


V = TypeVar("V", bound=Operand)


@dataclass(frozen=True, eq=False, repr=False)
class Increment(Displayed, ABC):
    """The increments of all states as integer arithmetic on state words and an input sample.

    State words and sample enter on one grid, that of the operands; the increments leave on the grid of the products,
    which has `product_fraction_bits` more fractional bits. Each kind says what it rounds on the way, if anything.

    Attributes:
        coefficients: The integers, shape (order,) or (order, order): the last factor of each state's increment.
        coefficient_bits: The width of every coefficient, its sign included.
        fractions: The fractional bits of row i's coefficients, shape (order,).
    """

    coefficients: IntArray
    coefficient_bits: int
    fractions: IntArray

    guarded: ClassVar[bool] = False
    """Whether products are rounded to the operands' grid on the way, so that finer operands reduce the noise."""

    @property
    def order(self) -> int:
        """The number of states."""
        return int(self.fractions.size)

    @property
    def multiplications(self) -> int:
        """The number of multiplications that one sample costs."""
        return int(self.coefficients.size)

    @property
    def product_fraction_bits(self) -> int:
        """How many more fractional bits an increment has than the operands."""
        return int(self.fractions.max())

    @property
    def alignment_shifts(self) -> IntArray:
        """The left shifts that bring the product of row i to the grid of all products, in bits, shape (order,)."""
        return np.asarray(self.fractions.max() - self.fractions, dtype=np.int64)

    @property
    def values(self) -> Array:
        """The coefficients as real numbers, in the shape of `coefficients`."""
        return self.coefficients * lsb(self.fractions).reshape(-1, *[1] * (self.coefficients.ndim - 1))

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
        """The increment per unit of error in each rounding on the way, shape (order, roundings)."""
        return np.zeros((self.order, 0))

    @property
    def operand_noise(self) -> Array:
        """What one unit of error in each rounding on the way adds to each operand, shape (operands, roundings)."""
        return np.zeros((self.operand_input.size, self.noise_gain.shape[1]))

    @abstractmethod
    def operands(self, states: Array) -> Array:
        """The operands without input, shape (operands, …), in real numbers, for states of shape (order, …)."""

    @abstractmethod
    def widest_product(self, operand_peak: Array) -> float:
        """The largest modulus of anything that is computed on a grid of products, partial sums included.

        Args:
            operand_peak: The largest |operand code|, shape (operands,).
        """

    @abstractmethod
    def evaluate(self, words: Sequence[V], sample: V) -> list[V]:
        """The increments, one for each state, in the arithmetic that hardware realises.

        It is written with +, −, ·int, << and >> alone, so it holds for integers, for arrays of int64 and for the
        signals of a pipeline.

        Args:
            words: The state words on the operands' grid, one for each state.
            sample: The input on the same grid.
        """

    def compute(self, words: IntArray, samples: IntArray) -> IntArray:
        """The increments of `evaluate` for a batch, by whatever is fastest.

        Args:
            words: The state words on the operands' grid, shape (order, batch).
            samples: The inputs on the same grid, shape (batch,).

        Returns:
            The increments in a new array, shape (order, batch).
        """
        return np.stack(self.evaluate(list(words), samples))

    def to_dict(self) -> dict[str, Any]:
        """The coefficients and their fractional bits as plain values."""
        return {"coefficients": self.coefficients.tolist(), "fractions": self.fractions.tolist()}


def normalised(exact: Array, bits: int) -> tuple[Array, IntArray]:
    """Scale each entry so that rounding it leaves bits − 1 significant bits.

    Args:
        exact: The entries, of any shape.
        bits: The width of a word, its sign included.

    Returns:
        The entries times 2^f, unrounded, with moduli in [2^(bits−2), 2^(bits−1)) or 0; and f for each, 0 for zero.
    """
    mantissa, exponent = np.frexp(exact)
    fraction_bits = np.where(exact == 0.0, 0, (bits - 1) - exponent.astype(np.int64))
    return np.ldexp(mantissa, bits - 1), np.asarray(fraction_bits, dtype=np.int64)


def requantise(value: V, fraction_bits: int) -> V:
    """value·2^−fraction_bits, rounded to the nearest integer with ties going up; exact for fraction_bits ≤ 0.

    It is `lmu_hw.fixed_point.formats.round_shift` in the operations that every `Operand` has.
    """
    if fraction_bits <= 0:
        return value if fraction_bits == 0 else value << -fraction_bits
    return (value + (1 << (fraction_bits - 1))) >> fraction_bits


def balanced_sum(values: Sequence[V]) -> V:
    """The sum of one or more values as a tree of adders of the least depth."""
    terms = list(values)
    while len(terms) > 1:
        pairs = [a + b for a, b in zip(terms[0::2], terms[1::2], strict=False)]
        terms = pairs + terms[len(terms) & ~1 :]
    return terms[0]
