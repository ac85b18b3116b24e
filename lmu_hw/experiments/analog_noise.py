"""Noise of every topology and technology: predicted part by part, and as ngspice simulates it.

    python -m lmu_hw.experiments.analog_noise

The predicted density at the delayed output, from the resistors' thermal noise and the amplifiers' input noise, is held
against .noise over the band of the memory; the signal-to-noise ratio is that of a sine of full scale in this band.
"""

from __future__ import annotations

from typing import Any

import click
import numpy as np

from lmu_hw.analog.analysis.small_signal import noise
from lmu_hw.analog.circuit.devices import MacroOpAmp, MacroOta
from lmu_hw.analog.circuit.equations import equations
from lmu_hw.analog.design.memory import STYLES, TOPOLOGIES, design_memory
from lmu_hw.cli.output import answer, format_number, grid, progress
from lmu_hw.experiments.start import command
from lmu_hw.sim.spice.noise import simulate_noise

THETA = 0.01
OPAMP = MacroOpAmp(noise=2e-8)
OTA = MacroOta(gm=1e-6, linear=1.0, gout=3e-10, cin=1e-14, cout=1e-14, noise=3e-7)


def measure(order: int, topology: str, style: str) -> dict[str, Any]:
    """Predicted and simulated noise of the output y0.

    Args:
        order: of the memory.
        topology: of its circuit.
        style: its technology; op-amps have 20 nV/√Hz, transconductors 300 nV/√Hz.
    """
    design = design_memory(order, THETA, topology=topology, style=style, opamp=OPAMP, ota=OTA)
    edge = order / (4.0 * THETA)
    frequencies, simulated = simulate_noise(design, "y0", start=edge / 1000.0, stop=10.0 * edge, points=20)
    nets = design.signal_nets("y0")
    predicted = noise(equations(design.circuit), frequencies, (nets[0], nets[1] if len(nets) > 1 else "0"))
    largest = float(np.max(np.abs(20.0 * np.log10(predicted.density / simulated))))
    inside = frequencies <= edge * (1.0 + 1e-9)
    volts = float(np.sqrt(np.trapezoid(simulated[inside] ** 2, frequencies[inside])))
    loudest, share = next(iter(predicted.shares().items()))
    return {
        "deviation_db": largest,
        "band_hz": edge,
        "noise_volts_rms": volts,
        "full_scale_volts": float(design.output_scaling[0]),
        "snr_db": float(20.0 * np.log10(design.output_scaling[0] / np.sqrt(2.0) / volts)),
        "loudest_part": loudest,
        "loudest_share": share,
    }


@click.command(context_settings={"show_default": True})
@click.option("--order", default=6, help="Of the memory.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(order: int, as_json: bool) -> None:
    """Print predicted against simulated noise of every topology and technology."""
    found: dict[str, dict[str, Any]] = {}
    rows = []
    with progress() as bar:
        task = bar.add_task("simulate", total=len(TOPOLOGIES) * len(STYLES))
        for topology in TOPOLOGIES:
            for style in STYLES:
                bar.update(task, advance=1, description=f"{topology}, {style}")
                each = measure(order, topology, style)
                found.setdefault(topology, {})[style] = each
                loudest = f"{each['loudest_part']} ({100 * each['loudest_share']:.0f} %)"
                values = (format_number(each[key]) for key in ("deviation_db", "noise_volts_rms", "snr_db"))
                rows.append((topology, style, *values, loudest))
    worst = max(each["deviation_db"] for group in found.values() for each in group.values())
    result = {"order": order, "theta": THETA, "worst_deviation_db": worst, "topologies": found}
    heads = ["topology", "style", "predicted − ngspice, dB", "noise in band, V", "SNR, dB", "loudest part"]
    answer(result, [grid(f"Noise of the delayed output, order {order}", heads, rows, right=(2, 3, 4))], as_json=as_json)


if __name__ == "__main__":
    command(main)
