"""State coordinates for a network of integrators: dense, chain and ladder.

A further topology is one module with its function, and one entry of the table.
"""

from __future__ import annotations

from collections.abc import Callable

from lmu_hw.analog.realisation.chain import chain_realisation
from lmu_hw.analog.realisation.dense import dense_realisation
from lmu_hw.analog.realisation.ladder import ladder_realisation
from lmu_hw.analog.realisation.network import Readouts, Realisation

TOPOLOGIES: dict[str, Callable[[int, float, Readouts], Realisation]] = {
    "dense": dense_realisation,
    "chain": chain_realisation,
    "ladder": ladder_realisation,
}
"""From the order, the window in seconds and the outputs to the realisation, by the name of the topology."""
