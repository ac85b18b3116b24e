"""gm-C, single-ended: every coupling is one transconductor, every state the voltage of a grounded capacitor.

A transconductor's sign is chosen by its input pins, so nothing is ever inverted. Stage X_integrator_x<i> has the
capacitor C_x<i> and one transconductor X_x<i>_<source> per coupling; a sum has the transconductor X_load_<sum>,
connected as a resistor, in place of the capacitor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lmu_hw.analog.circuit.devices import IdealOta, MacroOta
from lmu_hw.analog.circuit.elements import Capacitor, Transconductor
from lmu_hw.analog.circuit.graph import GROUND
from lmu_hw.analog.circuit.thermal import BOLTZMANN, TEMPERATURE
from lmu_hw.analog.design.parts import PartValues
from lmu_hw.analog.design.technologies.base import Assembly, StageBuilder, top_level
from lmu_hw.analog.realisation.network import VoltageNetwork

Cell = IdealOta | MacroOta
"""Models of transconductors that can be made in any size."""


@dataclass(frozen=True)
class GmC:
    """Transconductors and grounded capacitors.

    Attributes:
        ota: model of every transconductor; each has this cell scaled to its own transconductance.
        drive: the largest input of a transconductor as a share of the voltage at which its tanh saturates; at 0.1 its
            current is 0.3 % below the linear one.
    """

    ota: Cell
    drive: float = 0.1

    style: ClassVar[str] = "gm-c"
    differential: ClassVar[bool] = False
    discrete_resistors: ClassVar[bool] = False
    load_amps: ClassVar[None] = None

    @property
    def device(self) -> Cell:
        """Model of every amplifier."""
        return self.ota

    @property
    def preferred_impedance(self) -> float:
        """1/gm of the cell as it is, ohm."""
        return 1.0 / self.ota.gm

    @property
    def noise_factor(self) -> float:
        """Noise of the cell, relative to a resistor of 1/gm; that of a resistor where the model has none."""
        if isinstance(self.ota, MacroOta) and self.ota.noise > 0:
            return self.ota.noise**2 * self.ota.gm / (4.0 * BOLTZMANN * TEMPERATURE)
        return 1.0

    def largest_signal(self, supply: float, share: float) -> float:
        """`share` of the supply, V, but no more than the transconductors' linear range."""
        limit = share * supply
        return min(limit, self.drive * self.ota.linear) if isinstance(self.ota, MacroOta) else limit

    def assemble(self, name: str, network: VoltageNetwork, values: PartValues) -> Assembly:
        """The circuit, with the ports u, x0 ..., y0 ...."""
        circuit = top_level(name, network, differential=False)
        for i, signal in enumerate(network.signals):
            used = np.flatnonzero(network.couplings[i]).tolist()
            integrates = i < network.states
            sources = [network.sources[j] for j in used]
            stage = StageBuilder(circuit, "integrator" if integrates else "sum", signal, sources, [signal])
            for j in used:
                source, siemens = network.sources[j], 1.0 / float(values.resistances[i, j])
                plus, minus = (source, GROUND) if network.couplings[i, j] > 0 else (GROUND, source)
                device = Transconductor(f"X_{signal}_{source}", self.ota.scaled(siemens))
                stage.add(device, inp=plus, inn=minus, out=signal)
            reference = float(values.references[i])
            if integrates:
                stage.add(Capacitor(f"C_{signal}", reference), p=signal, n=GROUND)
            else:
                load = Transconductor(f"X_load_{signal}", self.ota.scaled(1.0 / reference))
                stage.add(load, inp=GROUND, inn=signal, out=signal)
            stage.place()
        return Assembly(circuit, (1,) * len(network.signals), 0)
