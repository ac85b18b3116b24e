"""A matrix as a product of sparse stages, in which every word is computed from words of earlier stages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import IntArray


@dataclass(frozen=True, eq=False)
class Block:
    """Words that share their operands: words[rows] = words[carry] + coefficients · words[operands].

    Attributes:
        rows: The numbers of the words that are computed, in the last stage of the results, shape (m,).
        operands: The numbers of the earlier words, shape (k,).
        coefficients: The coefficients, shape (m, k); each is one multiplication.
        carry: For each row the word that is added without multiplication, shape (m,); None where there are none.
    """

    rows: IntArray
    operands: IntArray
    coefficients: Array
    carry: IntArray | None = None


@dataclass(frozen=True, eq=False)
class StagedProduct:
    """A linear map of `order` words in stages; rows of one stage do not wait for each other.

    Words 0 … order−1 are the argument z; the stages number theirs from there on, in order. The last stage
    gives the `order` results. A dense matrix is the special case of one stage with one block.

    Attributes:
        order: The number of arguments and of results.
        stages: The blocks of each stage.

    Raises:
        DesignError: a stage leaves out a row, has one twice, or uses a word that no earlier stage computed.
    """

    order: int
    stages: tuple[tuple[Block, ...], ...]

    def __post_init__(self) -> None:
        known = self.order
        for number, blocks in enumerate(self.stages):
            last = number == len(self.stages) - 1
            rows = np.sort(np.concatenate([block.rows for block in blocks]))
            first, count = (0, self.order) if last else (known, rows.size)
            if not np.array_equal(rows, np.arange(first, first + count)):
                raise DesignError(f"stage {number}", f"rows {first} … {first + count - 1}, each once", rows.tolist())
            for block in blocks:
                sources = block.operands if block.carry is None else np.concatenate([block.operands, block.carry])
                if sources.size and not 0 <= sources.min() <= sources.max() < known:
                    raise DesignError(f"stage {number}", f"made of words below {known}", int(sources.max()))
                if block.coefficients.shape != (block.rows.size, block.operands.size):
                    raise DesignError(
                        f"stage {number}", "one coefficient per row and operand", block.coefficients.shape
                    )
            known += 0 if last else count

    @classmethod
    def dense(cls, matrix: Array) -> StagedProduct:
        """The product of `matrix`, shape (order, order), in one stage."""
        every = np.arange(matrix.shape[0])
        return cls(matrix.shape[0], ((Block(every, every, matrix),),))

    @property
    def multiplications(self) -> int:
        """The number of coefficients of all blocks; words that are carried over are additions."""
        return sum(block.coefficients.size for blocks in self.stages for block in blocks)

    @property
    def words(self) -> int:
        """The number of words between argument and result."""
        return sum(block.rows.size for blocks in self.stages[:-1] for block in blocks)

    def propagate(self, argument: Array, errors: Array | None = None) -> tuple[Array, Array]:
        """All words and the results, in real numbers.

        Args:
            argument: The argument z as columns, shape (order, n).
            errors: What is added to each word between argument and result, shape (words, n).

        Returns:
            The words, z included, shape (order + words, n), and the results, shape (order, n).
        """
        words = np.zeros((self.order + self.words, argument.shape[1]))
        words[: self.order] = argument
        results = np.zeros((self.order, argument.shape[1]))
        for blocks in self.stages:
            for block in blocks:
                value = block.coefficients @ words[block.operands]
                if block.carry is not None:
                    value = value + words[block.carry]
                if blocks is self.stages[-1]:
                    results[block.rows] = value
                else:
                    words[block.rows] = value if errors is None else value + errors[block.rows - self.order]
        return words, results

    @cached_property
    def maps(self) -> tuple[Array, Array]:
        """All words per unit of z, shape (order + words, order), and the results, shape (order, order)."""
        return self.propagate(np.eye(self.order))

    @cached_property
    def noise(self) -> tuple[Array, Array]:
        """What one unit of error in each word between argument and result adds to all words and to the results.

        The shapes are (order + words, words) and (order, words).
        """
        return self.propagate(np.zeros((self.order, self.words)), np.eye(self.words))

    def matrix(self) -> Array:
        """The matrix that the stages realise, found by unit vectors, shape (order, order)."""
        return self.maps[1]
