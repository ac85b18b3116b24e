"""Fully differential op-amp RC: every signal is the difference of two nets, and crossing them inverts it.

No inverters are needed. Stage X_integrator_x<i> has the balanced op-amp X_amp_x<i>, the capacitors C_x<i>_p and
C_x<i>_n, and the pair R_x<i>_<source>_p, R_x<i>_<source>_n per coupling; a sum has the pair R_fb_<sum>_p, _n in place
of the capacitors. The part on side p leads to the positive output, on side n to the negative one. The op-amp's own
common-mode feedback, which its model takes for ideal, keeps its outputs balanced about ground.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lmu_hw.analog.circuit.devices import AnyOpAmp, Cell, DifferentialOpAmpModel
from lmu_hw.analog.circuit.elements import DifferentialOpAmp, Resistor
from lmu_hw.analog.circuit.graph import Circuit
from lmu_hw.analog.design.technologies.base import SIDES, OpAmpTechnology, Stage, StageBuilder, nets_of

_VIRTUAL = {"_p": "virtual_n", "_n": "virtual_p"}  # side p feeds back from the positive output to the inverting input
_OTHER = {"_p": "_n", "_n": "_p"}


@dataclass(frozen=True)
class OpAmpRCDifferential(OpAmpTechnology):
    """Fully differential op-amps with pairs of resistors and capacitors."""

    opamp: DifferentialOpAmpModel

    style: ClassVar[str] = "opamp-rc-differential"
    differential: ClassVar[bool] = True
    noise_factor: ClassVar[float] = 2.0  # the two sides' noise adds up

    @classmethod
    def with_models(cls, opamp: AnyOpAmp, ota: Cell) -> OpAmpRCDifferential:
        """Return the technology with the differential counterpart of the given op-amp."""
        return cls(opamp.differential())

    def build(self, circuit: Circuit, stage: Stage) -> None:
        """Add a stage to the circuit. It inverts, so a positive coupling crosses the two sides of its source."""
        signal, outputs = stage.signal, nets_of(stage.signal, differential=True)
        nets = [net for coupling in stage.couplings for net in nets_of(coupling.source, differential=True)]
        builder = StageBuilder(circuit, stage, nets, outputs)
        for coupling in stage.couplings:
            for side in SIDES:
                net = coupling.source + (_OTHER[side] if coupling.positive else side)
                builder.add(Resistor(f"R_{signal}_{coupling.source}{side}", coupling.ohms), p=net, n=_VIRTUAL[side])
        for side in SIDES:
            builder.add(self.feedback(stage, side), p=_VIRTUAL[side], n=signal + side)
        amplifier = DifferentialOpAmp(f"X_amp_{signal}", self.opamp)
        builder.add(amplifier, inp="virtual_p", inn="virtual_n", outp=outputs[0], outn=outputs[1])
        builder.place()
