"""Mismatch: what a tolerance on every coupling does to the delayed readout, by topology, order and technology.

    python -m lmu_hw.experiments.analog_mismatch

"Couplings" draws the realisation's own coefficients; the circuits draw their resistors, or their transconductances,
so that inverters, feedback and loads count too. The error is that of the response over the band up to order/8 cycles
per window, root mean square, relative to the exact memory's.
"""

from __future__ import annotations

from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from lmu_hw.analog.analysis.monte_carlo import Tolerances
from lmu_hw.analog.analysis.tolerance import analyse
from lmu_hw.analog.design.memory import MAX_ORDER, STYLES, TOPOLOGIES, design_memory
from lmu_hw.analog.realisation.network import Array, Readouts, Realisation
from lmu_hw.cli.output import answer, format_number, grid, progress
from lmu_hw.errors import check_integer
from lmu_hw.experiments.start import command

THETA = 0.01
POINTS = 24


def band(order: int) -> Array:
    """Frequencies, Hz, up to order/8 cycles per window."""
    return order / (8.0 * THETA) * (np.arange(POINTS) + 0.5) / POINTS


def coupling_errors(realisation: Realisation, tolerance: float, draws: int, seed: int) -> Array:
    """Errors (draws,) of the first readout where every coupling is drawn, normal with `tolerance` as deviation."""
    rng = np.random.default_rng(seed)
    n, exact = realisation.states, realisation.couplings
    couplings = exact * (1.0 + tolerance * rng.standard_normal((draws, *exact.shape)))
    output = realisation.signals.index(realisation.outputs[0])
    wanted, found = (_responses(each, n, output, band(n) * THETA) for each in (exact[None], couplings))
    error = np.mean(np.abs(found - wanted) ** 2, axis=1) / np.mean(np.abs(wanted) ** 2, axis=1)
    return np.asarray(np.sqrt(error))


def _responses(couplings: Array, states: int, output: int, cycles: Array) -> NDArray[np.complex128]:
    """Response (draws, frequencies) of a signal: (s z; sums) = couplings (z; sums; u)."""
    size = couplings.shape[1]
    moving = np.zeros((size, size))
    moving[:states, :states] = np.eye(states)
    still = np.eye(size) - moving
    columns = []
    for s in 2j * np.pi * cycles:
        left = s * moving + still - couplings[..., :-1]
        columns.append(np.linalg.solve(left, couplings[..., -1:])[:, output, 0])
    return np.stack(columns, axis=-1)


def measure(order: int, topology: str, tolerance: float, draws: int, seed: int) -> dict[str, Array]:
    """Errors (draws,) of the delayed readout by what is drawn: "couplings" and every style.

    Args:
        order: of the memory.
        topology: of its circuit.
        tolerance: relative standard deviation of each coupling or part.
        draws: how many circuits.
        seed: of the random numbers.
    """
    check_integer("order of an analog memory", order, 1, MAX_ORDER)
    found = {"couplings": coupling_errors(TOPOLOGIES[topology](order, THETA, Readouts((1.0,))), tolerance, draws, seed)}
    for style in STYLES:
        design = design_memory(order, THETA, topology=topology, style=style)
        spread = Tolerances(resistor=tolerance, gm=tolerance)
        outcome = analyse(design, spread, draws=draws, seed=seed, signals=["y0"], frequencies=band(order))
        found[style] = outcome.nrmse[:, 0]
    return found


@click.command(context_settings={"show_default": True})
@click.option("--order", "orders", multiple=True, type=int, default=(6, 12, 20), help="Of the memory; may be repeated.")
@click.option("--tolerance", default=0.01, help="Relative standard deviation of every coupling.")
@click.option("--draws", default=1000, help="Circuits per figure.")
@click.option("--seed", default=0, type=click.IntRange(0), help="Of the draws.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(orders: tuple[int, ...], tolerance: float, draws: int, seed: int, as_json: bool) -> None:
    """Print median and 95 % errors of the delayed readout under mismatch."""
    result: dict[str, Any] = {"tolerance": tolerance, "draws": draws, "seed": seed, "orders": {}}
    rows = []
    with progress() as bar:
        task = bar.add_task("draw", total=len(orders) * len(TOPOLOGIES))
        for order in orders:
            for topology in TOPOLOGIES:
                bar.update(task, advance=1, description=f"order {order}, {topology}")
                found = measure(order, topology, tolerance, draws, seed)
                summary = {
                    name: {"median": float(np.median(errors)), "q95": float(np.quantile(errors, 0.95))}
                    for name, errors in found.items()
                }
                result["orders"].setdefault(str(order), {})[topology] = summary
                cells = (f"{format_number(each['median'])} ({format_number(each['q95'])})" for each in summary.values())
                rows.append((str(order), topology, *cells))
    title = f"Median (95 %) in-band error of the delayed readout at {tolerance:g} mismatch"
    answer(result, [grid(title, ["order", "topology", "couplings", *STYLES], rows, right=range(2, 6))], as_json=as_json)


if __name__ == "__main__":
    command(main)
