"""Every circuit of a memory beside its Verilog in one simulation, against the exact memory.

    python -m lmu_hw.experiments.analog_lockstep

Smoothed noise goes to the Verilog in a simulator and to the circuit in ngspice, in lock-step. The Verilog must give
every word of the integer model; the circuit, of ideal elements unless told otherwise, is compared with the memory in
float64, all states and the readout of the delay theta.
"""

from __future__ import annotations

import tempfile
from itertools import product
from pathlib import Path
from typing import Any

import click
import numpy as np

from lmu_hw.analog.circuit.devices import IdealOpAmp, SinglePoleOpAmp
from lmu_hw.analog.design.memory import STYLES, TOPOLOGIES, design_memory
from lmu_hw.cli.output import answer, format_number, grid, progress
from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import CheckFailed, check_integer
from lmu_hw.experiments.start import command
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.sim.cosim.memory import AnalogCheck, AnalogSetup, cosimulate
from lmu_hw.sim.hdl.runner import Simulator

THETA, DT = 0.01, 5e-5
FIGURES = ("nrmse", "readout_nrmse", "worst_state_nrmse", "mismatches")
_SMOOTHING = 40


def recording(samples: int, seed: int) -> Array:
    """Smoothed noise with full-scale peaks, shape (samples,)."""
    noise = np.random.default_rng(seed).standard_normal(samples + _SMOOTHING - 1)
    smooth = np.convolve(noise, np.hanning(_SMOOTHING), mode="valid")
    return np.asarray(smooth / np.abs(smooth).max())


def measure(
    order: int,
    topology: str,
    style: str,
    u: Array,
    *,
    workdir: Path,
    simulator: Simulator | str = Simulator.ICARUS,
    gbw: float = 0.0,
    points: int = 10,
    tolerance: float = 0.001,
) -> AnalogCheck:
    """One circuit beside the Verilog of its memory, theta = 10 ms and dt = 50 us.

    Args:
        order: of the memory.
        topology: of the circuit.
        style: of the circuit.
        u: samples within [-1, 1].
        workdir: folder for builds, logs and recordings.
        simulator: verilator or icarus.
        gbw: of the op-amps, Hz; 0 for ideal ones.
        points: that ngspice computes at least for each sample.
        tolerance: largest NRMSE of states and readout.

    Raises:
        DesignError, MissingToolError: as `cosimulate`.
        CheckFailed: the circuit is beyond the tolerance, or the Verilog is wrong.
    """
    opamp = SinglePoleOpAmp(gbw=gbw) if gbw else IdealOpAmp()
    circuit = design_memory(order, THETA, topology=topology, style=style, opamp=opamp)
    step = DT / check_integer("points", points, 1)
    setup = AnalogSetup(circuit, tolerance=tolerance, samples=u.size, max_step=step)
    result = cosimulate(plan_memory(LMUSpec(order, THETA, DT)), u, workdir=workdir, simulator=simulator, analog=setup)
    if result.analog is None or not result.passed:
        raise CheckFailed(f"order {order}, {topology}, {style}: {result.to_dict()}")
    return result.analog


@click.command(context_settings={"show_default": True})
@click.option("--order", "orders", multiple=True, type=int, default=(3, 6), help="Of the memory; may be repeated.")
@click.option("--samples", default=300, help="Of the input, 200 in a window.")
@click.option("--points", default=10, help="That ngspice computes at least for each sample.")
@click.option("--gbw", default=0.0, help="Gain-bandwidth product of the op-amps, Hz; 0 for ideal ones.")
@click.option("--tolerance", default=0.001, help="Largest NRMSE of states and readout.")
@click.option("--simulator", default="icarus", type=click.Choice([str(s) for s in Simulator]), help="Of the Verilog.")
@click.option("--seed", default=0, help="Of the input.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(
    orders: tuple[int, ...],
    samples: int,
    points: int,
    gbw: float,
    tolerance: float,
    simulator: str,
    seed: int,
    as_json: bool,
) -> None:
    """Print the deviation of every circuit in lock-step; exit status 1 where one is beyond the tolerance."""
    u = recording(check_integer("samples", samples, 1), seed)
    found: list[dict[str, Any]] = []
    settings: dict[str, Any] = {"simulator": simulator, "gbw": gbw, "points": points, "tolerance": tolerance}
    with progress() as bar, tempfile.TemporaryDirectory(prefix="lmu_hw_") as scratch:
        task = bar.add_task("simulate", total=len(orders) * len(TOPOLOGIES) * len(STYLES))
        for order, topology, style in product(orders, TOPOLOGIES, STYLES):
            bar.update(task, advance=1, description=f"order {order}, {topology}, {style}")
            folder = Path(scratch) / f"{order}_{topology}_{style}"
            check = measure(order, topology, style, u, workdir=folder, **settings)
            values = {name: getattr(check, name) for name in FIGURES}
            found.append({"order": order, "topology": topology, "style": style, **values})
    heads = ["order", "topology", "style", "NRMSE", "of the readout", "of the worst state", "wrong words"]
    rows = [
        (str(each["order"]), each["topology"], each["style"], *(format_number(each[name]) for name in FIGURES))
        for each in found
    ]
    result = {"theta": THETA, "dt": DT, "samples": samples, "seed": seed, **settings, "circuits": found}
    answer(result, [grid("Circuits in lock-step with Verilog", heads, rows, right=range(3, 7))], as_json=as_json)


if __name__ == "__main__":
    command(main)
