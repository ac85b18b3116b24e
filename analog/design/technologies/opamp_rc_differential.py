"""Fully differential op-amp RC: every signal is the difference of two nets, and crossing them inverts it.

No inverters are needed. Stage X_integrator_x<i> has the balanced op-amp X_amp_x<i>, the capacitors C_x<i>_p and
C_x<i>_n, and the pair R_x<i>_<source>_p, R_x<i>_<source>_n per coupling; a sum has the pair R_fb_<sum>_p, _n in place
of the capacitors. The part on side p leads to the positive output, on side n to the negative one. The op-amp's own
common-mode feedback, which its model takes for ideal, keeps its outputs balanced about ground.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lmu_hw.analog.circuit.devices import DifferentialOpAmpModel, RealOpAmp
from lmu_hw.analog.circuit.elements import Capacitor, DifferentialOpAmp, Resistor
from lmu_hw.analog.design.parts import PartValues
from lmu_hw.analog.design.technologies.base import SIDES, Assembly, StageBuilder, nets_of, top_level
from lmu_hw.analog.realisation.network import VoltageNetwork

_VIRTUAL = {"_p": "virtual_n", "_n": "virtual_p"}  # side p feeds back from the positive output to the inverting input


@dataclass(frozen=True)
class OpAmpRCDifferential:
    """Fully differential op-amps with pairs of resistors and capacitors.

    Attributes:
        opamp: model of every op-amp.
    """

    opamp: DifferentialOpAmpModel

    style: ClassVar[str] = "opamp-rc-differential"
    differential: ClassVar[bool] = True
    discrete_resistors: ClassVar[bool] = True
    preferred_impedance: ClassVar[float] = 1e5
    load_amps: ClassVar[float] = 2e-3
    noise_factor: ClassVar[float] = 2.0  # the two sides' noise adds up

    @property
    def device(self) -> DifferentialOpAmpModel:
        """Model of every amplifier."""
        return self.opamp

    def largest_signal(self, supply: float, share: float) -> float:
        """Each output reaches `share` of the supply, V, and a signal is the difference of two.

        Raises:
            DesignError: the op-amps' rails don't hold that.
        """
        if isinstance(self.opamp, RealOpAmp):
            self.opamp.check_swing(share * supply)
        return 2.0 * share * supply

    def assemble(self, name: str, network: VoltageNetwork, values: PartValues) -> Assembly:
        """The circuit, with the ports u_p, u_n, x0_p, x0_n, ..., y0_p, y0_n, ...."""
        circuit = top_level(name, network, differential=True)
        for i, signal in enumerate(network.signals):
            used = np.flatnonzero(network.couplings[i]).tolist()
            integrates = i < network.states
            outputs = nets_of(signal, differential=True)
            nets = [net for j in used for net in nets_of(network.sources[j], differential=True)]
            stage = StageBuilder(circuit, "integrator" if integrates else "sum", signal, nets, outputs)
            for j in used:
                source, ohms = network.sources[j], float(values.resistances[i, j])
                # The stage inverts, so a positive coupling takes each side from the other one of its source.
                crossed = network.couplings[i, j] > 0
                for side, other in zip(SIDES, reversed(SIDES), strict=True):
                    net = source + (other if crossed else side)
                    stage.add(Resistor(f"R_{signal}_{source}{side}", ohms), p=net, n=_VIRTUAL[side])
            reference = float(values.references[i])
            for side in SIDES:
                part = (
                    Capacitor(f"C_{signal}{side}", reference)
                    if integrates
                    else Resistor(f"R_fb_{signal}{side}", reference)
                )
                stage.add(part, p=_VIRTUAL[side], n=signal + side)
            amplifier = DifferentialOpAmp(f"X_amp_{signal}", self.opamp)
            stage.add(amplifier, inp="virtual_p", inn="virtual_n", outp=outputs[0], outn=outputs[1])
            stage.place()
        return Assembly(circuit, (1,) * len(network.signals), 0)
