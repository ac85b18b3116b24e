"""A memory carried by spiking neurons: spiking_memory.py [NEURONS ...].

Six states and a window of half a second, with Poisson neurons and a synapse of 100 ms. Prints the error of the decoded
window, which falls with the square root of the number of neurons.
"""

from __future__ import annotations

import sys

import numpy as np

import lmu_hw
from lmu_hw import spiking


def main(*neurons: int) -> None:
    """Run the same input through memories of different sizes."""
    spec = lmu_hw.LMUSpec(order=6, theta=0.5, dt=1e-3)
    samples = 0.8 * lmu_hw.band_limited_noise(samples=4000, dt=spec.dt, cutoff_hz=3.0, seed=1)
    exact = lmu_hw.FloatMemory(spec).run(samples)
    for count in neurons:
        design = spiking.design_memory(spec, neurons=count, seed=0)
        memory = spiking.SpikingMemory(design)
        states = memory.run(samples, record=True)
        error = np.sqrt(np.mean((states - exact) ** 2))
        print(f"{count} neurons: {memory.spikes.count} spikes, RMS error of a state {error:.4f}")


if __name__ == "__main__":
    main(*(map(int, sys.argv[1:]) if sys.argv[1:] else (240, 960, 3840)))
