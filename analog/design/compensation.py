"""Compensation: the capacitors across feedback resistors that keep every loop of a circuit far from oscillation.

The input capacitance C of an op-amp and the resistors R around it make a pole in its loop, at 1/(2 pi (R_1 || R_2) C).
A capacitor across the feedback resistor makes a zero, and for R_f C_f = (R_1 || ...) C the loop is that of resistors
alone (J. G. Graeme, Photodiode Amplifiers, 1996, chapter 3). It also makes the stage lag by R_f C_f, so the least one
that keeps the margin is taken, and sums have resistors as small as their sources can drive.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmu_hw.analog.circuit.devices import SmallOpAmp
from lmu_hw.analog.circuit.equations import Equations, equations
from lmu_hw.analog.circuit.graph import Circuit
from lmu_hw.analog.circuit.linear import reduce
from lmu_hw.analog.circuit.loops import (
    LOCI,
    Margin,
    common_margin,
    local_margins,
    loop_frequencies,
    loop_gains,
    margin,
    return_margins,
)
from lmu_hw.analog.design.parts import Series
from lmu_hw.core.display import Displayed, number

STRAY = 2e-12
"""The capacitance of a board at the inputs of every op-amp, F, which all margins include."""

LEAST_PHASE = 45.0
"""The phase margin below which a circuit is refused, degrees."""

WANTED_PHASE = 65.0
"""The phase margin for which compensation capacitors are chosen, degrees."""

_VALUES = Series("E12").values(1e-12, 1e-9)


@dataclass(frozen=True)
class StageMargin:
    """The margins of the op-amp of a stage.

    Attributes:
        amplifier: The path of the op-amp.
        local: The margin by itself, while all other op-amps hold their outputs.
        circuit: The margin in the circuit, all other loops closed.
    """

    amplifier: str
    local: Margin
    circuit: Margin

    @property
    def phase_deg(self) -> float:
        """The smaller phase margin of the two, degrees."""
        return min(self.local.phase_deg, self.circuit.phase_deg)

    def to_dict(self) -> dict[str, Any]:
        """Return the margins as plain values."""
        return {
            "amplifier": self.amplifier,
            "phase_margin_deg": self.local.phase_deg,
            "gain_margin_db": _finite(self.local.gain_db),
            "crossover_hz": self.local.crossover_hz,
            "circuit_phase_margin_deg": self.circuit.phase_deg,
            "circuit_gain_margin_db": _finite(self.circuit.gain_db),
        }


@dataclass(frozen=True, eq=False, repr=False)
class Stability(Displayed):
    """The poles of a circuit and the margins of its loops, with `STRAY` at the inputs of every op-amp.

    Attributes:
        poles: The poles, 1/s, shape (poles,), by falling real part.
        stages: The margins of every op-amp that has poles, in the order of the circuit.
        common: The margin of all op-amps together; None without op-amps that have poles, or with more than `LOCI`.
    """

    poles: NDArray[np.complex128]
    stages: Sequence[StageMargin] = ()
    common: Margin | None = None

    def _facts(self) -> Any:
        yield "stable", "yes" if self.stable else "no"
        if self.phase_margin is not None:
            yield "phase margin", f"{number(self.phase_margin)}°"

    @property
    def stable(self) -> bool:
        """Whether all poles lie in the left half-plane."""
        return bool(self.poles.real.max(initial=-np.inf) < 0.0)

    @property
    def damping(self) -> float:
        """The least damping ratio of a pole; 1 for a real one in the left half-plane."""
        return float(np.min(-self.poles.real / np.abs(self.poles), initial=1.0))

    @property
    def phase_margin(self) -> float | None:
        """The smallest phase margin of all loops, degrees; None without op-amps that have poles."""
        every = [stage.phase_deg for stage in self.stages]
        every += [] if self.common is None else [self.common.phase_deg]
        return min(every) if every else None

    @property
    def gain_margin(self) -> float | None:
        """The smallest gain margin of all loops, dB; None where no loop's phase passes 180°."""
        every = [each.gain_db for stage in self.stages for each in (stage.local, stage.circuit)]
        every += [] if self.common is None else [self.common.gain_db]
        return _finite(min(every, default=math.inf))

    def weakest(self) -> StageMargin:
        """Return the stage of the smallest phase margin."""
        return min(self.stages, key=lambda stage: stage.phase_deg)

    def to_dict(self) -> dict[str, Any]:
        """Return poles and margins as plain values; a pole is a pair of real and imaginary part, 1/s."""
        return {
            "stable": self.stable,
            "phase_margin_deg": self.phase_margin,
            "gain_margin_db": self.gain_margin,
            "common_phase_margin_deg": None if self.common is None else self.common.phase_deg,
            "least_damping": self.damping,
            "stray_farads": STRAY,
            "poles": [[float(pole.real), float(pole.imag)] for pole in self.poles],
            "stages": [stage.to_dict() for stage in self.stages],
        }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def stability(circuit: Circuit) -> Stability:
    """Compute the poles of a circuit and the margins of its op-amps.

    Raises:
        ElectricalRuleError: The circuit breaks a rule.
        DesignError: It has no linear model or no unique solution.
    """
    system = equations(circuit)
    values = _with_stray(system)
    found = np.linalg.eigvals(reduce(system, values).a).astype(np.complex128)
    poles = found[np.lexsort((found.imag, -found.real))]
    if not system.gains:
        return Stability(poles)
    gbw = max(each.value for each in system.parameters if each.quantity == "gbw")
    hertz = loop_frequencies(gbw)
    gains = loop_gains(system, hertz, values)
    stages = [
        StageMargin(each.path, local, inner)
        for each, local, inner in zip(
            system.gains, local_margins(gains, hertz), return_margins(gains, hertz), strict=True
        )
    ]
    return Stability(poles, stages, common_margin(gains, hertz) if len(stages) <= LOCI else None)


def _with_stray(system: Equations) -> NDArray[np.float64]:
    values = system.nominal.copy()
    values[[k for k, each in enumerate(system.parameters) if each.quantity == "cin"]] += STRAY
    return values


def least_capacitor(model: SmallOpAmp, feedback: float, source: float) -> float:
    """Return the least standard capacitance across a feedback resistor that keeps `WANTED_PHASE`, F; 0 if none need be.

    Args:
        model: The op-amp.
        feedback: The feedback resistance, ohm.
        source: The resistance of all inputs in parallel, ohm.
    """
    if not math.isfinite(model.gbw) or model.input_capacitance == 0.0:
        return 0.0
    hertz = loop_frequencies(model.gbw)
    s = 2j * np.pi * hertz
    gain = 1.0 / (1.0 / model.gain + 1j * hertz / model.gbw) / (1.0 + 1j * hertz / model.second_pole)
    load = 1.0 / source + s * (model.input_capacitance + STRAY)
    for farads in (0.0, *_VALUES):
        back = 1.0 / feedback + s * farads
        # The output drives the feedback in series with what hangs on the virtual ground.
        loop = gain * back / (back + load + model.rout * back * load)
        if margin(loop, hertz).phase_deg >= WANTED_PHASE:
            return farads
    return _VALUES[-1]


@dataclass(frozen=True)
class Feedback:
    """A stage with a feedback resistor.

    Attributes:
        signal: The signal at its output.
        feedback: The feedback resistance, ohm.
        source: The resistance of all inputs in parallel, ohm.
    """

    signal: str
    feedback: float
    source: float


@dataclass
class Capacitors:
    """The compensation capacitors of a circuit while they are chosen.

    Attributes:
        farads: The capacitance across the feedback resistor of each stage, F, by the stage's signal; 0 for none.
    """

    farads: dict[str, float] = field(default_factory=dict)

    def raise_for(self, found: Stability, *, local: bool) -> bool:
        """Take the next larger value at every stage whose margin is below `WANTED_PHASE`; return whether there is one.

        Where only the margin of all op-amps together is too small, every capacitor is raised.

        Args:
            found: The margins with the present values.
            local: Whether only the margin of each stage by itself counts.
        """
        small = [
            stage.amplifier.rpartition(".X_amp_")[2]
            for stage in found.stages
            if (stage.local.phase_deg if local else stage.phase_deg) < WANTED_PHASE
        ]
        weak = {name for name in small if name in self.farads}
        if not weak and not local and (found.phase_margin or 180.0) < WANTED_PHASE:
            weak = set(self.farads)
        for name in weak:
            k = next((k for k, value in enumerate(_VALUES) if value > self.farads[name] * 1.001), None)
            if k is None:
                return False
            self.farads[name] = _VALUES[k]
        return bool(weak)


def first_capacitors(model: SmallOpAmp, stages: Sequence[Feedback]) -> Mapping[str, float]:
    """Return the capacitances that keep the margin of each stage by itself, F, by the stage's signal; 0 for none."""
    return {each.signal: least_capacitor(model, each.feedback, each.source) for each in stages}
