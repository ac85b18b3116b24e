"""Words that are known integers or terms of Bitwuzla, and signed arithmetic on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lmu_hw.errors import CheckFailed, MissingToolError

Bits = Any
"""A word: an int of at least 0, which is the bits of the word, or a bit-vector term."""


def _signed(bits: int, width: int) -> int:
    return bits - ((bits >> (width - 1)) << width)


# By operation: the value for known words, from the widths and the bits of the arguments; the kind of term; and whether
# that term is Boolean.
OPERATIONS: dict[str, tuple[Callable[[list[int], list[int]], int], str, bool]] = {
    "not": (lambda w, v: ~v[0], "BV_NOT", False),
    "neg": (lambda w, v: -v[0], "BV_NEG", False),
    "inc": (lambda w, v: v[0] + 1, "BV_INC", False),
    "dec": (lambda w, v: v[0] - 1, "BV_DEC", False),
    "redand": (lambda w, v: int(v[0] == (1 << w[0]) - 1), "BV_REDAND", False),
    "redor": (lambda w, v: int(v[0] != 0), "BV_REDOR", False),
    "redxor": (lambda w, v: v[0].bit_count() & 1, "BV_REDXOR", False),
    "and": (lambda w, v: v[0] & v[1], "BV_AND", False),
    "nand": (lambda w, v: ~(v[0] & v[1]), "BV_NAND", False),
    "or": (lambda w, v: v[0] | v[1], "BV_OR", False),
    "nor": (lambda w, v: ~(v[0] | v[1]), "BV_NOR", False),
    "xor": (lambda w, v: v[0] ^ v[1], "BV_XOR", False),
    "xnor": (lambda w, v: ~(v[0] ^ v[1]), "BV_XNOR", False),
    "add": (lambda w, v: v[0] + v[1], "BV_ADD", False),
    "sub": (lambda w, v: v[0] - v[1], "BV_SUB", False),
    "mul": (lambda w, v: v[0] * v[1], "BV_MUL", False),
    "sll": (lambda w, v: v[0] << min(v[1], w[0]), "BV_SHL", False),
    "srl": (lambda w, v: v[0] >> min(v[1], w[0]), "BV_SHR", False),
    "sra": (lambda w, v: _signed(v[0], w[0]) >> min(v[1], w[0]), "BV_ASHR", False),
    "concat": (lambda w, v: (v[0] << w[1]) | v[1], "BV_CONCAT", False),
    "eq": (lambda w, v: int(v[0] == v[1]), "EQUAL", True),
    "neq": (lambda w, v: int(v[0] != v[1]), "DISTINCT", True),
    "ult": (lambda w, v: int(v[0] < v[1]), "BV_ULT", True),
    "ulte": (lambda w, v: int(v[0] <= v[1]), "BV_ULE", True),
    "ugt": (lambda w, v: int(v[0] > v[1]), "BV_UGT", True),
    "ugte": (lambda w, v: int(v[0] >= v[1]), "BV_UGE", True),
    "slt": (lambda w, v: int(_signed(v[0], w[0]) < _signed(v[1], w[1])), "BV_SLT", True),
    "slte": (lambda w, v: int(_signed(v[0], w[0]) <= _signed(v[1], w[1])), "BV_SLE", True),
    "sgt": (lambda w, v: int(_signed(v[0], w[0]) > _signed(v[1], w[1])), "BV_SGT", True),
    "sgte": (lambda w, v: int(_signed(v[0], w[0]) >= _signed(v[1], w[1])), "BV_SGE", True),
}


class Solver:
    """Bitwuzla, with words that may be known.

    Raises:
        MissingToolError: Bitwuzla is not installed.
    """

    def __init__(self) -> None:
        try:
            import bitwuzla
        except ImportError:
            raise MissingToolError("bitwuzla", "pip install 'lmu-hw[formal]'") from None
        self._api = bitwuzla
        self._terms = bitwuzla.TermManager()
        options = bitwuzla.Options()
        options.set(bitwuzla.Option.PRODUCE_MODELS, True)
        self._solver = bitwuzla.Bitwuzla(self._terms, options)
        self._fresh = 0

    def fresh(self, width: int, name: str) -> Bits:
        """Return a new unknown word; `name` appears in the solver's messages."""
        self._fresh += 1
        return self._terms.mk_const(self._terms.mk_bv_sort(width), f"{name}#{self._fresh}")

    def term(self, bits: Bits, width: int) -> Any:
        """Return the word as a term."""
        return self._terms.mk_bv_value(self._terms.mk_bv_sort(width), bits) if isinstance(bits, int) else bits

    def apply(self, operation: str, widths: list[int], values: list[Bits], width: int) -> Bits:
        """Return the result of a BTOR2 operation as a word of `width` bits.

        Args:
            operation: A key of `OPERATIONS`.
            widths: The widths of the arguments.
            values: The arguments.
            width: The width of the result.
        """
        known, kind, boolean = OPERATIONS[operation]
        if all(isinstance(value, int) for value in values):
            return known(widths, values) & ((1 << width) - 1)
        if operation in ("and", "mul") and any(isinstance(value, int) and value == 0 for value in values):
            return 0
        arguments = [self.term(value, w) for value, w in zip(values, widths, strict=True)]
        result = self._terms.mk_term(getattr(self._api.Kind, kind), arguments)
        if not boolean:
            return result
        return self._terms.mk_term(self._api.Kind.ITE, [result, self.term(1, 1), self.term(0, 1)])

    def choose(self, condition: Bits, yes: Bits, no: Bits, width: int) -> Bits:
        """Return the word `yes` if `condition`, a word of one bit, is 1, and `no` otherwise; both have `width` bits."""
        if isinstance(condition, int):
            return yes if condition else no
        if isinstance(yes, int) and isinstance(no, int) and yes == no:
            return yes
        asked = self._terms.mk_term(self._api.Kind.EQUAL, [condition, self.term(1, 1)])
        return self._terms.mk_term(self._api.Kind.ITE, [asked, self.term(yes, width), self.term(no, width)])

    def slice(self, bits: Bits, low: int, width: int) -> Bits:
        """Return `width` bits of a word, from bit `low` on."""
        if isinstance(bits, int):
            return (bits >> low) & ((1 << width) - 1)
        return self._terms.mk_term(self._api.Kind.BV_EXTRACT, [bits], [low + width - 1, low])

    def extend(self, bits: Bits, width: int, to: int, signed: bool) -> Bits:
        """Return a word of `width` bits extended to `to` bits, by its sign or by zeros."""
        if isinstance(bits, int):
            return (_signed(bits, width) if signed else bits) & ((1 << to) - 1)
        kind = self._api.Kind.BV_SIGN_EXTEND if signed else self._api.Kind.BV_ZERO_EXTEND
        return bits if to == width else self._terms.mk_term(kind, [bits], [to - width])

    def concat(self, parts: list[tuple[Bits, int]]) -> Bits:
        """Return the concatenation of words, each with its width, the lowest first."""
        bits, width = parts[0]
        for part, w in parts[1:]:
            bits = self.apply("concat", [w, width], [part, bits], w + width)
            width += w
        return bits

    def require(self, bit: Bits) -> None:
        """Require that a word of one bit is 1."""
        self._solver.assert_formula(self._terms.mk_term(self._api.Kind.EQUAL, [self.term(bit, 1), self.term(1, 1)]))

    def possible(self) -> bool:
        """Return whether everything that is required can hold at once.

        Raises:
            CheckFailed: The solver does not find out.
        """
        result = self._solver.check_sat()
        if result == self._api.Result.UNKNOWN:
            raise CheckFailed("the solver gave up")
        return bool(result == self._api.Result.SAT)

    def value(self, bits: Bits, width: int) -> int:
        """Return the value of a word in the solution that `possible` has just found."""
        return int(self._solver.get_value(self.term(bits, width)).value(10))

    def push(self) -> None:
        """Open a scope: what is required from now on lasts until `pop`."""
        self._solver.push(1)

    def pop(self) -> None:
        """Close the scope of the last `push`."""
        self._solver.pop(1)


class Wide:
    """A signed word with the operators of the plan's arithmetic, so wide that nothing overflows.

    Attributes:
        solver: The solver that makes the terms.
        bits, width: The word and its width.
        operand: A function that is called with each operand of a multiplication and returns what is multiplied in its
            place.
    """

    def __init__(self, solver: Solver, bits: Bits, width: int, operand: Callable[[Wide], Wide]) -> None:
        self.solver, self.bits, self.width, self.operand = solver, bits, width, operand

    def like(self, value: int) -> Wide:
        """Return the known word of this value."""
        return self._with(value & ((1 << self.width) - 1))

    def _with(self, bits: Bits) -> Wide:
        return Wide(self.solver, bits, self.width, self.operand)

    def _pair(self, operation: str, other: Wide | int, width: int | None = None) -> Bits:
        right = self.like(other) if isinstance(other, int) else other
        return self.solver.apply(operation, [self.width] * 2, [self.bits, right.bits], width or self.width)

    def __add__(self, other: Wide | int) -> Wide:
        return self._with(self._pair("add", other))

    def __sub__(self, other: Wide | int) -> Wide:
        return self._with(self._pair("sub", other))

    def __mul__(self, factor: int) -> Wide:
        return self._with(self.operand(self)._pair("mul", factor))

    def __lshift__(self, count: int) -> Wide:
        if count == 0:
            return self
        kept = self.solver.slice(self.bits, 0, self.width - count)
        return self._with(self.solver.concat([(0, count), (kept, self.width - count)]))

    def __rshift__(self, count: int) -> Wide:
        kept = self.solver.slice(self.bits, count, self.width - count)
        return self._with(self.solver.extend(kept, self.width - count, self.width, signed=True))

    def within(self, least: int, greatest: int) -> Bits:
        """Return a word of one bit that is 1 if this word lies from `least` to `greatest`."""
        inside = [self._pair("sgte", least, 1), self._pair("slte", greatest, 1)]
        return self.solver.apply("and", [1, 1], inside, 1)

    def cut(self, width: int) -> Wide:
        """Return the word of the same value without the bits above `width`, which that value does not need."""
        return self._with(self.solver.extend(self.solver.slice(self.bits, 0, width), width, self.width, signed=True))

    def equals(self, bits: Bits, width: int) -> Bits:
        """Return a word of one bit that is 1 if the signed word `bits` of `width` bits has the same value."""
        wide = self.solver.extend(bits, width, self.width, signed=True)
        return self.solver.apply("eq", [self.width] * 2, [self.bits, wide], 1)
