"""`lmu-hw run NETWORK`: a network over a user's sequences."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmu_hw.cli.network_input import input_facts, network_rows, quantized, read_input
from lmu_hw.cli.output import answer, facts, format_number, grid, progress, staged, written
from lmu_hw.core.legendre import Array
from lmu_hw.design.network import NetworkDesign
from lmu_hw.io.files import replacing
from lmu_hw.io.recordings import Sequences
from lmu_hw.networks.model import Network
from lmu_hw.networks.reference import FloatNetwork

_SHOWN = 12


@dataclass(frozen=True, eq=False)
class _Outputs:
    """What a backend gave: outputs (batch, [T,] outputs), and what the answer tells of how."""

    values: Array
    told: dict[str, Any]


def run(design: NetworkDesign, source: Path | None, backend: str, out: Path | None, as_json: bool) -> None:
    """Run, write and print; see `lmu_hw.cli.commands.run`."""
    network = design.load()
    sequences = read_input(network, source)
    with staged(out) as folder, progress() as bar:
        bar.add_task(backend, total=None)
        outputs = _outputs(design, network, sequences, backend)
        shaped = outputs.values if sequences.batched else outputs.values[0]
        classes = np.argmax(shaped, axis=-1) if network.outputs > 1 else None
        names = ["output.npy"]
        _save(folder / "output.npy", shaped)
        if classes is not None:
            names.append("classes.npy")
            _save(folder / "classes.npy", classes)
    result = {
        "design": design.to_dict(),
        "backend": backend,
        **input_facts(source or Path(), sequences),
        **outputs.told,
        "shape": list(shaped.shape),
        "classes": None if classes is None else list(classes.shape),
        "rms": np.sqrt(np.mean(outputs.values**2, axis=tuple(range(outputs.values.ndim - 1)))),
        "peak": np.abs(outputs.values).max(axis=tuple(range(outputs.values.ndim - 1))),
        "last": outputs.values.reshape(-1, network.outputs)[-1],
    }
    answer(result, _shown(network, result, out, names), as_json=as_json)


def _outputs(design: NetworkDesign, network: Network, sequences: Sequences, backend: str) -> _Outputs:
    """Run the backend; words of fixed point and Verilog are given in the network's units."""
    if backend == "float":
        return _Outputs(FloatNetwork(network).run(sequences.values), {})
    from lmu_hw.networks.quantize.model import IntegerNetwork

    made = quantized(design, network, sequences)
    model = IntegerNetwork(made.plan)
    codes = model.encode(sequences.values)
    told: dict[str, Any] = {"calibration": made.calibration}
    if backend == "fixed":
        return _Outputs(model.decode(model.run(codes)), told)
    from lmu_hw.sim.targets.network import run_network_rtl

    with tempfile.TemporaryDirectory(prefix="lmu_hw_") as scratch:
        words = run_network_rtl(  # which checks every word
            made.plan,
            codes,
            workdir=Path(scratch),
            simulator=design.simulator,
            lanes=design.lanes,
            sequences=design.sequences,
            seed=design.seed,
        )
    return _Outputs(model.decode(words), told)


def _save(path: Path, array: NDArray[Any]) -> None:
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, array)


def _shown(network: Network, result: dict[str, Any], out: Path | None, names: list[str]) -> Iterator[Any]:
    rows = [
        *network_rows(network),
        ("input", f"{result['input']}, {result['sequences']} × {result['steps']} steps"),
        ("backend", result["backend"]),
    ]
    if "calibration" in result:
        rows.append(("formats chosen on", result["calibration"]))
    rows.append(("result", " × ".join(map(str, result["shape"]))))
    yield facts("Run", rows)
    count = network.outputs
    yield grid(
        "Output" + ("" if count <= _SHOWN else f" (first of {count})"),
        ["output", "rms", "peak", "last"],
        [
            (str(i), *(format_number(result[key][i]) for key in ("rms", "peak", "last")))
            for i in range(min(count, _SHOWN))
        ],
    )
    yield from written(out, names)
