"""The noise of a design in SPICE, for comparison with what its linear model predicts."""

from __future__ import annotations

from lmu_hw.analog.design.memory import AnalogDesign
from lmu_hw.analog.export.spice import number, to_deck
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
    """Simulate the noise of a signal by .noise.

    Args:
        design: The circuit.
        signal: One of `design.signals`.
        start: The lowest frequency, Hz.
        stop: The highest frequency, Hz.
        points: The number of points per decade.
        engine: The simulator; neospice can't take a signal that is the difference of two nets.
        timeout_s: The time limit, s.

    Returns:
        Frequencies in Hz and noise in V/√Hz, each (points,).

    Raises:
        DesignError: There is no such signal, or the frequencies are out of range.
        MissingToolError, CheckFailed: As `run_spice`.
    """
    if signal not in design.signals:
        raise DesignError("signal", f"one of {', '.join(design.signals)}", signal)
    low, high = check_positive("lowest frequency", start, "Hz"), check_positive("highest frequency", stop, "Hz")
    if low > high:
        raise DesignError("frequencies", "lowest to highest", f"{low:g} to {high:g} Hz")
    count = check_integer("points per decade", points, 1)
    nets = design.signal_nets(signal)
    deck = to_deck(design.bench(0.0, ac=1.0), [], probes=nets)
    # ".save all": what a deck saves by name leaves the noise's own vectors out.
    cards = f".save all\n.noise v({','.join(nets)}) V_{next(iter(design.input_ports))} dec {count} "
    found = run_spice(
        deck.removesuffix(".end\n") + f"{cards}{number(low)} {number(high)}\n.end\n",
        engine=engine,
        timeout_s=timeout_s,
        vectors=["onoise_spectrum"],
    )
    return found["frequency"], found["onoise_spectrum"]
