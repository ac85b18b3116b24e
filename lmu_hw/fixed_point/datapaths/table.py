"""The table of datapaths: a row for each, which says everything about it but its arithmetic.

The arithmetic of a datapath is an `Increment` in a file of its own, and its hardware is a memory of
`lmu_hw.rtl.memory`. Only the standard library is imported here, so that the command line can list datapaths without
delay.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lmu_hw.core.registry import Registered
from lmu_hw.errors import RequestError

if TYPE_CHECKING:
    from lmu_hw.core.spec import LMUSpec
    from lmu_hw.fixed_point.datapaths.base import Increment


class Datapath(Registered):
    """How the increment of the state is computed.

    Attributes:
        builder: Where the function (spec, coefficient_bits, **options) → increment is, as "module:name".
        any_basis: Whether it works in every basis; otherwise only in the Legendre basis, where its couplings are
            integers.
        options: Names of the options of `plan_memory` that it takes.
        weighed_from: The order from which the search weighs it where it is not the first that a method offers;
            None where that never pays.
    """

    builder: str
    any_basis: bool
    options: frozenset[str]
    weighed_from: int | None

    @classmethod
    def define(
        cls,
        name: str,
        builder: str,
        *,
        any_basis: bool = False,
        options: tuple[str, ...] = (),
        weighed_from: int | None = None,
    ) -> Datapath:
        """The datapath of that name; the arguments are the attributes."""
        datapath: Datapath = cls.new(
            name, builder=builder, any_basis=any_basis, options=frozenset(options), weighed_from=weighed_from
        )
        return datapath

    def increment(self, spec: LMUSpec, coefficient_bits: int, **options: Any) -> Increment:
        """The integers for `spec`, with coefficients of so many bits.

        Args:
            spec: The specification.
            coefficient_bits: The width of a coefficient, its sign included.
            options: Options of `plan_memory` by name; None stands for an option that was not given.

        Raises:
            DesignError: an option belongs to other datapaths, or the increment cannot be built.
        """
        given = {name: value for name, value in options.items() if value is not None}
        for name in given:
            if name not in self.options:
                takers = " or ".join(each for each in Datapath if name in each.options)
                raise RequestError(f"{name} has no effect with the {self} datapath", hint=f"it belongs to {takers}")
        module, function = self.builder.split(":")
        increment: Increment = getattr(import_module(module), function)(spec, coefficient_bits, **given)
        return increment


_HERE = "lmu_hw.fixed_point.datapaths"

Datapath.register(Datapath.define("chain", f"{_HERE}.chain:chain_increment"))
Datapath.register(Datapath.define("tridiagonal", f"{_HERE}.tridiagonal:tridiagonal_increment"), aliases=("solve",))
Datapath.register(
    Datapath.define("dense", "lmu_hw.fixed_point.contraction:rounded_increment", any_basis=True, options=("guarantee",))
)
Datapath.register(
    Datapath.define(
        "structured",
        f"{_HERE}.structured.increment:structured_increment",
        any_basis=True,
        options=("structured_error",),
        weighed_from=24,
    )
)
