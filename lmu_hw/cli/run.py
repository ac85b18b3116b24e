"""`lmu-hw run`: a memory or a network over an input file, in float64, in integers or in Verilog."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lmu_hw.cli.output import answer, band_row, facts, format_number, grid, progress, staged, write_array, written
from lmu_hw.cli.recording import input_facts, network_rows, quantized, read, read_input
from lmu_hw.cli.scores import labelled, score_rows, score_tables
from lmu_hw.cli.word_lengths import sweep, sweep_tables, words_of, write_sweep
from lmu_hw.core.band import usable_band
from lmu_hw.core.legendre import Array, readout
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.system import coordinates
from lmu_hw.design.memory import Design
from lmu_hw.design.network import NetworkDesign
from lmu_hw.design.requests import Recording, RunRequest
from lmu_hw.fixed_point.formats import IntArray, Overflow
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.io.recordings import Sequences
from lmu_hw.io.schema import schema_id
from lmu_hw.networks.model import Network
from lmu_hw.networks.reference import FloatNetwork
from lmu_hw.reference.memory import FloatMemory

_CHUNK = 1000
_SHOWN = 12


def run(
    design: Design | NetworkDesign, recording: Recording, request: RunRequest, out: Path | None, as_json: bool
) -> None:
    """Run a memory or a network, write its outputs and print their figures; see `lmu_hw.cli.commands.run`."""
    _RUNS[type(design)](design, recording, request, out, as_json)


def run_memory(design: Design, recording: Recording, request: RunRequest, out: Path | None, as_json: bool) -> None:
    """Run a memory over a recording."""
    backend = request.backend
    samples = read(recording, design, required=True)
    design, spec = samples.design, samples.design.spec()
    delays = design.delays
    with staged(out) as folder, progress() as bar:
        task = bar.add_task(backend, total=samples.values.size)
        output = np.empty((samples.values.size, len(delays) or spec.order))
        at = 0
        for block in _memory_outputs(design, spec, samples.values, backend):
            output[at : at + len(block)] = block
            at += len(block)
            bar.update(task, completed=at)
        write_array(folder / "output.npy", output)
    result = {
        "schema": schema_id("memory-run"),
        "design": design.to_dict(),
        "backend": backend,
        **samples.origin,
        "usable_band": usable_band(spec).to_dict(),
        "delays": list(delays) or None,
        "shape": list(output.shape),
        **output_figures(output),
    }
    rows = [
        ("input", f"{result['input']}, {result['samples']} samples"),
        ("memory", spec.summary()),
        band_row(result["usable_band"]),
        ("backend", backend),
        ("output", " × ".join(map(str, output.shape))),
    ]
    names = list(map(format_number, delays)) or [str(i) for i in range(spec.order)]
    table = output_table(result, names, head="delay / θ" if delays else "state", most=_SHOWN)
    answer(result, [facts("Run", rows), table, *written(out, ["output.npy"])], as_json=as_json)


def decoder(spec: LMUSpec, delays: Sequence[float] | Array) -> Array:
    """The matrix from the states to the delayed inputs, shape (delays, order); without delays the identity."""
    return readout(spec.order, delays) * coordinates(spec) if len(delays) else np.eye(spec.order)


def _memory_outputs(design: Design, spec: LMUSpec, u: Array, backend: str) -> Iterator[Array]:
    """Yield the states after each sample, or the delayed readouts where the design has some, block by block.

    In fixed point they are the outputs of the hardware, bit for bit.
    """
    if backend == "float":
        memory, decode = FloatMemory(spec), decoder(spec, design.delays)
        for start in range(0, u.size, _CHUNK):
            yield memory.run(u[start : start + _CHUNK]) @ decode.T
        return
    plan = design.plan()
    model = IntegerMemory(plan)
    codes = plan.input_format.encode(u, overflow=Overflow.SATURATE)[None, :]

    def decoded(words: IntArray) -> Array:
        if plan.readouts is None:
            return model.decode(words)
        return np.asarray(plan.readouts.format.decode(model.readouts(words)))

    if backend == "fixed":
        state = model.zero_state()
        for start in range(0, u.size, _CHUNK):
            yield decoded(model.run(codes[:, start : start + _CHUNK], state)[0])
        return
    from lmu_hw.sim.targets.memory import run_rtl

    with tempfile.TemporaryDirectory(prefix="lmu_hw_") as scratch:
        words = run_rtl(  # which checks every word and every readout
            plan,
            codes,
            workdir=Path(scratch),
            simulator=design.simulator,
            lanes=design.lanes,
            unrolled=design.unrolled,
            seed=design.seed,
        )
    yield decoded(words[0])


def run_network(
    design: NetworkDesign, recording: Recording, request: RunRequest, out: Path | None, as_json: bool
) -> None:
    """Run a network over sequences, and score it where there are labels."""
    network, backend = design.load(), request.backend
    sequences = read_input(network, recording.path)
    labels = labelled(network, design.network, recording, sequences)
    words_of(request)  # wrong ones are an error before the run
    scored: dict[str, Any] = {}
    with staged(out) as folder, progress() as bar:
        task = bar.add_task(backend, total=None)
        outputs, calibration = _network_outputs(design, network, sequences, backend)
        shaped = outputs if sequences.batched else outputs[0]
        files = write_outputs(folder, shaped, network)
        if labels is not None:
            scored["score"] = labels.score(outputs)
            if request.word_lengths:
                scored["word_lengths"] = sweep(
                    design, network, sequences, labels, request, lambda what: bar.update(task, description=what)
                )
                files += write_sweep(folder, scored["word_lengths"])
    result = {
        "schema": schema_id("network-run"),
        "design": design.to_dict(),
        "backend": backend,
        **input_facts(recording.path, sequences),
        **calibration,
        "shape": list(shaped.shape),
        "classes": list(shaped.shape[:-1]) if network.outputs > 1 else None,
        **output_figures(outputs),
        **scored,
    }
    rows = [
        *network_rows(network),
        ("input", f"{result['input']}, {result['sequences']} × {result['steps']} steps"),
        ("backend", backend),
        *(("formats chosen on", origin) for origin in calibration.values()),
        ("result", " × ".join(map(str, shaped.shape))),
        *(score_rows(result["score"]) if labels is not None else []),
    ]
    tables = [output_table(result, [str(i) for i in range(network.outputs)], most=_SHOWN)]
    if labels is not None:
        tables += score_tables(result["score"])
    if "word_lengths" in result:
        tables += sweep_tables(result["word_lengths"])
    answer(result, [facts("Run", rows), *tables, *written(out, files)], as_json=as_json)


def _network_outputs(
    design: NetworkDesign, network: Network, sequences: Sequences, backend: str
) -> tuple[Array, dict[str, str]]:
    """Run the backend; return its outputs in the network's units, and the data on which its formats were chosen."""
    if backend == "float":
        return FloatNetwork(network).run(sequences.values), {}
    from lmu_hw.networks.quantize.model import IntegerNetwork

    made = quantized(design, network, sequences)
    model = IntegerNetwork(made.plan)
    codes = model.encode(sequences.values)
    calibration = {"calibration": made.calibration}
    if backend == "fixed":
        return model.decode(model.run(codes)), calibration
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
    return model.decode(words), calibration


_RUNS: Mapping[type[Any], Callable[[Any, Recording, RunRequest, Path | None, bool], None]] = {
    Design: run_memory,
    NetworkDesign: run_network,
}


def write_outputs(folder: Path, outputs: Array, network: Network) -> list[str]:
    """Write the outputs of a network and, where it has several, the index of the largest; return the files' names."""
    write_array(folder / "output.npy", outputs)
    if network.outputs == 1:
        return ["output.npy"]
    write_array(folder / "classes.npy", np.argmax(outputs, axis=-1))
    return ["output.npy", "classes.npy"]


def output_figures(outputs: Array) -> dict[str, Array]:
    """The RMS, the peak and the last value of each output; the outputs are the last axis."""
    axes = tuple(range(outputs.ndim - 1))
    return {
        "rms": np.sqrt(np.mean(outputs**2, axis=axes)),
        "peak": np.abs(outputs).max(axis=axes),
        "last": outputs.reshape(-1, outputs.shape[-1])[-1],
    }


def output_table(result: Mapping[str, Any], names: Sequence[str], *, head: str = "output", most: int) -> Any:
    """The table of `output_figures`: a row for each of the named outputs, at most so many."""
    return grid(
        "Output" + ("" if len(names) <= most else f" (first of {len(names)})"),
        [head, "rms", "peak", "last"],
        [
            (name, *(format_number(result[key][i]) for key in ("rms", "peak", "last")))
            for i, name in enumerate(names[:most])
        ],
    )
