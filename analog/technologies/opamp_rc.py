"""Single-ended op-amp RC: inverting integrators, summing amplifiers, and inverters that several stages share.

Stage X_integrator_x<i> has the op-amp X_amp_x<i>, the capacitor C_x<i> and one resistor R_x<i>_<source> per coupling,
all on its virtual ground; a sum has the feedback resistor R_fb_<sum> in place of the capacitor. Where a stage needs
the inverse of a signal, one inverter, on the net <signal>_neg, serves all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lmu_hw.analog.circuit import GROUND, Circuit
from lmu_hw.analog.elements import Capacitor, OpAmp, Resistor
from lmu_hw.analog.opamp import OpAmpModel, RealOpAmp
from lmu_hw.analog.parts import PartValues
from lmu_hw.analog.realisation import VoltageNetwork
from lmu_hw.analog.technologies.polarity import choose_polarity, needs_inverse
from lmu_hw.analog.technologies.technology import Assembly, StageBuilder, top_level

VIRTUAL_GROUND = "virtual"


@dataclass(frozen=True)
class OpAmpRC:
    """Op-amps with resistors and capacitors, every signal on one net against ground.

    Attributes:
        opamp: model of every op-amp.
    """

    opamp: OpAmpModel

    style: ClassVar[str] = "opamp-rc"
    differential: ClassVar[bool] = False
    discrete_resistors: ClassVar[bool] = True
    preferred_impedance: ClassVar[float] = 1e5
    load_amps: ClassVar[float] = 2e-3
    noise_factor: ClassVar[float] = 1.0

    @property
    def device(self) -> OpAmpModel:
        """Model of every amplifier."""
        return self.opamp

    def largest_signal(self, supply: float, share: float) -> float:
        """An output reaches `share` of the supply, V.

        Raises:
            DesignError: the op-amps' rails don't hold that.
        """
        limit = share * supply
        if isinstance(self.opamp, RealOpAmp):
            self.opamp.check_swing(limit)
        return limit

    def assemble(self, name: str, network: VoltageNetwork, values: PartValues) -> Assembly:
        """The circuit, with the ports u, x0 ..., y0 ...."""
        circuit = top_level(name, network, differential=False)
        polarity = choose_polarity(network)
        signs = polarity.signs.tolist()
        for i, signal in enumerate(network.signals):
            couplings = []
            for j in np.flatnonzero(network.couplings[i]).tolist():
                source = network.sources[j]
                inverse = needs_inverse(network.couplings[i, j], signs[i], signs[j])
                net = f"{source}_neg" if inverse else source
                couplings.append((source, net, float(values.resistances[i, j])))
            kind = "integrator" if i < network.states else "sum"
            self._stage(circuit, signal, couplings, float(values.references[i]), kind)
        for j in polarity.inverted:
            source = network.sources[j]
            couplings = [(source, source, values.inverter)]
            self._stage(circuit, f"{source}_neg", couplings, values.inverter, "inverter")
        return Assembly(circuit, tuple(signs[:-1]), polarity.inverters)

    def _stage(
        self,
        circuit: Circuit,
        signal: str,
        couplings: list[tuple[str, str, float]],
        reference: float,
        kind: str,
    ) -> None:
        stage = StageBuilder(circuit, kind, signal, [net for _, net, _ in couplings], [signal])
        for source, net, ohms in couplings:
            stage.add(Resistor(f"R_{signal}_{source}", ohms), p=net, n=VIRTUAL_GROUND)
        integrates = kind == "integrator"
        feedback = Capacitor(f"C_{signal}", reference) if integrates else Resistor(f"R_fb_{signal}", reference)
        stage.add(feedback, p=VIRTUAL_GROUND, n=signal)
        stage.add(OpAmp(f"X_amp_{signal}", self.opamp), inp=GROUND, inn=VIRTUAL_GROUND, out=signal)
        stage.place()
