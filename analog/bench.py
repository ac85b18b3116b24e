"""A bench around a memory circuit: its ports become nets of the same names, and a source drives u."""

from __future__ import annotations

from collections.abc import Sequence

from lmu_hw.analog.circuit import GROUND, Circuit
from lmu_hw.analog.elements import Instance, PiecewiseLinear, VoltageSource, Waveform
from lmu_hw.errors import DesignError


def bench_for(circuit: Circuit, waveform: Waveform, *, ac: float = 0.0) -> Circuit:
    """Return a bench in which V_u drives the input of `circuit` and every port is a net of the same name.

    Args:
        circuit: a circuit with one input port.
        waveform: voltage at the input, V.
        ac: magnitude of the input in a small-signal analysis, V.

    Raises:
        DesignError: the circuit does not have exactly one input port.
    """
    inputs = [port.name for port in circuit.ports if port.direction == "in"]
    if len(inputs) != 1:
        raise DesignError(f"circuit {circuit.name}", "one with a single input port", f"{len(inputs)}")
    bench = Circuit(f"{circuit.name}_bench")
    bench.add(VoltageSource(f"V_{inputs[0]}", waveform, ac), p=inputs[0], n=GROUND)
    bench.add(Instance(f"X_{circuit.name}", circuit), **{port.name: port.name for port in circuit.ports})
    return bench


def held_samples(volts: Sequence[float], dt: float, *, edge: float = 1e-3) -> PiecewiseLinear:
    """Return the waveform that holds each sample for `dt` seconds, starting from rest at 0 V.

    The edge to a sample is centred on the time at which it begins, so that the waveform's integral over the
    history, and with it the memory's state, agrees with an ideal hold to second order. Only the first edge,
    which starts at time 0, is late, by half its length.

    Args:
        volts: the samples.
        dt: time between samples, s.
        edge: length of an edge as a fraction of dt.

    Raises:
        DesignError: no samples.
    """
    if not len(volts):
        raise DesignError("input", "at least one sample", "none")
    rise = edge * dt
    times, values = [0.0, rise], [0.0, float(volts[0])]
    for k, volt in enumerate(volts[1:], start=1):
        times += [k * dt - rise / 2, k * dt + rise / 2]
        values += [values[-1], float(volt)]
    return PiecewiseLinear((*times, len(volts) * dt), (*values, values[-1]))
