"""A bench around a memory circuit: its ports become nets of the same names, and sources drive the input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lmu_hw.analog.circuit.elements import Instance, PiecewiseLinear, VoltageSource, Waveform, scaled, waveform_of
from lmu_hw.analog.circuit.graph import GROUND, Circuit
from lmu_hw.errors import DesignError


def bench_for(
    circuit: Circuit,
    waveform: Waveform,
    *,
    ac: float = 0.0,
    shares: Mapping[str, float] | None = None,
    supplies: Mapping[str, float] | None = None,
) -> Circuit:
    """Return a bench in which sources drive the inputs of `circuit` and every port is a net of the same name.

    Args:
        circuit: A circuit with one input port, or with those of `shares`.
        waveform: The voltage at the input, V.
        ac: The magnitude of the input in a small-signal analysis, V.
        shares: The share of waveform and magnitude at each input port; a differential input has +0.5 and -0.5.
        supplies: The voltage at each supply port, V; a circuit without such ports needs none.

    Raises:
        DesignError: The circuit's input ports are not those of `shares` or, without it, not exactly one; its supply
            ports are not those of `supplies`; or an external waveform has a share other than 1.
    """
    inputs = [port.name for port in circuit.ports if port.direction == "in"]
    if shares is None:
        if len(inputs) != 1:
            raise DesignError(f"circuit {circuit.name}", "one with a single input port", f"{len(inputs)}")
        shares = {inputs[0]: 1.0}
    if set(shares) != set(inputs):
        raise DesignError(f"shares of the inputs of {circuit.name}", ", ".join(inputs), ", ".join(shares))
    powered, given = [port.name for port in circuit.ports if port.direction == "supply"], dict(supplies or {})
    if set(powered) != set(given):
        wanted = f"voltages of {', '.join(powered)}" if powered else "none"
        raise DesignError(f"supplies of {circuit.name}", wanted, ", ".join(given) or "none")
    bench = Circuit(f"{circuit.name}_bench")
    for port in inputs:
        share = shares[port]
        source = VoltageSource(f"V_{port}", waveform_of(waveform).scaled(share), scaled(ac, share))
        bench.add(source, p=port, n=GROUND)
    for port in powered:
        bench.add(VoltageSource(f"V_{port}", given[port]), p=port, n=GROUND)
    bench.add(Instance(f"X_{circuit.name}", circuit), **{port.name: port.name for port in circuit.ports})
    return bench


def held_samples(volts: Sequence[float], dt: float, *, edge: float = 1e-3, merge: bool = False) -> PiecewiseLinear:
    """Return the waveform that holds each sample for `dt` seconds, starting from rest at 0 V.

    The edge to a sample is centred on the time at which the sample begins, so that the waveform's integral over the
    history, and with it the memory's state, agrees with an ideal hold to second order. Only the first edge,
    which starts at time 0, is late, by half its length.

    Args:
        volts: The samples, V.
        dt: The time between samples, s.
        edge: The length of an edge as a fraction of dt.
        merge: Whether to leave out the points between equal samples. A simulator steps to every point: with them it is
            slower, but has a solution at the time of every sample, which need not be interpolated.

    Raises:
        DesignError: There are no samples.
    """
    if not len(volts):
        raise DesignError("input", "at least one sample", "none")
    rise = edge * dt
    times, values = [0.0, rise], [0.0, float(volts[0])]
    for k, volt in enumerate(volts[1:], start=1):
        if not merge or volt != values[-1]:
            times += [k * dt - rise / 2, k * dt + rise / 2]
            values += [values[-1], float(volt)]
    return PiecewiseLinear((*times, len(volts) * dt), (*values, values[-1]))
