"""The process in which neospice runs: requests on standard input, results on standard output, until the input ends.

A request is one line of JSON: the netlist, the kind and the numbers of its analysis, and the wanted vectors (null for
all). A reply is one line of JSON with what neospice printed, its error, and the names, types and lengths of the
vectors; the bytes of the vectors follow.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
from typing import Any, BinaryIO

import numpy as np

neospice: Any = importlib.import_module("neospice")  # its types don't export its names


def main() -> None:
    """Serve until the input ends."""
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    with tempfile.TemporaryFile() as printed:
        for stream in (1, 2):  # neospice prints from C++
            os.dup2(printed.fileno(), stream)
        for line in requests:
            reply(replies, printed, json.loads(line))


def reply(replies: BinaryIO, printed: BinaryIO, request: dict[str, Any]) -> None:
    """Carry out one request."""
    printed.seek(0)
    printed.truncate()
    error, vectors = None, {}
    try:
        vectors = simulate(request)
    except (RuntimeError, KeyError, ValueError, TypeError, IndexError) as problem:
        error = f"{type(problem).__name__}: {problem}"
    printed.seek(0)
    head = {
        "error": error,
        "printed": printed.read().decode("utf-8", "replace"),
        "vectors": [[name, values.dtype.str, values.size] for name, values in vectors.items()],
    }
    replies.write(json.dumps(head).encode() + b"\n")
    for values in vectors.values():
        replies.write(values.tobytes())
    replies.flush()


def simulate(request: dict[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """Run the analysis and return its vectors under ngspice's names."""
    simulator = neospice.Simulator()
    circuit = simulator.parse(request["netlist"])
    if request["kind"] == ".tran":
        # Not by `run`, which takes the printing step as the longest one and ignores the deck's longest step.
        result: Any = simulator.run_transient(circuit, *request["numbers"])
        axes = {"time": result.time}
    else:
        every = simulator.run(circuit)
        field = {".op": "dc", ".ac": "ac", ".noise": "noise", ".dc": "dc_sweep"}[request["kind"]]
        result = getattr(every, field)
        axes = {}
        if request["kind"] == ".ac":
            axes = {"frequency": result.frequency.astype(np.complex128)}
        if request["kind"] == ".dc":
            axes = {"sweep": result.sweep_values}
        if request["kind"] == ".noise":
            return {
                "frequency": result.frequency,
                "onoise_spectrum": np.sqrt(result.output_noise_density),
                "inoise_spectrum": np.sqrt(result.input_noise_density),
            }
    if not result.status.converged:
        raise RuntimeError("no convergence")
    if result.status.warnings:
        raise RuntimeError("; ".join(map(str, result.status.warnings)))
    wanted = request["vectors"]
    names = result.signal_names() if wanted is None else wanted
    found = dict(axes)
    for name in names:
        if name.lower() not in found:
            read = result.current if name.lower().startswith("i(") else result.voltage
            try:
                found[name.lower()] = np.atleast_1d(read(name[2:-1]))
            except KeyError:
                continue  # the check of the result names it as missing
    return found


if __name__ == "__main__":
    main()
