"""What the command line says about neurons, and the options of `lmu_hw.spiking` that it makes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmu_hw.cli.parameters import Fractions, Number, OneOf, Whole, option
from lmu_hw.errors import DesignError

if TYPE_CHECKING:
    from lmu_hw.spiking.design import SpikingOptions
    from lmu_hw.spiking.network import NetworkOptions
    from lmu_hw.spiking.tuning import Tuning

_SECTION = "Spikes"
KINDS = ("poisson-lif", "poisson-relu", "lif", "rate-lif", "rate-relu")
PER_STATE = 100

_OPTIONS: Mapping[str, Callable[[Any], Any]] = {
    "neurons": option(
        "--neurons",
        section=_SECTION,
        type=Whole(),
        help="Of a memory: altogether, 100 for each state by default. Of a network: for each state and hidden unit.",
    ),
    "neuron_kind": option(
        "--neuron-kind", section=_SECTION, type=OneOf(KINDS), help="Kind of neuron; poisson-lif by default."
    ),
    "ensembles": option(
        "--ensembles", section=_SECTION, type=Whole(), help="Groups of neurons, a divisor of the order; one per state."
    ),
    "coordinates": option(
        "--coordinates",
        section=_SECTION,
        type=OneOf(("balanced", "states")),
        help="What groups stand for: combinations of states with the least noise, the default, or states.",
    ),
    "tau": option(
        "--tau",
        section=_SECTION,
        type=Fractions(),
        metavar="SECONDS,...",
        help="Time constants of the synapse's low passes; one of 0.1 by default.",
    ),
    "band": option(
        "--band",
        section=_SECTION,
        type=Number(),
        metavar="HZ",
        help="Highest frequency of the input that groups are scaled to; order/4 cycles per window by default.",
    ),
    "max_rates": option(
        "--max-rates",
        section=_SECTION,
        type=Fractions(),
        metavar="LOW,HIGH",
        help="Range of the maximum rates, Hz; 200,400 by default.",
    ),
    "intercepts": option(
        "--intercepts",
        section=_SECTION,
        type=Fractions(),
        metavar="LOW,HIGH",
        help="Range of where neurons begin to fire, from -1 to 1; -0.3,0.8 by default.",
    ),
    "scope": option(
        "--scope",
        section=_SECTION,
        type=OneOf(("memory", "all")),
        help="What of a network is in spikes: its memories, the default, or its hidden units too.",
    ),
    "sample_seconds": option(
        "--sample-seconds",
        section=_SECTION,
        type=Number(),
        metavar="SECONDS",
        help="How long a sample of a network lasts: a step of its memories by default, but at most half of tau.",
    ),
}

#: What has to do with networks, beside the numbers of neurons.
NETWORK_CHOICES = ("neuron_kind", "tau", "max_rates", "intercepts", "scope", "sample_seconds")


@dataclass(frozen=True)
class SpikingChoice:
    """What was given, by the options' names; None leaves a value to its default."""

    neurons: int | None = None
    neuron_kind: str | None = None
    ensembles: int | None = None
    coordinates: str | None = None
    tau: tuple[float, ...] | None = None
    band: float | None = None
    max_rates: tuple[float, ...] | None = None
    intercepts: tuple[float, ...] | None = None
    scope: str | None = None
    sample_seconds: float | None = None

    def refuse(self, constraint: str, *names: str) -> None:
        """Refuse what is given of `names`, or of all options.

        Raises:
            DesignError: one is.
        """
        for name in names or tuple(vars(self)):
            if (value := getattr(self, name)) is not None:
                raise DesignError(name.replace("_", "-"), constraint, value)

    def flags(self) -> str:
        """What was given, as words of the command line, each after a space."""
        words = []
        for name, value in vars(self).items():
            if value is not None:
                told = ",".join(f"{v:g}" for v in value) if isinstance(value, tuple) else value
                words.append(f" --{name.replace('_', '-')} {told}")
        return "".join(words)

    def for_memory(self, order: int, delays: tuple[float, ...], seed: int) -> SpikingOptions:
        """The options of a memory of that order."""
        from lmu_hw.spiking.coordinates import Coordinates
        from lmu_hw.spiking.design import SpikingOptions
        from lmu_hw.spiking.neurons import NeuronKind
        from lmu_hw.spiking.synapses import Synapse

        self.refuse("given with a NETWORK", "scope", "sample_seconds")
        return SpikingOptions(
            PER_STATE * order if self.neurons is None else self.neurons,
            ensembles=self.ensembles,
            kind=NeuronKind(self.neuron_kind or NeuronKind.POISSON_LIF),
            synapse=Synapse.low_pass(*(self.tau or (0.1,))),
            coordinates=Coordinates(self.coordinates or Coordinates.BALANCED),
            band_hz=self.band,
            delays=delays,
            tuning=self._tuning(),
            seed=seed,
        )

    def for_network(self, seed: int, dt: float | None, neurons: int | None = None) -> NetworkOptions:
        """The options of a network.

        Args:
            seed: of tuning curves and spikes.
            dt: step of its memories, s; None where it has none.
            neurons: for each state and hidden unit, in place of those that were given.
        """
        from lmu_hw.spiking.network import NetworkOptions, Scope
        from lmu_hw.spiking.neurons import NeuronKind
        from lmu_hw.spiking.synapses import Synapse

        self.refuse("left out with a network", "ensembles", "coordinates", "band")
        if neurons is None:
            neurons = PER_STATE if self.neurons is None else self.neurons
        synapse = Synapse.low_pass(*(self.tau or (0.1,)))
        seconds = self.sample_seconds
        if seconds is None:
            seconds = synapse.longest_step if dt is None else min(dt, synapse.longest_step)
        return NetworkOptions(
            neurons,
            neurons,
            Scope(self.scope or Scope.MEMORY),
            seconds,
            NeuronKind(self.neuron_kind or NeuronKind.POISSON_LIF),
            synapse,
            self._tuning(),
            seed,
        )

    def _tuning(self) -> Tuning:
        from lmu_hw.spiking.tuning import Tuning

        given = {name: _pair(name, value) for name in ("max_rates", "intercepts") if (value := getattr(self, name))}
        return Tuning(**given)


def spiking_options(subcommand: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb the options of neurons, received as `spiking`, a `SpikingChoice`."""
    return _taking(_OPTIONS, subcommand)


def spiking_network_options(subcommand: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a verb that has networks only, and says itself how many neurons they have."""
    return _taking(NETWORK_CHOICES, subcommand)


def _taking(names: Iterable[str], subcommand: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(subcommand)
    def run(**options: Any) -> Any:
        return subcommand(spiking=SpikingChoice(**{name: options.pop(name) for name in names}), **options)

    decorated: Callable[..., Any] = run
    for name in reversed(tuple(names)):
        decorated = _OPTIONS[name](decorated)
    return decorated


def _pair(name: str, values: tuple[float, ...]) -> tuple[float, float]:
    if len(values) != 2:
        raise DesignError(name.replace("_", "-"), "two numbers, the lowest and the highest", values)
    return values[0], values[1]
