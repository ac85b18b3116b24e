"""The delay network of the neuromorphic chips as a circuit: 3 states, a window of 100 ms, noise up to 3 Hz.

    python -m lmu_hw.experiments.analog_delay_network

Resistors have values of a standard series and a tolerance, capacitors too; op-amps have a finite bandwidth and an
offset. The error is that of the output against the exact memory's, relative to its root mean square, predicted for
many drawn circuits from their linear models; some of them are simulated by SPICE on a recording. Chips: 0.146 (Loihi)
to 0.163 (Braindrop), de Jong, Voelker et al., 2019/2021.
"""

from __future__ import annotations

from typing import Any

import click
import numpy as np

from lmu_hw.analog.analysis.monte_carlo import Distribution, Draws, Tolerances, draw
from lmu_hw.analog.analysis.tolerance import analyse
from lmu_hw.analog.circuit.devices import MacroOpAmp
from lmu_hw.analog.circuit.equations import equations
from lmu_hw.analog.design.memory import TOPOLOGIES, AnalogDesign, design_memory
from lmu_hw.analog.design.parts import Series
from lmu_hw.analog.design.technologies.opamp_rc import OpAmpRC
from lmu_hw.analog.design.technologies.opamp_rc_differential import OpAmpRCDifferential
from lmu_hw.analog.realisation.network import Array
from lmu_hw.cli.output import answer, format_number, grid, progress
from lmu_hw.core.legendre import readout
from lmu_hw.core.metrics import nrmse
from lmu_hw.core.spec import LMUSpec
from lmu_hw.errors import DesignError
from lmu_hw.experiments.start import command
from lmu_hw.io.signals import band_limited_noise
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.sim.spice.engines import Engine
from lmu_hw.sim.spice.monte_carlo import simulate_draws

ORDER, THETA, BAND, DT, SECONDS = 3, 0.1, 3.0, 0.005, 2.0
LIMIT, CHIPS = 0.03, 0.15
OPAMP = MacroOpAmp(gbw=1e6, slew=5e5, noise=2e-8)
FREQUENCIES = BAND * (np.arange(24) + 0.5) / 24


def design_network(
    topology: str, resistors: str = "E96", capacitors: str = "E12", style: str = "opamp-rc"
) -> AnalogDesign:
    """The circuit with standard values: resistors and capacitors of the series of these names."""
    return design_memory(
        ORDER,
        THETA,
        topology=topology,
        style=style,
        opamp=OPAMP,
        resistor_series=Series(resistors),
        capacitor_series=Series(capacitors),
    )


def recording(seed: int) -> Array:
    """Noise up to 3 Hz in [-1, 1], one sample per `DT`."""
    return 0.95 * band_limited_noise(round(SECONDS / DT), DT, BAND, seed)


def simulated_errors(design: AnalogDesign, draws: Draws, seed: int, engine: Engine) -> Array:
    """NRMSE (draws,) of the delayed output of drawn circuits in SPICE against the float64 memory."""
    u = recording(seed)
    wanted = FloatMemory(LMUSpec(ORDER, THETA, DT)).run(u) @ readout(ORDER, 1.0)[0]
    volts = (design.input_scaling * u).tolist()
    found = simulate_draws(design, equations(design.circuit), draws, volts, DT, engine=engine)
    heard = found[..., design.signals.index("y0")] / design.output_scaling[0]
    return np.array([nrmse(each, wanted) for each in heard])


def measure(
    topology: str,
    tolerances: Tolerances,
    draws: int,
    spice_draws: int,
    seed: int,
    engine: Engine = Engine.NEOSPICE,
    style: str = "opamp-rc",
) -> dict[str, Any]:
    """Nominal error, quantiles and yield of a topology.

    Args:
        topology: of the circuit.
        tolerances: of its parts.
        draws: circuits of the linear model.
        spice_draws: how many of these SPICE simulates as well.
        seed: of parts and recording.
        engine: SPICE simulator.
        style: technology of op-amps.
    """
    design = design_network(topology, style=style)
    rms = float(np.sqrt(np.mean(recording(seed) ** 2))) * design.input_scaling
    kinds = {"nominal": (Tolerances(), 1), "drawn": (tolerances, draws)}
    outcomes = {
        name: analyse(design, spread, draws=count, seed=seed, frequencies=FREQUENCIES, rms=rms)
        for name, (spread, count) in kinds.items()
    }
    drawn = outcomes["drawn"]
    result: dict[str, Any] = {
        "nominal": float(outcomes["nominal"].nrmse[0, 0]),
        "median": drawn.quantile(0.5),
        "q95": drawn.quantile(0.95),
        "yield": drawn.passing(LIMIT),
        "offset_volts_rms": float(np.sqrt(np.mean(drawn.offsets**2))),
    }
    if spice_draws:
        some = draw(equations(design.circuit), tolerances, spice_draws, seed)
        errors = simulated_errors(design, some, seed, engine)
        result["spice"] = {
            "draws": spice_draws,
            "median": float(np.median(errors)),
            "q95": float(np.quantile(errors, 0.95, method="higher")),
            "yield": float(np.mean(errors <= LIMIT)),
        }
    return result


@click.command(context_settings={"show_default": True})
@click.option(
    "--style",
    default=OpAmpRC.style,
    type=click.Choice([OpAmpRC.style, OpAmpRCDifferential.style]),
    help="Technology; a differential circuit has a pair of parts for each.",
)
@click.option("--tolerance", default=0.01, help="Of resistors and capacitors.")
@click.option(
    "--distribution",
    default="uniform",
    type=click.Choice([each.value for each in Distribution]),
    help="Within the tolerance.",
)
@click.option("--offset", default=1e-3, help="Standard deviation of the op-amps' offsets, V.")
@click.option("--draws", default=2000, help="Circuits of the linear model.")
@click.option("--spice-draws", default=40, help="Circuits that SPICE simulates.")
@click.option(
    "--engine",
    default=Engine.NEOSPICE.value,
    type=click.Choice([each.value for each in Engine]),
    help="SPICE simulator.",
)
@click.option("--seed", default=0, type=click.IntRange(0), help="Of parts and noise.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(
    style: str,
    tolerance: float,
    distribution: str,
    offset: float,
    draws: int,
    spice_draws: int,
    engine: str,
    seed: int,
    as_json: bool,
) -> None:
    """Print error and yield of the delay network for every topology."""
    if spice_draws > draws:
        raise DesignError("spice-draws", "at most draws", spice_draws)
    tolerances = Tolerances(
        resistor=tolerance, capacitor=tolerance, offset=offset, distribution=Distribution(distribution)
    )
    found = {}
    with progress() as bar:
        task = bar.add_task("simulate", total=len(TOPOLOGIES))
        for topology in TOPOLOGIES:
            bar.update(task, advance=1, description=topology)
            found[topology] = measure(topology, tolerances, draws, spice_draws, seed, Engine(engine), style)
    result = {
        "order": ORDER,
        "theta": THETA,
        "band_hz": BAND,
        "style": style,
        "tolerance": tolerance,
        "distribution": distribution,
        "offset": offset,
        "limit": LIMIT,
        "topologies": found,
    }
    rows = [
        (
            topology,
            format_number(each["nominal"]),
            format_number(each["median"]),
            format_number(each["q95"]),
            f"{100 * each['yield']:.1f} %",
            *(
                (format_number(each["spice"]["q95"]), f"{100 * each['spice']['yield']:.1f} %")
                if spice_draws
                else ("–", "–")
            ),
        )
        for topology, each in found.items()
    ]
    heads = ["topology", "E96, exact parts", "median", "95 %", f"yield at {LIMIT:g}", "SPICE 95 %", "SPICE yield"]
    title = f"NRMSE of the delay network, {style}, with {100 * tolerance:g} % parts (chips: {CHIPS:g})"
    answer(result, [grid(title, heads, rows)], as_json=as_json)


if __name__ == "__main__":
    command(main)
