"""Memories and networks in fixed point: the delay network of the chips, the cost of datapaths, and speed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import click
import numpy as np

from lmu_hw.cli.output import facts, format_number, grid, progress
from lmu_hw.cli.parameters import option
from lmu_hw.cli.programs import Outcome
from lmu_hw.core.legendre import Array, readout
from lmu_hw.core.metrics import nrmse
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.errors import check_integer
from lmu_hw.experiments.app import choice, experiment, seed_option, shortest
from lmu_hw.fixed_point.fidelity import Band
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.fixed_point.planner import MemoryAnalysis, default_coefficient_bits, plan_memory
from lmu_hw.fixed_point.search import Candidate, search
from lmu_hw.io.signals import band_limited_noise
from lmu_hw.networks.model import Network
from lmu_hw.networks.pretrained import NETWORKS, load
from lmu_hw.networks.quantize.model import IntegerNetwork
from lmu_hw.networks.quantize.options import LayerOptions, NetworkOptions
from lmu_hw.networks.quantize.plan import NetworkPlan
from lmu_hw.networks.quantize.planner import plan_network
from lmu_hw.networks.reference import FloatNetwork
from lmu_hw.reference.memory import FloatMemory

# The delay network of the chips

DELAY_ORDER, DELAY_THETA, DELAY_DT, DELAY_BAND = 3, 0.1, 0.001, 3.0
DELAY_SECONDS = 10.0
DELAY_WIDTHS = (8, 10, 12, 14, 16, 18)


def measure_delay(method: Discretization, state_bits: int, seed: int = 0) -> float:
    """The NRMSE of the delayed output in fixed point against the same system in float64.

    Args:
        method: The time-stepping method.
        state_bits: The width of the state words; the input has as many bits, 24 at most.
        seed: The seed of the noise.
    """
    spec = LMUSpec(DELAY_ORDER, DELAY_THETA, DELAY_DT, method)
    plan = plan_memory(spec, input_bits=min(state_bits, 24), state_bits=state_bits, delays=(1.0,))
    model = IntegerMemory(plan)
    u = 0.95 * band_limited_noise(round(DELAY_SECONDS / DELAY_DT), DELAY_DT, DELAY_BAND, seed)
    words = model.run(plan.input_format.encode(u))
    heard = plan.output_format.decode(model.readouts(words))[:, 0]
    return nrmse(heard, FloatMemory(spec).run(u) @ readout(DELAY_ORDER, 1.0)[0])


@experiment("delay-network")
@seed_option("the noise")
def delay_network(seed: int) -> Outcome:
    """Run the delay network of the neuromorphic chips in fixed point: 3 states, a window of 100 ms, noise up to 3 Hz.

    The output is the input θ seconds ago, decoded from the state words; its error is the deviation from the same
    system in float64, relative to the root mean square of the latter. Chips: 0.146 (Loihi) to 0.163 (Braindrop),
    de Jong, Voelker et al., 2019/2021.
    """
    errors = {
        str(method): {bits: measure_delay(method, bits, seed) for bits in DELAY_WIDTHS} for method in Discretization
    }
    network = {"order": DELAY_ORDER, "theta": DELAY_THETA, "dt": DELAY_DT, "band_hz": DELAY_BAND}
    rows = [(method, *map(format_number, by_width.values())) for method, by_width in errors.items()]
    heads = ["method", *(f"{bits} bits" for bits in DELAY_WIDTHS)]
    table = grid("NRMSE of the delay network against float64", heads, rows)
    return Outcome({**network, "seed": seed, "nrmse": errors}, [table])


# The cost of datapaths

#: The window in steps for each order.
CASES = {6: 1000.0, 32: 2000.0, 100: 10_000.0, 256: 10_000.0}
_HEADS = ["method", "datapath", "multiplications", "state bits", "operand × coefficient", "storage", "NRMSE"]


@experiment("comparison")
@click.option("--order", "orders", multiple=True, type=choice(CASES), help="Order of the memory; may be repeated.")
@click.option("--target-nrmse", default=1e-3, help="Deviation of the decoded window from that of the ideal memory.")
def comparison(orders: tuple[str, ...], target_nrmse: float) -> Outcome:
    """Compare what each datapath costs at equal fidelity, for all orders unless some are chosen.

    For each order the input reaches order/8 cycles per window, and every datapath gets the shortest words with which
    the decoded window stays within the target of the ideal memory's; see `lmu_hw.fixed_point.search`.
    """
    result: dict[str, Any] = {"target_nrmse": target_nrmse, "orders": {}}
    tables = []
    with progress() as bar:
        task = bar.add_task("weigh", total=None)

        def tell(order: int, name: str) -> None:
            bar.update(task, description=f"order {order}: {name}")

        for order, ratio in CASES.items():
            if orders and str(order) not in orders:
                continue
            found = search(
                LMUSpec(order, ratio, 1.0),
                Band(order / (8.0 * ratio)),
                structured_error=0.3 * target_nrmse,
                told=partial(tell, order),
            )
            rows, described = [], []
            for group in found.by_datapath.values():
                good = [each for each in group if each.nrmse <= target_nrmse]
                best = good[0] if good else min(group, key=lambda each: each.nrmse)
                described.append(_described(best, reached=bool(good)))
                rows.append(_row(best, reached=bool(good)))
            rows += [(name, "", *["–"] * 4, why) for name, why in found.left_out.items()]
            result["orders"][str(order)] = {"theta_over_dt": ratio, "designs": described, "left_out": found.left_out}
            title = f"Order {order}, θ/dt = {ratio:g}, to {order / 8:g} cycles per window"
            tables.append(grid(title, _HEADS, rows, right=range(2, 7)))
    return Outcome(result, tables)


def _row(each: Candidate, *, reached: bool) -> tuple[str, ...]:
    names, error = (str(each.discretization), str(each.datapath)), format_number(each.nrmse)
    if not reached:
        return (*names, *["–"] * 4, f"{error} at best")
    factors = f"{each.operand_bits} × {each.coefficient_bits}"
    return (*names, str(each.multiplications), str(each.state_bits), factors, str(each.storage_bits), error)


def _described(each: Candidate, *, reached: bool) -> dict[str, Any]:
    return {
        "discretization": str(each.discretization),
        "datapath": str(each.datapath),
        "reached": reached,
        "multiplications_per_sample": each.multiplications,
        "state_bits": each.state_bits,
        "operand_bits": each.operand_bits,
        "coefficient_bits": each.coefficient_bits,
        "storage_bits": each.storage_bits,
        "nrmse": each.nrmse,
    }


# Speed


@dataclass(frozen=True)
class Speed:
    """The speeds of both models in state updates per second, one for each state of each sequence in each sample.

    Attributes:
        integer: The speed of `IntegerMemory.run`, which keeps every word.
        integer_final: The speed of `IntegerMemory.final`, which keeps the last words.
        floating: The speed of `FloatMemory.run`.
        workers: The threads of the integer model; the float model has those of its linear algebra.
    """

    integer: float
    integer_final: float
    floating: float
    workers: int

    @property
    def ratio(self) -> float:
        """The speed of the integer model over that of the float model, when both keep every state."""
        return self.integer / self.floating


def measure_speed(
    plan: MemoryPlan, *, batch: int = 100, samples: int = 100, workers: int = 2, repeats: int = 5, seed: int = 0
) -> Speed:
    """Time both models of `plan` on `batch` random sequences of `samples` samples each.

    Args:
        plan: The plan of the memory.
        batch: The number of sequences side by side.
        samples: The length of each sequence.
        workers: The threads of the integer model.
        repeats: The number of measurements of each; the shortest time counts.
        seed: The seed of the sequences.

    Raises:
        DesignError: A count is not a positive integer.
    """
    for what, count in (("batch", batch), ("samples", samples), ("workers", workers), ("repeats", repeats)):
        check_integer(what, count, 1)
    form = plan.input_format
    codes = np.random.default_rng(seed).integers(form.low, form.high + 1, (batch, samples))
    inputs, model = form.decode(codes), IntegerMemory(plan)
    tasks: list[Callable[[], object]] = [
        lambda: model.run(codes, workers=workers),
        lambda: model.final(codes, workers=workers),
        lambda: FloatMemory(plan.spec).run(inputs),
    ]
    updates = plan.spec.order * batch * samples
    integer, integer_final, floating = (updates / seconds for seconds in shortest(tasks, repeats))
    return Speed(integer, integer_final, floating, workers)


@experiment("speed")
@click.option("--order", default=256, help="Order of the memory.")
@click.option("--ratio", default=20_000.0, help="Window in steps, θ/dt.")
@click.option("--discretization", type=choice(Discretization), default="ab2", help="Time-stepping method.")
@click.option("--state-bits", default=16, help="Width of the state words.")
@click.option("--batch", default=100, help="Number of sequences side by side.")
@click.option("--samples", default=100, help="Length of each sequence.")
@click.option("--workers", default=2, help="Threads of the integer model.")
@click.option("--repeats", default=5, help="How often each model is measured.")
@seed_option("the sequences")
def speed(
    order: int, ratio: float, discretization: str, state_bits: int, batch: int, samples: int, **counts: int
) -> Outcome:
    """Measure how fast the integer model is, beside the float model in the same run.

    Both take the same batch of random sequences through the same memory, several times in turn; the shortest time of
    each counts.
    """
    spec = LMUSpec(order, ratio, 1.0, Discretization(discretization))
    # Formats do for a timing; to prove its bounds would take minutes at this order.
    analysis = MemoryAnalysis(spec, coefficient_bits=default_coefficient_bits(state_bits), certified=False)
    plan = analysis.plan(12, state_bits)
    found = measure_speed(plan, batch=batch, samples=samples, **counts)
    design = {"spec": spec.to_dict(), "datapath": str(plan.datapath), "batch": batch, "samples": samples}
    rows = [
        ("memory", f"{spec.summary()}, {plan.datapath}"),
        ("integer model, every word kept", f"{format_number(found.integer)} updates/s"),
        ("integer model, last words kept", f"{format_number(found.integer_final)} updates/s"),
        ("float model", f"{format_number(found.floating)} updates/s"),
        ("ratio", format_number(found.ratio)),
    ]
    return Outcome(design | vars(found) | {"ratio": found.ratio}, [facts("State updates per second", rows)])


def measure_network_speed(
    network: Network, plan: NetworkPlan, x: Array, *, workers: int, repeats: int
) -> tuple[float, float]:
    """The speeds of a network in integers and in float, in sequences per second.

    Args:
        network: The network.
        plan: The plan of the network.
        x: The sequences, shape (sequences, steps, inputs).
        workers: The threads of the integer model.
        repeats: The number of measurements of each; the shortest time counts.
    """
    integer, floating = IntegerNetwork(plan), FloatNetwork(network)
    codes = integer.encode(x)
    zero, start = integer.zero_state(len(x)), floating.zero_state(len(x))
    tasks: list[Callable[[], object]] = [
        lambda: integer.run(codes, zero, workers=workers),
        lambda: floating.run(x, start),
    ]
    first, second = shortest(tasks, repeats)
    return len(x) / first, len(x) / second


@experiment("quantized-speed")
@click.option("--network", type=choice(NETWORKS), default="psmnist_linear", help="A network of the package.")
@option(
    "--batch",
    "sequences",
    section="Options",
    older=["sequences"],
    default=2000,
    help="Number of sequences side by side.",
)
@click.option("--steps", default=784, help="Steps of each sequence.")
@click.option("--bits", default=8, help="Width of the weights.")
@click.option("--workers", default=2, help="Threads of the integer model.")
@click.option("--repeats", default=3, help="How often each model is measured.")
@seed_option("the sequences")
def quantized_speed(
    network: str, sequences: int, steps: int, bits: int, workers: int, repeats: int, seed: int
) -> Outcome:
    """Measure the speed of a network of the package in integers, beside the float network in the same run.

    Both take the same random sequences, several times in turn; the shortest time of each counts. The integer model
    has threads of its own (set OPENBLAS_NUM_THREADS=1 so that linear algebra adds none); the float model has those of
    its linear algebra.
    """
    for what, count in (("sequences", sequences), ("steps", steps), ("workers", workers), ("repeats", repeats)):
        check_integer(what, count, 1)
    trained = load(network)
    x = np.random.default_rng(seed).integers(0, 256, (sequences, steps, trained.inputs)) / 256.0 / trained.input_scale
    plan = plan_network(trained, x[:16], NetworkOptions(layer=LayerOptions(weight_bits=bits)))
    integer, floating = measure_network_speed(trained, plan, x, workers=workers, repeats=repeats)
    result: dict[str, Any] = {
        "network": network,
        "sequences": sequences,
        "steps": steps,
        "workers": workers,
        "integer_per_second": integer,
        "float_per_second": floating,
        "ratio": integer / floating,
    }
    rows = [
        (key.replace("_", " "), value if isinstance(value, str) else format_number(value))
        for key, value in result.items()
    ]
    return Outcome(result, [facts("Sequences per second", rows)])
