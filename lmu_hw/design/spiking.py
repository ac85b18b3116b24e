"""The design of a spiking memory or network: how neurons carry what a `Design` or a `NetworkDesign` describes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmu_hw.design.choices import COORDINATES, NEURON_KINDS, SCOPES
from lmu_hw.design.options import AddedOptions, option
from lmu_hw.errors import RequestError
from lmu_hw.io.quantities import HERTZ, RATIO, SECONDS

if TYPE_CHECKING:
    from lmu_hw.spiking.design import SpikingOptions
    from lmu_hw.spiking.network import NetworkOptions
    from lmu_hw.spiking.synapses import Synapse
    from lmu_hw.spiking.tuning import Tuning

_SECTION = "Spikes"
PER_STATE = 100

#: The options that networks have too, beside the numbers of neurons.
NETWORK_CHOICES = ("neuron_kind", "tau", "max_rates", "intercepts", "scope", "sample_seconds")


@dataclass(frozen=True)
class SpikingChoice(AddedOptions):
    """The options of the neurons; None leaves a value to its default."""

    neurons: int | None = option(
        None,
        "Number of neurons of a memory, or of those for each state and hidden unit of a network",
        fallback=f"{PER_STATE} for each state",
        section=_SECTION,
    )
    neuron_kind: str | None = option(
        None, "Kind of neuron", choices=NEURON_KINDS, fallback="poisson-lif", section=_SECTION
    )
    ensembles: int | None = option(
        None, "Number of groups of neurons, a divisor of the order", fallback="one for each state", section=_SECTION
    )
    coordinates: str | None = option(
        None,
        "What the groups stand for, combinations of states with the least noise or the states themselves",
        choices=COORDINATES,
        fallback="balanced",
        section=_SECTION,
    )
    tau: tuple[float, ...] | None = option(
        None,
        "Time constants of the synapse's low-pass filters",
        metavar="SECONDS,...",
        fallback=(0.1,),
        unit=SECONDS,
        section=_SECTION,
    )
    band: float | None = option(
        None,
        "Frequency of the input up to which the groups are scaled",
        flag="scaling-frequency",
        older=("band",),
        metavar="HZ",
        unit=HERTZ,
        fallback="order/4 cycles per window",
        section=_SECTION,
    )
    max_rates: tuple[float, ...] | None = option(
        None,
        "Range of the maximum rates, Hz",
        metavar="LOW,HIGH",
        fallback=(200.0, 400.0),
        unit=HERTZ,
        section=_SECTION,
    )
    intercepts: tuple[float, ...] | None = option(
        None,
        "Range of the values, from -1 to 1, where neurons begin to fire",
        metavar="LOW,HIGH",
        fallback=(-0.3, 0.8),
        unit=RATIO,
        section=_SECTION,
    )
    scope: str | None = option(
        None,
        "What of a network is in spikes, its memories or its hidden units too",
        choices=SCOPES,
        fallback="memory",
        section=_SECTION,
    )
    sample_seconds: float | None = option(
        None,
        "How long a sample of a network lasts",
        metavar="SECONDS",
        unit=SECONDS,
        fallback="a step of its memories, but no more than half of tau,",
        section=_SECTION,
    )

    def for_memory(self, order: int, delays: tuple[float, ...], seed: int) -> SpikingOptions:
        """The options of a memory with so many states.

        Raises:
            DesignError: An option of networks was given, or a value is out of its range.
        """
        from lmu_hw.spiking.coordinates import Coordinates
        from lmu_hw.spiking.design import SpikingOptions
        from lmu_hw.spiking.neurons import NeuronKind

        self.refuse("with a memory; it belongs to a NETWORK", "scope", "sample_seconds")
        return SpikingOptions(
            PER_STATE * order if self.neurons is None else self.neurons,
            ensembles=self.ensembles,
            kind=NeuronKind(self.chosen("neuron_kind")),
            synapse=self._synapse(),
            coordinates=Coordinates(self.chosen("coordinates")),
            band_hz=self.band,
            delays=delays,
            tuning=self._tuning(),
            seed=seed,
        )

    def for_network(self, seed: int, dt: float | None, neurons: int | None = None) -> NetworkOptions:
        """The options of a network.

        Args:
            seed: The seed of the tuning curves and of the spikes.
            dt: The step of the network's memories in seconds, or None where it has none.
            neurons: The number for each state and hidden unit, in place of the one that was given.

        Raises:
            DesignError: An option of memories was given, or a value is out of its range.
        """
        from lmu_hw.spiking.network import NetworkOptions, Scope
        from lmu_hw.spiking.neurons import NeuronKind

        self.refuse("with a NETWORK; it belongs to a memory", "ensembles", "coordinates", "band")
        if neurons is None:
            neurons = PER_STATE if self.neurons is None else self.neurons
        synapse = self._synapse()
        seconds = self.sample_seconds
        if seconds is None:
            seconds = synapse.longest_step if dt is None else min(dt, synapse.longest_step)
        return NetworkOptions(
            neurons,
            neurons,
            Scope(self.chosen("scope")),
            seconds,
            NeuronKind(self.chosen("neuron_kind")),
            synapse,
            self._tuning(),
            seed,
        )

    def _synapse(self) -> Synapse:
        from lmu_hw.spiking.synapses import Synapse

        return Synapse.low_pass(*self.chosen("tau"))

    def _tuning(self) -> Tuning:
        from lmu_hw.spiking.tuning import Tuning

        return Tuning(**{name: _pair(name, self.chosen(name)) for name in ("max_rates", "intercepts")})


def _pair(name: str, values: tuple[float, ...]) -> Any:
    if len(values) != 2:
        count = "one number" if len(values) == 1 else f"{len(values)} numbers"
        raise RequestError(
            f"--{name.replace('_', '-')} has {count}", hint="give two, the lowest and the highest: LOW,HIGH"
        )
    return values
