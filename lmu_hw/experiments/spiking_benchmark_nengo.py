"""The memory of `lmu-hw experiment spiking-benchmark` in Nengo, in a process of its own.

    python -P spiking_benchmark_nengo.py

Each line on standard input is a task in JSON; each line on standard output is its answer. A task names a file of
arrays (`input` u, shape (T,); `matrix` A_rec, shape (d, d), and `taps` of the input, shape (d,), for the sampled
synapse; `tau`, `dt`), the number of neurons, a seed, and a file for the states, shape (T, d). The answer holds `wall`
and `cpu`, the seconds that the simulation took without the network's construction, and Nengo's version.

The file stands alone, since the environment of Nengo has none of this project's packages. The network is Nengo's usual
one: an array of ensembles, one for each state, of Poisson-spiking neurons with LIF rate curves, maximum rates of 200
to 400 Hz and otherwise Nengo's defaults.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from typing import Any

import numpy as np


def run(task: dict[str, Any]) -> dict[str, Any]:
    """Build and run one memory."""
    nengo = importlib.import_module("nengo")
    with np.load(task["arrays"], allow_pickle=False) as arrays:
        u, matrix, taps = arrays["input"], arrays["matrix"], arrays["taps"]
        tau, dt = float(arrays["tau"]), float(arrays["dt"])
    states = len(taps)
    with nengo.Network(seed=task["seed"]) as network:
        source = nengo.Node(nengo.processes.PresentInput(u[:, None], dt))
        memory = nengo.networks.EnsembleArray(
            task["neurons"] // states,
            states,
            neuron_type=nengo.PoissonSpiking(nengo.LIFRate()),
            max_rates=nengo.dists.Uniform(200.0, 400.0),
        )
        nengo.Connection(source, memory.input, transform=taps[:, None], synapse=tau)
        nengo.Connection(memory.output, memory.input, transform=matrix, synapse=tau)
        probe = nengo.Probe(memory.input, synapse=None)
    with nengo.Simulator(network, dt=dt, progress_bar=False) as simulator:
        wall, cpu = time.perf_counter(), time.process_time()
        simulator.run_steps(len(u))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        np.save(task["states"], simulator.data[probe])
    return {"wall": wall, "cpu": cpu, "version": str(nengo.__version__)}


def main() -> None:
    """Answer tasks until there are no more."""
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
