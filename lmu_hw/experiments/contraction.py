"""Stability and accuracy of rounded matrices: `python -m lmu_hw.experiments.contraction`.

For each order and width: exp(hA) with all entries rounded on one scale, the increment rounded to nearest row by
row, and both guarantees of `contracting_dense`. Exit status 1 where a guarantee does not hold when checked anew.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.system import discretize
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.contraction import Guarantee, contracting_dense
from lmu_hw.fixed_point.datapaths.structured.zoh import band_error, energy_gain, transition_of, white_error

_SQUARINGS = 16


@dataclass(frozen=True)
class Row:
    """One rounding of one matrix.

    Attributes:
        order, bits: d, and the width of a coefficient.
        rounding: how.
        growth: ‖Gᵏ‖^(1/k) at k = 2¹⁶, which is the spectral radius but for a hair.
        gain: ‖G‖₂ in orthonormal coordinates.
        white, band: relative RMS error of the states for white input, and for white input up to d/8 cycles per
            window; infinite where unstable.
        certified: whether its certificate holds; None where it has none.
    """

    order: int
    bits: int
    rounding: str
    growth: float
    gain: float
    white: float
    band: float
    certified: bool | None


def rows(spec: LMUSpec, bits: int) -> Iterator[Row]:
    """The roundings of one matrix, plain ones first; a guarantee that is refused is left out."""
    system = discretize(spec)
    eye = np.eye(spec.order)
    most = 2 ** (bits - 1) - 1
    lsb = float(np.abs(system.transition).max()) / most
    yield _row(spec, bits, "exp(hA), one scale", np.rint(system.transition / lsb) * lsb - eye, None)
    increment = system.transition - eye
    fraction_bits = np.floor(np.log2((most + 0.49) / np.abs(increment).max(axis=1)))[:, None]
    yield _row(spec, bits, "increment, by row", np.rint(increment * 2.0**fraction_bits) * 2.0**-fraction_bits, None)
    for guarantee in Guarantee:
        try:
            result = contracting_dense(spec, bits, guarantee)
        except DesignError:
            continue
        yield _row(spec, bits, f"guarantee {guarantee}", result.matrix, result.certified)


def growth_per_step(transition: Array) -> float:
    """‖Gᵏ‖^(1/k) at k = 2¹⁶, by squaring with the scale kept apart."""
    power, logarithm = transition, 0.0
    for _ in range(_SQUARINGS):
        norm = float(np.linalg.norm(power))
        power, logarithm = (power / norm) @ (power / norm), 2.0 * (logarithm + np.log(norm))
    return float(np.exp((logarithm + np.log(np.linalg.norm(power))) / 2**_SQUARINGS))


def _row(spec: LMUSpec, bits: int, rounding: str, increment: Array, certified: bool | None) -> Row:
    growth = growth_per_step(transition_of(spec, increment))
    stable = growth < 1.0
    white = white_error(spec, increment).energy if stable else np.inf
    band = band_error(spec, increment, spec.order / 8).energy if stable else np.inf
    return Row(spec.order, bits, rounding, growth, energy_gain(spec, increment), white, band, certified)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m lmu_hw.experiments.contraction", description=__doc__)
    parser.add_argument("--orders", type=int, nargs="+", default=[6, 32, 64, 256], help="numbers of states")
    parser.add_argument("--bits", type=int, nargs="+", default=[6, 8, 10, 12], help="widths of a coefficient")
    parser.add_argument("--ratio", type=float, default=784.0, help="θ/dt")
    options = parser.parse_args(arguments)
    sound = True
    sys.stdout.write(
        f"{'d':>4} {'bits':>4} {'rounding':<20} {'radius':>8} {'‖G‖−1':>9} {'white':>8} {'band':>8} proved\n"
    )
    try:
        for order in options.orders:
            for bits in options.bits:
                for row in rows(LMUSpec(order, options.ratio, 1.0), bits):
                    sound &= row.certified is not False
                    sys.stdout.write(
                        f"{row.order:4d} {row.bits:4d} {row.rounding:<20} {row.growth:8.5f} {row.gain - 1:9.1e} "
                        f"{row.white:8.1e} {row.band:8.1e} {'yes' if row.certified else '–'}\n"
                    )
                    sys.stdout.flush()
    except DesignError as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 2
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
