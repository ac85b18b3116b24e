"""Multiplications against error for the zero-order hold: `python -m lmu_hw.experiments.tradeoff`.

Prints a table; with --out also writes tradeoff.csv and tradeoff.svg. Exit status 1 where a bound does not hold:
the deviation that random signs reach in simulation must stay below it in every state.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import mpmath
import numpy as np

from lmu_hw.core.legendre import Array, orthonormal_system
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.system import discretize, energy_per_unit
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.datapaths.structured.zoh import deviation_bound, energy_gain, structured_zoh, white_error
from lmu_hw.io.files import write_text

_NEWTON_STEPS = 12


def pade_increment(spec: LMUSpec, numerator: int, denominator: int) -> Array:
    """R(hA) − I in the specification's basis, R the [numerator/denominator] Padé approximant of exp.

    R(X) = c·I + Σ_k ω_k (X − σ_k)⁻¹ with the zeros σ_k of the denominator, each term solved by itself: with
    ‖hA‖ far above 1 the polynomials themselves lose all digits.

    Raises:
        DesignError: not denominator − 1 ≤ numerator ≤ denominator ≤ 8, for which R(hA) is a contraction.
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
    """A polynomial, ascending powers, in mpmath's numbers."""
    return mpmath.fsum(c * point**j for j, c in enumerate(coefficients))


def pade_multiplications(order: int, denominator: int) -> int:
    """Real multiplications per sample: 3 per state for a real pole, 10 for a pair.

    A pair takes one tridiagonal solve with complex constants, two complex products per state, and two real ones
    for the real part of the weighted result.
    """
    return order * (10 * (denominator // 2) + 3 * (denominator % 2))


_NOTHING = 1e-15  # a deviation that is rounding alone
_PADE = ((1, 1), (2, 2), (3, 3), (3, 4), (4, 4), (6, 6), (8, 8))


@dataclass(frozen=True)
class Point:
    """One structured form of one memory.

    Attributes:
        order, ratio: d and θ/dt.
        method: structured, with the most levels, or the degrees of a Padé approximant.
        multiplications: per sample.
        stages: what has to wait for each other; 0 where that is not a count of stages.
        saving: d²/multiplications.
        white, legendre: relative RMS error for white input, in orthonormal and in Legendre coordinates.
        bound: the largest deviation of any state for any |u| ≤ 1, proved.
        reached: the largest share of a state's bound that a simulation of random signs reached.
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


def measure(spec: LMUSpec, method: str, multiplications: int, stages: int, increment: Array, seed: int) -> Point:
    """All figures of one increment, given as a matrix in the specification's basis."""
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


def tradeoff(
    spec: LMUSpec, errors: Sequence[float], levels: Sequence[int | None] = (None, 4), seed: int = 0
) -> list[Point]:
    """Structured products for each error and number of levels, and Padé approximants beside them."""
    points = []
    for most in levels:
        for error in errors:
            product = structured_zoh(spec, error, levels=most)
            name = "structured" if most is None else f"structured, {most} levels"
            points.append(measure(spec, name, product.multiplications, len(product.stages), product.matrix(), seed))
    for p, q in _PADE:
        increment = pade_increment(spec, p, q)
        points.append(measure(spec, f"Padé [{p}/{q}]", pade_multiplications(spec.order, q), 0, increment, seed))
    return points


def _deviation(spec: LMUSpec, increment: Array, seed: int) -> Array:
    """Largest |x̃ − x| per state over one window and a half of random signs, shape (order,)."""
    system = discretize(spec)
    inputs = np.random.default_rng(seed).choice([-1.0, 1.0], int(1.5 * min(spec.ratio, 4000.0)) + 1)
    unit = np.eye(spec.order)[0]
    exact, other, worst = np.zeros(spec.order), np.zeros(spec.order), np.zeros(spec.order)
    for u in inputs.tolist():
        exact = system.transition @ exact + system.input * u
        other = other + increment @ (other - unit * u)
        worst = np.maximum(worst, np.abs(other - exact))
    return worst


def render(points: Sequence[Point]) -> str:
    """The points as an aligned table."""
    lines = [
        f"{'d':>4} {'θ/dt':>7} {'method':<22} {'mult.':>6} {'d²/m':>5} {'stages':>6} {'white':>8} {'Legendre':>8} "
        f"{'bound':>8} {'reached':>8} {'‖G‖−1':>9}"
    ]
    lines += [
        f"{p.order:4d} {p.ratio:7g} {p.method:<22} {p.multiplications:6d} {p.saving:5.1f} {p.stages or '–':>6} "
        f"{p.white:8.1e} {p.legendre:8.1e} {p.bound:8.1e} {p.reached:8.2f} {p.excess:9.1e}"
        for p in points
    ]
    return "\n".join(lines)


def write_csv(path: Path, points: Sequence[Point]) -> None:
    """The points, one a line."""
    text = io.StringIO()
    table = csv.DictWriter(text, [field.name for field in fields(Point)], lineterminator="\n")
    table.writeheader()
    table.writerows(asdict(point) for point in points)
    write_text(path, text.getvalue())


def write_plot(path: Path, points: Sequence[Point]) -> None:
    """Error over multiplications per d², one panel for each memory, as SVG."""
    import matplotlib
    from matplotlib.figure import Figure

    cases = sorted({(p.order, p.ratio) for p in points})
    with matplotlib.rc_context({"svg.hashsalt": "lmu-hw", "svg.fonttype": "path", "font.family": "DejaVu Sans"}):
        figure = Figure(figsize=(4.6 * len(cases), 3.8), layout="constrained")
        for panel, case in zip(figure.subplots(1, len(cases), squeeze=False)[0], cases, strict=True):
            here = [p for p in points if (p.order, p.ratio) == case]
            names = dict.fromkeys("Padé" if p.method.startswith("Padé") else p.method for p in here)
            for name, mark in zip(names, "osd^v*", strict=False):
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
    write_text(path, text.getvalue())


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m lmu_hw.experiments.tradeoff", description=__doc__)
    parser.add_argument("--cases", default="64:784,256:784", help="order:theta/dt, separated by commas")
    parser.add_argument("--errors", default="1e-2,1e-3,1e-4,1e-5", help="errors to reach, separated by commas")
    parser.add_argument("--levels", default="0,4", help="most levels, separated by commas; 0 for any number")
    parser.add_argument("--seed", type=int, default=0, help="of the simulated input")
    parser.add_argument("--out", type=Path, help="folder for tradeoff.csv and tradeoff.svg")
    options = parser.parse_args(arguments)
    try:
        errors = [_number(text, "errors") for text in options.errors.split(",")]
        levels = [int(_number(text, "levels")) or None for text in options.levels.split(",")]
        points = []
        for case in options.cases.split(","):
            order, _, ratio = case.partition(":")
            spec = LMUSpec(int(_number(order, "cases")), _number(ratio, "cases"), 1.0)
            points += tradeoff(spec, errors, levels, options.seed)
    except DesignError as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 2
    sys.stdout.write(render(points) + "\n")
    if options.out is not None:
        write_csv(options.out / "tradeoff.csv", points)
        write_plot(options.out / "tradeoff.svg", points)
    broken = [p for p in points if p.reached > 1.0]
    for point in broken:
        sys.stderr.write(f"{point.method} at order {point.order}: {point.reached:.3g} times its bound\n")
    return 1 if broken else 0


def _number(text: str, what: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise DesignError(what, "numbers separated by commas", text) from None


if __name__ == "__main__":
    sys.exit(main())
