"""The delay network of the neuromorphic chips, in fixed point: 3 states, a window of 100 ms, noise up to 3 Hz.

    python -m lmu_hw.experiments.delay_network

The output is the input θ seconds ago, decoded from the state words; its error is held against the same system in
float64, relative to the root mean square of that. Chips: 0.146 (Loihi) to 0.163 (Braindrop), de Jong, Voelker et
al., 2019/2021.
"""

from __future__ import annotations

from typing import Any

import click

from lmu_hw.cli.output import answer, format_number, grid
from lmu_hw.core.legendre import readout
from lmu_hw.core.metrics import nrmse
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.experiments.start import command
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.io.signals import band_limited_noise
from lmu_hw.reference.memory import FloatMemory

ORDER, THETA, DT, BAND, SECONDS = 3, 0.1, 0.001, 3.0, 10.0


def measure(rule: Discretization, state_bits: int, seed: int = 0) -> float:
    """NRMSE of the delayed output in fixed point against the same system in float64.

    Args:
        rule: time-stepping rule.
        state_bits: width of the state words; the input has as many.
        seed: of the noise.
    """
    spec = LMUSpec(ORDER, THETA, DT, rule)
    plan = plan_memory(spec, input_bits=min(state_bits, 24), state_bits=state_bits, delays=(1.0,))
    model = IntegerMemory(plan)
    u = 0.95 * band_limited_noise(round(SECONDS / DT), DT, BAND, seed)
    words = model.run(plan.input_format.encode(u))
    heard = plan.output_format.decode(model.readouts(words))[:, 0]
    return nrmse(heard, FloatMemory(spec).run(u) @ readout(ORDER, 1.0)[0])


@click.command(context_settings={"show_default": True})
@click.option("--seed", default=0, help="Of the noise.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(seed: int, as_json: bool) -> None:
    """Print the error of the delay network for every rule and several word lengths."""
    widths = (8, 10, 12, 14, 16, 18)
    errors = {str(rule): {bits: measure(rule, bits, seed) for bits in widths} for rule in Discretization}
    result: dict[str, Any] = {"order": ORDER, "theta": THETA, "dt": DT, "band_hz": BAND, "seed": seed, "nrmse": errors}
    rows = [(rule, *(format_number(by_width[bits]) for bits in widths)) for rule, by_width in errors.items()]
    table = grid("NRMSE of the delay network against float64", ["rule", *(f"{bits} bits" for bits in widths)], rows)
    answer(result, [table], as_json=as_json)


if __name__ == "__main__":
    command(main)
