"""`lmu-hw quantize NETWORK`: every format of a network, what it holds and what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lmu_hw.cli.cosim_report import percent
from lmu_hw.cli.network_input import calibration_of, network_rows
from lmu_hw.cli.output import answer, facts, format_number, grid, progress, render_json, staged, written
from lmu_hw.design.network import NetworkDesign
from lmu_hw.io.files import write_text
from lmu_hw.networks.model import Network
from lmu_hw.networks.quantize.plan import AffinePlan, LayerPlan, NetworkPlan
from lmu_hw.networks.quantize.planner import NetworkPlanner
from lmu_hw.networks.quantize.report import TensorReport, format_report
from lmu_hw.networks.quantize.storage import Storage, layer_storage


def run(design: NetworkDesign, out: Path | None, as_json: bool) -> None:
    """Plan, weigh every format, write and print; see `lmu_hw.cli.commands.quantize`."""
    network = design.load()
    calibration = calibration_of(design, network)
    with staged(out) as folder, progress() as bar:
        task = bar.add_task("plan", total=None)
        planner = NetworkPlanner(network, calibration.values)
        plan = planner.plan(design.options())
        bar.update(task, description="weigh the formats")
        tensors = format_report(planner, plan)
        storage = [layer_storage(layer) for layer in plan.layers]
        result = _result(design, plan, tensors, storage, calibration.values.shape)
        write_text(folder / "plan.json", render_json(result))
    answer(result, [*_shown(network, plan, tensors, storage), *written(out, ["plan.json"])], as_json=as_json)


def _result(
    design: NetworkDesign,
    plan: NetworkPlan,
    tensors: Sequence[TensorReport],
    storage: Sequence[Storage],
    calibration: tuple[int, ...],
) -> dict[str, Any]:
    return {
        "design": design.to_dict(),
        "calibration": {"file": design.calibration, "sequences": calibration[0], "steps": calibration[1]},
        "formats": {"input": asdict(plan.input_format), "output": asdict(plan.output_format)},
        "output": str(plan.output),
        "layers": [
            _layer(layer) | {"storage_bits": asdict(bits) | {"total": bits.total}}
            for layer, bits in zip(plan.layers, storage, strict=True)
        ],
        "tensors": [asdict(tensor) for tensor in tensors],
        "nrmse": tensors[-1].output_error,
        "error_bound": None,
        "multiplications_per_sample": plan.multiplications(last=False),
        "multiplications_per_last_sample": plan.multiplications(last=True),
        "storage_bits": sum(bits.total for bits in storage),
    }


def _layer(layer: LayerPlan) -> dict[str, Any]:
    activation = layer.activation
    return {
        "name": layer.name,
        "drive": None if layer.drive is None else _map(layer.drive),
        "memory": None if layer.memory is None else layer.memory.to_dict(),
        "gains": layer.gains,
        "affine": None if layer.affine is None else _map(layer.affine),
        "activation": None
        if activation is None
        else {
            "function": str(activation.function),
            "input": asdict(activation.input),
            "output": asdict(activation.output),
            "pieces": int(activation.base.size),
            "error_bound": activation.error_bound,
        },
    }


def _map(affine: AffinePlan) -> dict[str, Any]:
    return {
        "rows": affine.rows,
        "weight_bits": affine.weight_bits,
        "accumulator": asdict(affine.accumulator),
        "target": asdict(affine.target),
        "segments": [
            {
                "source": str(segment.source),
                "columns": segment.columns,
                "words": asdict(segment.words),
                "fractions": segment.fractions,
            }
            for segment in affine.segments
        ],
    }


def _shown(
    network: Network, plan: NetworkPlan, tensors: Sequence[TensorReport], storage: Sequence[Storage]
) -> Iterator[Any]:
    yield facts(
        "Network in fixed point",
        [
            *network_rows(network),
            ("formats", f"input {plan.input_format}, output {plan.output_format}"),
            (
                "multiplications per step",
                f"{plan.multiplications(last=False)}, the last one {plan.multiplications(last=True)}",
            ),
            (
                "storage",
                "; ".join(f"{layer.name} {bits.total} bits" for layer, bits in zip(plan.layers, storage, strict=True)),
            ),
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
