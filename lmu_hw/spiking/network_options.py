"""How a network is carried by neurons."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from lmu_hw.arguments import check_integer, check_positive
from lmu_hw.errors import DesignError
from lmu_hw.spiking.neurons import NeuronKind, one_of
from lmu_hw.spiking.synapses import Synapse
from lmu_hw.spiking.tuning import Tuning


class Scope(StrEnum):
    """What of a network is in spikes."""

    MEMORY = "memory"
    ALL = "all"


@dataclass(frozen=True)
class NetworkOptions:
    """How a network is carried by neurons.

    Attributes:
        per_state: neurons for each state of each memory.
        per_unit: neurons for each hidden unit, where everything is in spikes.
        scope: what is in spikes.
        sample_seconds: how long a sample lasts, s.
        kind: of neuron.
        synapse: of the memories.
        tuning: distribution of the tuning curves.
        seed: of tuning curves and spikes.

    Raises:
        DesignError: a count or the time is out of range, or the synapse is not of first order.
    """

    per_state: int = 100
    per_unit: int = 100
    scope: Scope = Scope.MEMORY
    sample_seconds: float = 0.02
    kind: NeuronKind = NeuronKind.POISSON_LIF
    synapse: Synapse = field(default_factory=lambda: Synapse.low_pass(0.1))
    tuning: Tuning = field(default_factory=Tuning)
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", one_of(NeuronKind, self.kind, "kind"))
        object.__setattr__(self, "scope", one_of(Scope, self.scope, "scope"))
        check_integer("neurons per state", self.per_state, 2)
        check_integer("neurons per unit", self.per_unit, 2)
        check_positive("sample_seconds", self.sample_seconds, "seconds")
        if self.synapse.order != 1:
            raise DesignError("synapse of a network", "of first order, which is never late", self.synapse.order)
