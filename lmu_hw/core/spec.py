"""The specification of a memory, which everything else is derived from."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from lmu_hw.core.display import Displayed, number
from lmu_hw.core.registry import member
from lmu_hw.core.stability import Stability
from lmu_hw.core.steps import Discretization, is_stable, least_theta_over_dt, step_stability
from lmu_hw.errors import DesignError, check_integer, check_positive

MAX_ORDER = 2048
#: The longest window in steps. Beyond it a step changes the state by less than doubles resolve to a few digits.
MAX_RATIO = 2.0**40
_SHORTEST, _LONGEST = 1e-18, 1e18  # seconds; far from the edge of floating point in all that is derived


class Basis(StrEnum):
    """Coordinates of the state: Legendre coefficients m_i, or orthonormal ones x_i = m_i/√(2i+1)."""

    LEGENDRE = "legendre"
    ORTHONORMAL = "orthonormal"


@dataclass(frozen=True, repr=False)
class LMUSpec(Displayed):
    """One Legendre memory: order, window, step, time-stepping method and coordinates.

    Attributes:
        order: The number of states d, 1 … 2048.
        theta: The length θ of the window in seconds, finite and positive.
        dt: The time between samples in seconds, 0 < dt ≤ θ.
        discretization: The time-stepping method, by name or member.
        basis: The coordinates of the state, by name or member.

    Raises:
        DesignError: a value is outside its range, or the step is unstable; then the message names the
            least θ/dt that is allowed.
    """

    order: int
    theta: float
    dt: float
    discretization: Discretization = Discretization.ZOH
    basis: Basis = Basis.LEGENDRE

    if TYPE_CHECKING:  # what type checkers are told, because members may be given by name

        def __init__(
            self,
            order: int,
            theta: float,
            dt: float,
            discretization: Discretization | str = Discretization.ZOH,
            basis: Basis | str = Basis.LEGENDRE,
        ) -> None: ...

    def __post_init__(self) -> None:
        object.__setattr__(self, "order", check_integer("order", self.order, 1, MAX_ORDER))
        object.__setattr__(self, "theta", check_positive("theta", self.theta, "seconds"))
        object.__setattr__(self, "dt", check_positive("dt", self.dt, "seconds"))
        if not _SHORTEST <= self.theta <= _LONGEST:
            raise DesignError("theta", f"from {_SHORTEST:g} to {_LONGEST:g} s", self.theta)
        if self.dt > self.theta:
            raise DesignError("dt", f"at most theta = {self.theta:g} s", self.dt)
        if self.ratio > MAX_RATIO:
            raise DesignError("dt", f"at least theta / 2^40 = {self.theta / MAX_RATIO:.4g} s", self.dt)
        object.__setattr__(self, "discretization", member(Discretization, self.discretization, "discretization"))
        object.__setattr__(self, "basis", member(Basis, self.basis, "basis"))
        if not is_stable(self.order, self.h, self.discretization):
            least = math.ceil(1e3 * least_theta_over_dt(self.order, self.discretization)) / 1e3
            raise DesignError(
                "theta/dt",
                f"at least {least} for a stable {self.discretization} step at order {self.order}",
                f"{self.ratio:.4g}",
            )

    def __repr__(self) -> str:
        """The call that makes an equal specification."""
        return f"LMUSpec({', '.join(f'{name}={value!r}' for name, value in self.to_dict().items())})"

    def _facts(self) -> Iterable[tuple[str, str]]:
        yield "order", str(self.order)
        yield "window θ", f"{number(self.theta)} s, {number(self.ratio)} steps"
        yield "step dt", f"{number(self.dt)} s, {self.discretization}"
        yield "basis", str(self.basis)

    @property
    def h(self) -> float:
        """The step in windows, dt/θ, dimensionless, in (0, 1]."""
        return self.dt / self.theta

    @property
    def ratio(self) -> float:
        """The window in steps, θ/dt, at least 1."""
        return self.theta / self.dt

    @property
    def stability(self) -> Stability:
        """The spectral radius and the margin of the step, and its largest transient growth."""
        return step_stability(self.order, self.h, self.discretization)

    def to_dict(self) -> dict[str, Any]:
        """The specification as plain values, in the order of its fields."""
        return {f.name: str(v) if isinstance(v := getattr(self, f.name), str) else v for f in fields(self)}

    def summary(self) -> str:
        """The specification in one line, for the head of a generated file."""
        return (
            f"order {self.order}, theta {self.theta!r} s, dt {self.dt!r} s, "
            f"{self.discretization} step, {self.basis} basis"
        )
