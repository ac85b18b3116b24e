"""A ladder circuit with real parts and its yield: ladder_with_yield.py OUT.

Six states, a window of 10 ms, E96 resistors and E12 capacitors. Prints the error of the design and the share of drawn
circuits that keep a limit, and writes the SPICE deck, the bill of materials and the schematic to OUT.
"""

from __future__ import annotations

import sys
from pathlib import Path

from lmu_hw import analog


def main(out: Path, limit: float = 0.02) -> None:
    """Design, predict, draw, write."""
    design = analog.design_memory(
        6,
        0.01,
        topology="ladder",
        style="opamp-rc-differential",
        opamp=analog.MacroOpAmp(gbw=1e7),
        resistors="E96",
        capacitors="E12",
    )
    print(f"couplings: {design.realisation.internal_couplings}")
    print(f"error of the exact parts in the band: {design.predict().nrmse:.2%}")
    for most in (0.01, 0.001):
        within = analog.Tolerances(resistor=most, capacitor=most, distribution="uniform")
        drawn = analog.analyse(design, within, draws=1000, seed=0)
        print(f"parts within ±{most:.1%}: {drawn.passing(limit):.1%} keep an error of {limit:.0%}")
    for role, path in analog.write_design(design, out).items():
        print(f"{role}: {path.name}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
