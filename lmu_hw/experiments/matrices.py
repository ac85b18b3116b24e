"""The state matrix of the zero-order hold: rounded with a guarantee, and as a product of cheap stages."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import click
import mpmath
import numpy as np

from lmu_hw.cli.output import grid
from lmu_hw.cli.parameters import Fractions, Wholes
from lmu_hw.cli.programs import Outcome
from lmu_hw.core.legendre import Array, orthonormal_system
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.system import discretize, energy_per_unit
from lmu_hw.errors import DesignError
from lmu_hw.experiments.app import experiment, seed_option, watched
from lmu_hw.fixed_point.contraction import Guarantee, contracting_dense
from lmu_hw.fixed_point.datapaths.structured.zoh import (
    band_error,
    deviation_bound,
    energy_gain,
    structured_zoh,
    transition_of,
    white_error,
)

# Rounded matrices

_SQUARINGS = 16


@dataclass(frozen=True)
class Rounded:
    """One rounding of one matrix.

    Attributes:
        order: The order d.
        bits: The width of a coefficient.
        rounding: The name of the rounding.
        growth: ‖Gᵏ‖^(1/k) at k = 2¹⁶, which is close to the spectral radius.
        gain: ‖G‖₂ in orthonormal coordinates.
        white: The relative RMS error of the states for white input; None where the matrix is unstable.
        band: The same error for input that is white up to d/8 cycles per window.
        certified: Whether the certificate of the matrix holds; None where it has none.
    """

    order: int
    bits: int
    rounding: str
    growth: float
    gain: float
    white: float | None
    band: float | None
    certified: bool | None


def roundings(spec: LMUSpec, bits: int) -> Iterator[Rounded]:
    """The roundings of one matrix, plain ones first; a guarantee that cannot be given at this width is left out."""
    system = discretize(spec)
    eye = np.eye(spec.order)
    most = 2 ** (bits - 1) - 1
    lsb = float(np.abs(system.transition).max()) / most
    yield _rounded(spec, bits, "exp(hA), one scale", np.rint(system.transition / lsb) * lsb - eye, None)
    increment = system.transition - eye
    fraction_bits = np.floor(np.log2((most + 0.49) / np.abs(increment).max(axis=1)))[:, None]
    yield _rounded(spec, bits, "increment, by row", np.rint(increment * 2.0**fraction_bits) * 2.0**-fraction_bits, None)
    for guarantee in Guarantee:
        try:
            result = contracting_dense(spec, bits, guarantee)
        except DesignError:
            continue
        yield _rounded(spec, bits, f"guarantee {guarantee}", result.matrix, result.certified)


def growth_per_step(transition: Array) -> float:
    """‖Gᵏ‖^(1/k) at k = 2¹⁶, by repeated squaring, with the scale kept apart so that nothing overflows."""
    power, logarithm = transition, 0.0
    for _ in range(_SQUARINGS):
        norm = float(np.linalg.norm(power))
        power, logarithm = (power / norm) @ (power / norm), 2.0 * (logarithm + np.log(norm))
    return float(np.exp((logarithm + np.log(np.linalg.norm(power))) / 2**_SQUARINGS))


def _rounded(spec: LMUSpec, bits: int, rounding: str, increment: Array, certified: bool | None) -> Rounded:
    growth = growth_per_step(transition_of(spec, increment))
    stable = growth < 1.0
    white = white_error(spec, increment).energy if stable else None
    band = band_error(spec, increment, spec.order / 8).energy if stable else None
    return Rounded(spec.order, bits, rounding, growth, energy_gain(spec, increment), white, band, certified)


@experiment("contraction")
@click.option("--orders", type=Wholes(), default="6,32,64,256", metavar="N,N,...", help="Orders of the memory.")
@click.option("--bits", type=Wholes(), default="6,8,10,12", metavar="N,N,...", help="Widths of a coefficient.")
@click.option("--ratio", default=784.0, help="Window in steps, θ/dt.")
def contraction(orders: tuple[int, ...], bits: tuple[int, ...], ratio: float) -> Outcome:
    """Measure stability and accuracy of rounded matrices.

    For each order and width: exp(hA) with all entries rounded on one scale, the increment rounded to nearest row by
    row, and both guarantees of `contracting_dense`. The check fails where a guarantee does not hold when it is
    checked anew.
    """
    cases = [(order, width) for order in orders for width in bits]
    found: list[Rounded] = []
    for order, width in watched(cases, lambda case: f"order {case[0]}, {case[1]} bits"):
        found += roundings(LMUSpec(order, ratio, 1.0), width)
    heads = ["d", "bits", "rounding", "radius", "‖G‖−1", "white", "band", "proved"]
    rows = [
        (
            str(each.order),
            str(each.bits),
            each.rounding,
            f"{each.growth:.5f}",
            f"{each.gain - 1:.1e}",
            *("–" if error is None else f"{error:.1e}" for error in (each.white, each.band)),
            "yes" if each.certified else "–",
        )
        for each in found
    ]
    broken = [f"{each.rounding} at order {each.order}, {each.bits} bits" for each in found if each.certified is False]
    return Outcome(
        {"theta_over_dt": ratio, "roundings": [asdict(each) for each in found]},
        [grid("Rounded state matrices", heads, rows, right=(0, 1, 3, 4, 5, 6))],
        failure=f"no certificate holds for {'; '.join(broken)}" if broken else None,
    )


# Products of stages

_NEWTON_STEPS = 12
_NOTHING = 1e-15  # a deviation that is rounding alone
_PADE = ((1, 1), (2, 2), (3, 3), (3, 4), (4, 4), (6, 6), (8, 8))


def pade_increment(spec: LMUSpec, numerator: int, denominator: int) -> Array:
    """R(hA) − I in the specification's basis, where R is the [numerator/denominator] Padé approximant of exp.

    R(X) = c·I + Σ_k ω_k (X − σ_k)⁻¹ with the zeros σ_k of the denominator, each term solved by itself: with
    ‖hA‖ far above 1 the polynomials themselves lose all digits.

    Raises:
        DesignError: The degrees are not denominator − 1 ≤ numerator ≤ denominator ≤ 8, for which R(hA) is a
            contraction.
    """
    p, q = numerator, denominator
    if not (1 <= q <= 8 and q - 1 <= p <= q):
        raise DesignError("degrees of the approximant", "[q/q] or [q−1/q] with q from 1 to 8", (p, q))
    with mpmath.workdps(50):  # the poles are close together for their number
        # Ascending powers; Golub and Van Loan, Matrix Computations, section 9.3.
        top = [mpmath.binomial(p, j) * mpmath.factorial(p + q - j) for j in range(p + 1)]
        low = [mpmath.binomial(q, j) * mpmath.factorial(p + q - j) * (-1) ** j for j in range(q + 1)]
        slope = [j * c for j, c in enumerate(low)][1:]
        poles, weights = [], []
        for start in np.polynomial.Polynomial([float(c) for c in low]).roots().tolist():
            pole = mpmath.mpmathify(start)
            for _ in range(_NEWTON_STEPS):
                pole -= _value(low, pole) / _value(slope, pole)
            poles.append(complex(pole))
            weights.append(complex(_value(top, pole) / _value(slope, pole)))
        limit = float(top[p] / low[q]) if p == q else 0.0
    a, _ = orthonormal_system(spec.order)
    eye = np.eye(spec.order)
    result = limit * eye.astype(np.complex128)
    for pole, weight in zip(poles, weights, strict=True):
        result = result + weight * np.linalg.inv(spec.h * a - pole * eye)
    scale = energy_per_unit(spec)
    return np.asarray((result.real - eye) / scale[:, None] * scale[None, :])


def _value(coefficients: list[Any], point: Any) -> Any:
    """The value of a polynomial in mpmath's numbers, whose coefficients are in the order of ascending powers."""
    return mpmath.fsum(c * point**j for j, c in enumerate(coefficients))


def pade_multiplications(order: int, denominator: int) -> int:
    """The real multiplications per sample: 3 per state for a real pole, 10 for a pair.

    A pair takes one tridiagonal solve with complex constants, two complex products per state, and two real ones
    for the real part of the weighted result.
    """
    return order * (10 * (denominator // 2) + 3 * (denominator % 2))


@dataclass(frozen=True)
class Point:
    """One structured form of one memory.

    Attributes:
        order: The order d.
        ratio: The window in steps, θ/dt.
        method: "structured", with the most levels, or the degrees of a Padé approximant.
        multiplications: The number of multiplications per sample.
        stages: The number of stages that depend on each other; 0 for a form without stages.
        saving: The ratio d²/multiplications.
        white: The relative RMS error for white input in orthonormal coordinates.
        legendre: The same error in Legendre coordinates.
        bound: The proved bound on the deviation of any state for any |u| ≤ 1.
        reached: The largest share of a state's bound that a simulation of random signs reached.
        excess: ‖I + D̃‖₂ − 1 in orthonormal coordinates.
    """

    order: int
    ratio: float
    method: str
    multiplications: int
    stages: int
    saving: float
    white: float
    legendre: float
    bound: float
    reached: float
    excess: float


def measure_point(spec: LMUSpec, method: str, multiplications: int, stages: int, increment: Array, seed: int) -> Point:
    """Measure one increment, a matrix in the specification's basis."""
    error, bound = white_error(spec, increment), deviation_bound(spec, increment)
    return Point(
        spec.order,
        spec.ratio,
        method,
        multiplications,
        stages,
        spec.order**2 / multiplications,
        error.energy,
        error.legendre,
        float(bound.max()),
        float((_deviation(spec, increment, seed) / np.maximum(bound, _NOTHING)).max()),
        energy_gain(spec, increment) - 1.0,
    )


def forms(
    spec: LMUSpec, errors: Sequence[float], levels: Sequence[int | None] = (None, 4), seed: int = 0
) -> list[Point]:
    """The structured products for each error and number of levels, and Padé approximants beside them."""
    points = []
    for most in levels:
        for error in errors:
            product = structured_zoh(spec, error, levels=most)
            name = "structured" if most is None else f"structured, {most} levels"
            points.append(
                measure_point(spec, name, product.multiplications, len(product.stages), product.matrix(), seed)
            )
    for p, q in _PADE:
        increment = pade_increment(spec, p, q)
        points.append(measure_point(spec, f"Padé [{p}/{q}]", pade_multiplications(spec.order, q), 0, increment, seed))
    return points


def _deviation(spec: LMUSpec, increment: Array, seed: int) -> Array:
    """The largest |x̃ − x| of each state over one and a half windows of random signs, shape (order,)."""
    system = discretize(spec)
    inputs = np.random.default_rng(seed).choice([-1.0, 1.0], int(1.5 * min(spec.ratio, 4000.0)) + 1)
    unit = np.eye(spec.order)[0]
    exact, other, worst = np.zeros(spec.order), np.zeros(spec.order), np.zeros(spec.order)
    for u in inputs.tolist():
        exact = system.transition @ exact + system.input * u
        other = other + increment @ (other - unit * u)
        worst = np.maximum(worst, np.abs(other - exact))
    return worst


def _csv(points: Sequence[Point]) -> str:
    """The points as a table, one a line."""
    text = io.StringIO()
    table = csv.DictWriter(text, [field.name for field in fields(Point)], lineterminator="\n")
    table.writeheader()
    table.writerows(asdict(point) for point in points)
    return text.getvalue()


def _plot(points: Sequence[Point]) -> str:
    """The error over multiplications per d² as SVG, with one panel for each memory."""
    import matplotlib
    from matplotlib.figure import Figure

    from lmu_hw.core.figures import styled

    cases = sorted({(p.order, p.ratio) for p in points})
    with matplotlib.rc_context({"svg.hashsalt": "lmu-hw", "svg.fonttype": "path", "font.family": "DejaVu Sans"}):
        figure = Figure(figsize=(4.6 * len(cases), 3.8), layout="constrained")
        for panel, case in zip(figure.subplots(1, len(cases), squeeze=False)[0], cases, strict=True):
            here = [p for p in points if (p.order, p.ratio) == case]
            names = dict.fromkeys("Padé" if p.method.startswith("Padé") else p.method for p in here)
            for name, mark in styled(names, "osd^v*"):
                line = sorted((p.multiplications / p.order**2, p.white) for p in here if p.method.startswith(name))
                if name == "structured":
                    line = sorted((p.multiplications / p.order**2, p.white) for p in here if p.method == name)
                panel.semilogy([x for x, _ in line], [max(y, 1e-16) for _, y in line], marker=mark, label=name)
            panel.set(
                title=f"d = {case[0]}, θ/dt = {case[1]:g}", xlabel="multiplications/d²", ylabel="white-input error"
            )
            panel.grid(True, color="#e4e7eb")
            panel.legend(frameon=False, fontsize=8)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


class _Cases(click.ParamType[tuple[tuple[int, float], ...]]):
    """Orders and windows in steps, as order:ratio between commas."""

    name = "cases"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return `value` as pairs (order, ratio).

        Raises:
            DesignError: It is no list of such pairs.
        """
        if isinstance(value, tuple):
            return value
        try:
            pairs = [case.partition(":") for case in str(value).split(",")]
            return tuple((int(order), float(ratio)) for order, _, ratio in pairs)
        except ValueError:
            raise DesignError("cases", "order:ratio, separated by commas", value) from None


@experiment("tradeoff")
@click.option(
    "--cases", type=_Cases(), default="64:784,256:784", metavar="D:R,...", help="Order and θ/dt of each memory."
)
@click.option("--errors", type=Fractions(), default="1e-2,1e-3,1e-4,1e-5", metavar="E,E,...", help="Errors to reach.")
@click.option("--levels", type=Wholes(), default="0,4", metavar="N,N,...", help="Most levels; 0 for any number.")
@seed_option("the simulated input")
def tradeoff(
    cases: tuple[tuple[int, float], ...], errors: tuple[float, ...], levels: tuple[int, ...], seed: int
) -> Outcome:
    """Weigh multiplications against error for the zero-order hold.

    With --out it also leaves tradeoff.csv and tradeoff.svg. The check fails where a bound does not hold: the
    deviation that random signs reach in simulation must stay below it in every state.
    """
    points: list[Point] = []
    for order, ratio in watched(cases, lambda case: f"order {case[0]}"):
        points += forms(LMUSpec(order, ratio, 1.0), errors, [most or None for most in levels], seed)
    heads = ["d", "θ/dt", "method", "mult.", "d²/m", "stages", "white", "Legendre", "bound", "reached", "‖G‖−1"]
    rows = [
        (
            str(p.order),
            f"{p.ratio:g}",
            p.method,
            str(p.multiplications),
            f"{p.saving:.1f}",
            str(p.stages or "–"),
            *(f"{value:.1e}" for value in (p.white, p.legendre, p.bound)),
            f"{p.reached:.2f}",
            f"{p.excess:.1e}",
        )
        for p in points
    ]
    broken = [f"{p.method} at order {p.order}: {p.reached:.3g} times its bound" for p in points if p.reached > 1.0]
    return Outcome(
        {"seed": seed, "points": [asdict(point) for point in points]},
        [grid("Forms of the zero-order hold", heads, rows, right=(0, 1, *range(3, 11)))],
        {"tradeoff.csv": lambda: _csv(points), "tradeoff.svg": lambda: _plot(points)},
        "; ".join(broken) or None,
    )
