"""`lmu-hw run`: a memory over an input file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lmu_hw.cli.output import answer, facts, format_number, grid, progress, staged, written
from lmu_hw.cli.recording import Recording, read
from lmu_hw.core.legendre import Array, readout
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.system import coordinates
from lmu_hw.design.memory import Design
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import IntArray, Overflow
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.io.files import replacing
from lmu_hw.reference.memory import FloatMemory

_CHUNK = 1000
_SHOWN = 12


def run(
    design: Design,
    recording: Recording,
    backend: str,
    out: Path | None,
    as_json: bool,
) -> None:
    """Run, write and print; see `lmu_hw.cli.commands.run`."""
    if design.channels != 1:
        raise DesignError("channels", "1 for one recording", design.channels)
    samples = read(recording, design, required=True)
    design, spec = samples.design, samples.design.spec()
    delays = design.delays
    with staged(out) as folder, progress() as bar:
        task = bar.add_task(backend, total=samples.values.size)
        output = np.empty((samples.values.size, len(delays) or spec.order))
        at = 0
        for block in _outputs(design, spec, samples.values, backend):
            output[at : at + len(block)] = block
            at += len(block)
            bar.update(task, completed=at)
        with replacing(folder / "output.npy") as temporary, temporary.open("wb") as file:
            np.save(file, output)
    result = {
        "design": design.to_dict(),
        "backend": backend,
        **samples.origin,
        "delays": list(delays) or None,
        "shape": list(output.shape),
        "rms": np.sqrt(np.mean(output**2, axis=0)),
        "peak": np.abs(output).max(axis=0),
        "last": output[-1],
    }
    answer(result, _shown(result, out), as_json=as_json)


def _outputs(design: Design, spec: LMUSpec, u: Array, backend: str) -> Iterator[Array]:
    """States after each sample, or delayed readouts where the design has some, a block of samples at a time.

    Those of fixed point are what the hardware gives out, bit for bit.
    """
    if backend == "float":
        memory = FloatMemory(spec)
        decode = readout(spec.order, design.delays) * coordinates(spec) if design.delays else np.eye(spec.order)
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
    import tempfile

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


def _shown(result: dict[str, Any], out: Path | None) -> Iterator[Any]:
    rows, columns = result["shape"]
    yield facts(
        "Run",
        [
            ("input", f"{result['input']}, {result['samples']} samples"),
            ("backend", result["backend"]),
            ("output", f"{rows} × {columns}"),
        ],
    )
    what = "state" if result["delays"] is None else "delay / θ"
    names = (
        [str(i) for i in range(columns)] if result["delays"] is None else [format_number(d) for d in result["delays"]]
    )
    yield grid(
        "Output" + ("" if columns <= _SHOWN else f" (first of {columns})"),
        [what, "rms", "peak", "last"],
        [
            (name, *(format_number(result[key][i]) for key in ("rms", "peak", "last")))
            for i, name in enumerate(names[:_SHOWN])
        ],
    )
    yield from written(out, ["output.npy"])
