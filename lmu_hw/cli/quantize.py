"""`lmu-hw quantize`: the formats of a memory or a network, its ranges, the bound of its error, and its cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.hdl import Fragment

from lmu_hw.cli.output import (
    FORMAT_ROW,
    answer,
    band_row,
    facts,
    format_number,
    grid,
    hardware_rows,
    percent,
    progress,
    render_json,
    staged,
    written,
)
from lmu_hw.cli.recording import calibration_of, network_rows, noise_record, record_length
from lmu_hw.core.band import usable_band
from lmu_hw.core.legendre import Array
from lmu_hw.design.memory import Design
from lmu_hw.design.network import NetworkDesign
from lmu_hw.fixed_point.formats import Overflow
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.fixed_point.search import state_storage_bits
from lmu_hw.io.files import write_text
from lmu_hw.io.schema import schema_id
from lmu_hw.networks.model import Network
from lmu_hw.networks.quantize.plan import NetworkPlan
from lmu_hw.networks.quantize.planner import NetworkPlanner
from lmu_hw.networks.quantize.report import TensorReport, format_report
from lmu_hw.networks.quantize.storage import Storage, layer_storage
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.rtl.interface.streams import StreamMemory
from lmu_hw.rtl.memory.build import build_memory
from lmu_hw.rtl.memory.verilog import memory_cost
from lmu_hw.rtl.network import build_network
from lmu_hw.rtl.network.verilog import network_cost
from lmu_hw.rtl.primitives.schedule import Schedule

_CHUNK = 1000
_SHOWN_STATES = 12

Advance = Callable[[float], None]


@dataclass(frozen=True)
class Measurement:
    """The deviation of the integer model from the float reference on one record.

    Attributes:
        samples: The length of the record.
        band_hz: The highest frequency of its band, in Hz.
        nrmse: The root mean square of the deviation over that of the states, all states taken together.
        max_error: The largest |fixed − float| of each state, of shape (order,).
    """

    samples: int
    band_hz: float
    nrmse: float
    max_error: Array


def run(design: Design | NetworkDesign, out: Path | None, as_json: bool) -> None:
    """Plan, measure, write and print; see `lmu_hw.cli.commands.quantize`."""
    _RUNS[type(design)](design, out, as_json)


def run_memory(design: Design, out: Path | None, as_json: bool) -> None:
    """Plan a memory and measure its error."""
    with staged(out) as folder, progress() as bar:
        task = bar.add_task("plan", total=None)
        plan = design.plan()
        bar.update(task, description="measure", total=record_length(plan.spec)[0])
        measured = measure(plan, design.seed, lambda n: bar.update(task, advance=n))
        result = describe(design, plan, measured)
        write_text(folder / "plan.json", render_json(result))
    answer(result, [*shown(plan, measured, result), *written(out, ["plan.json"])], as_json=as_json)


def measure(plan: MemoryPlan, seed: int, advance: Advance = lambda _: None) -> Measurement:
    """Run the integer model and the float reference over seeded band-limited noise and compare them.

    Args:
        plan: The plan of the memory.
        seed: The seed of the noise.
        advance: A function that is called now and then with the number of samples done since its last call.
    """
    samples, band = record_length(plan.spec)
    u = noise_record(plan.spec, seed)
    codes = plan.input_format.encode(u, overflow=Overflow.SATURATE)
    model, reference = IntegerMemory(plan), FloatMemory(plan.spec)
    state = model.zero_state()
    error, power, largest = 0.0, 0.0, np.zeros(plan.spec.order)
    for start in range(0, samples, _CHUNK):
        part = slice(start, start + _CHUNK)
        exact = reference.run(u[part])
        deviation = np.abs(model.decode(model.run(codes[None, part], state))[0] - exact)
        error += float(np.sum(deviation**2))
        power += float(np.sum(exact**2))
        largest = np.maximum(largest, deviation.max(axis=0))
        advance(exact.shape[0])
    return Measurement(samples, band, math.sqrt(error / power), largest)


def describe(design: Design, plan: MemoryPlan, measured: Measurement) -> dict[str, Any]:
    """The plan, its cost and the measurement as plain values."""
    share = measured.max_error / plan.error_bound
    worst = int(np.argmax(share))
    cost = hardware_cost(plan, design)
    widths = {"input_bits": plan.input_format.width, "state_bits": plan.state_format.width}
    return {
        "schema": schema_id("memory-plan"),
        "design": {**design.to_dict(), **widths, "coefficient_bits": plan.increment.coefficient_bits},
        **plan.to_dict(),
        "cost": {
            "lanes": design.lanes,
            "multiplier_bits": [plan.operand_format.width, plan.increment.coefficient_bits],
            "cycles_per_sample": cost["cycles_per_sample"],
            "latency_cycles": cost["latency_cycles"],
            "state_storage_bits": design.channels * state_storage_bits(plan),
            "coefficient_storage_bits": plan.increment.multiplications * plan.increment.coefficient_bits,
            **{key: cost[key] for key in ("memory_bits", "memory_bits_total", "clock_budget")},
        },
        "usable_band": usable_band(plan.spec).to_dict(),
        "nrmse": measured.nrmse,
        "measured": {
            "input": "band-limited noise",
            "seed": design.seed,
            "samples": measured.samples,
            "band_hz": measured.band_hz,
            "max_error": measured.max_error,
            "worst_state": worst,
            "bound_over_max_error": float(1.0 / share[worst]) if share[worst] > 0.0 else None,
            "largest_bound_over_max_error": float(1.0 / share.min()) if share.min() > 0.0 else None,
        },
    }


def schedule_of(plan: MemoryPlan, design: Design) -> Schedule:
    """The schedule of the hardware that the design asks for."""
    return _built(plan, design).schedule


def hardware_cost(plan: MemoryPlan, design: Design) -> dict[str, Any]:
    """The cost of the hardware that the design asks for, at its clock, as the manifest states it."""
    return memory_cost(_built(plan, design), design.clock)


def _built(plan: MemoryPlan, design: Design) -> StreamMemory:
    memory = build_memory(plan, **design.hardware())
    Fragment.get(memory, None)  # only its figures are wanted, but what is never elaborated draws a warning
    return memory


def shown(plan: MemoryPlan, measured: Measurement, result: dict[str, Any]) -> Iterator[Any]:
    """Yield the tables of a plan and of its states."""
    cost, worst = result["cost"], result["measured"]["worst_state"]
    ratio = result["measured"]["bound_over_max_error"]
    largest = result["measured"]["largest_bound_over_max_error"]
    yield facts(
        "Fixed-point plan",
        [
            ("memory", plan.spec.summary()),
            band_row(result["usable_band"]),
            ("datapath", f"{plan.datapath}, {'with' if plan.error_feedback else 'without'} error feedback"),
            ("input", str(plan.input_format)),
            ("state", str(plan.state_format)),
            ("accumulator", str(plan.accumulator_format)),
            FORMAT_ROW,
            ("multiplier", "{} × {} bits".format(*cost["multiplier_bits"])),
            ("multiplications per sample", str(plan.multiplications_per_sample)),
            ("cycles per sample", f"{cost['cycles_per_sample']} with {cost['lanes']} lane(s)"),
            *hardware_rows(cost),
            (
                "measured NRMSE",
                f"{format_number(measured.nrmse)} on {measured.samples} samples of noise to {measured.band_hz:.4g} Hz",
            ),
            ("after zero input", f"no state word settles beyond ±{plan.limit_set.max()} codes"),
            ("bound / measured", "–" if ratio is None else f"{format_number(ratio)} in state {worst}"),
            ("", "–" if largest is None else f"{format_number(largest)} in the state that stays farthest below it"),
        ],
    )
    order = plan.spec.order
    some = sorted({*range(min(order, _SHOWN_STATES - 2)), worst, order - 1})
    yield grid(
        "States" + ("" if len(some) == order else f" (some of {order})"),
        ["state", "bits", "range", "error bound", "measured maximum", "predicted noise"],
        [
            (
                str(i),
                str(plan.state_widths[i]),
                format_number(plan.ranges[i]),
                format_number(plan.error_bound[i]),
                format_number(measured.max_error[i]),
                format_number(plan.noise[i]),
            )
            for i in some
        ],
    )


def run_network(design: NetworkDesign, out: Path | None, as_json: bool) -> None:
    """Plan a network, and measure the error that every format causes at its outputs."""
    network = design.load()
    calibration = calibration_of(design, network)
    with staged(out) as folder, progress() as bar:
        task = bar.add_task("plan", total=None)
        planner = NetworkPlanner(network, calibration.values)
        plan = planner.plan(design.options())
        bar.update(task, description="weigh the formats")
        tensors = format_report(planner, plan)
        storage = [layer_storage(layer) for layer in plan.layers]
        cost = network_hardware_cost(plan, design, calibration.values.shape[1])
        result = _network_result(design, plan, tensors, storage, calibration.values.shape) | {"hardware": cost}
        write_text(folder / "plan.json", render_json(result))
    answer(
        result, [*_network_tables(network, plan, tensors, storage, cost), *written(out, ["plan.json"])], as_json=as_json
    )


def network_hardware_cost(plan: NetworkPlan, design: NetworkDesign, steps: int) -> dict[str, Any]:
    """The cost of the hardware that the design asks for, at its clock, as the manifest states it.

    Args:
        plan: The plan of the network.
        design: The design, with its lanes, sequences and clock.
        steps: The number of steps of a sequence.
    """
    network = build_network(plan, lanes=design.lanes, sequences=design.sequences)
    Fragment.get(network, None)  # as above
    return {"lanes": network.lanes, "sequences": network.sequences, **network_cost(network, design.clock, steps)}


_RUNS: Mapping[type[Any], Callable[[Any, Path | None, bool], None]] = {
    Design: run_memory,
    NetworkDesign: run_network,
}


def _network_result(
    design: NetworkDesign,
    plan: NetworkPlan,
    tensors: Sequence[TensorReport],
    storage: Sequence[Storage],
    calibration: tuple[int, ...],
) -> dict[str, Any]:
    described = plan.to_dict()
    return {
        "schema": schema_id("network-plan"),
        "design": design.to_dict(),
        "calibration": {"file": design.calibration, "sequences": calibration[0], "steps": calibration[1]},
        "formats": described["formats"],
        "output": described["output"],
        "layers": [
            layer | {"storage_bits": asdict(bits) | {"total": bits.total}}
            for layer, bits in zip(described["layers"], storage, strict=True)
        ],
        "tensors": [asdict(tensor) for tensor in tensors],
        "nrmse": tensors[-1].output_error,
        "error_bound": None,
        **{key: described[key] for key in ("multiplications_per_sample", "multiplications_per_last_sample")},
        "storage_bits": sum(bits.total for bits in storage),
    }


def _network_tables(
    network: Network,
    plan: NetworkPlan,
    tensors: Sequence[TensorReport],
    storage: Sequence[Storage],
    cost: Mapping[str, Any],
) -> Iterator[Any]:
    cycles = f"{cost['cycles_per_step']:,}, the last one {cost['cycles_per_last_step']:,}"
    yield facts(
        "Network in fixed point",
        [
            *network_rows(network),
            ("formats", f"input {plan.input_format}, output {plan.output_format}"),
            FORMAT_ROW,
            (
                "multiplications per step",
                f"{plan.multiplications(last=False)}, the last one {plan.multiplications(last=True)}",
            ),
            ("cycles per step", f"{cycles}, with {cost['lanes']} lane(s) for each of {cost['sequences']} sequence(s)"),
            (
                "words and tables",
                "; ".join(f"{layer.name} {bits.total} bits" for layer, bits in zip(plan.layers, storage, strict=True)),
            ),
            *hardware_rows(cost),
            ("deviation from float", f"{percent(tensors[-1].output_error)} of the outputs' RMS"),
        ],
    )
    yield grid(
        "Tensors",
        ["layer", "tensor", "format", "bits", "from", "to", "clipped", "output error"],
        [
            (
                tensor.layer,
                tensor.tensor,
                tensor.formats,
                str(tensor.bits),
                format_number(tensor.low),
                format_number(tensor.high),
                percent(tensor.clipped),
                percent(tensor.output_error),
            )
            for tensor in tensors
        ],
        right=range(3, 8),
    )
    yield "output error: RMS of what this tensor alone changes at the outputs, over the outputs' RMS"
