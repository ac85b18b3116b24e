"""The noise of a design in SPICE, for comparison with what its linear model predicts."""

from __future__ import annotations

from lmu_hw.analog.design.memory import AnalogDesign
from lmu_hw.analog.export.spice import Noise, to_deck
from lmu_hw.analog.realisation.network import Array
from lmu_hw.errors import DesignError, check_integer, check_positive
from lmu_hw.sim.spice.engines import Engine, run_spice


def simulate_noise(
    design: AnalogDesign,
    signal: str,
    *,
    start: float,
    stop: float,
    points: int = 10,
    engine: Engine | str = Engine.NGSPICE,
    timeout_s: float = 60.0,
) -> tuple[Array, Array]:
    """Simulate the noise of a signal by a .noise analysis.

    Args:
        design: The circuit.
        signal: One of `design.signals`.
        start: The lowest frequency, Hz.
        stop: The highest frequency, Hz.
        points: The number of points per decade.
        engine: The simulator. neospice cannot take a signal that is the difference of two nets.
        timeout_s: The time limit, s.

    Returns:
        The frequencies, Hz, and the density of the noise, V/√Hz, both of shape (points,).

    Raises:
        DesignError: There is no such signal, or the frequencies are out of range.
        MissingToolError: The simulator is not installed.
        CheckFailed: The simulation failed, as in `run_spice`.
    """
    if signal not in design.signals:
        raise DesignError("signal", f"one of {', '.join(design.signals)}", signal)
    low, high = check_positive("lowest frequency", start, "Hz"), check_positive("highest frequency", stop, "Hz")
    if low > high:
        raise DesignError("frequencies", "lowest to highest", f"{low:g} to {high:g} Hz")
    count = check_integer("points per decade", points, 1)
    analysis = Noise(design.signal_nets(signal), f"V_{next(iter(design.input_ports))}", count, low, high)
    deck = to_deck(design.bench(0.0, ac=1.0), [analysis])
    found = run_spice(deck, engine=engine, timeout_s=timeout_s, vectors=["onoise_spectrum"])
    return found["frequency"], found["onoise_spectrum"]
