"""`lmu-hw run`: a memory over an input file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lmu_hw.artifacts import replacing
from lmu_hw.cli.output import answer, facts, figure, grid, progress, staged, written
from lmu_hw.cli.recording import Recording, read
from lmu_hw.design_file import Design
from lmu_hw.errors import DesignError
from lmu_hw.fixedpoint import Overflow
from lmu_hw.integer_model import IntegerMemory
from lmu_hw.legendre import Array, readout
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.spec import LMUSpec
from lmu_hw.system import coordinates

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
    decode = readout(spec.order, delays) * coordinates(spec) if delays else None
    with staged(out) as folder, progress() as bar:
        task = bar.add_task(backend, total=samples.values.size)
        output = np.empty((samples.values.size, spec.order if decode is None else decode.shape[0]))
        at = 0
        for states in _states(design, spec, samples.values, backend, folder):
            output[at : at + len(states)] = states if decode is None else states @ decode.T
            at += len(states)
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


def _states(design: Design, spec: LMUSpec, u: Array, backend: str, folder: Path) -> Iterator[Array]:
    """States after each sample, a block of samples at a time."""
    if backend == "float":
        memory = FloatMemory(spec)
        for start in range(0, u.size, _CHUNK):
            yield memory.run(u[start : start + _CHUNK])
        return
    plan = design.plan()
    codes = plan.input_format.encode(u, overflow=Overflow.SATURATE)[None, :]
    if backend == "fixed":
        model = IntegerMemory(plan)
        state = model.zero_state()
        for start in range(0, u.size, _CHUNK):
            yield model.decode(model.run(codes[:, start : start + _CHUNK], state))[0]
        return
    import tempfile

    from lmu_hw.sim.digital import run_rtl

    with tempfile.TemporaryDirectory(prefix="lmu_hw_") as scratch:
        words = run_rtl(
            plan, codes, workdir=Path(scratch), simulator=design.simulator, lanes=design.lanes, seed=design.seed
        )
    yield plan.state_format.decode(words[0])


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
    names = [str(i) for i in range(columns)] if result["delays"] is None else [figure(d) for d in result["delays"]]
    yield grid(
        "Output" + ("" if columns <= _SHOWN else f" (first of {columns})"),
        [what, "rms", "peak", "last"],
        [(name, *(figure(result[key][i]) for key in ("rms", "peak", "last"))) for i, name in enumerate(names[:_SHOWN])],
    )
    yield from written(out, ["output.npy"])
