"""gm-C, single-ended: every coupling is one transconductor, every state the voltage of a grounded capacitor.

A transconductor's sign is chosen by its input pins, so nothing is ever inverted. Stage X_integrator_x<i> has the
capacitor C_x<i> and one transconductor X_x<i>_<source> per coupling; a sum has the transconductor X_load_<sum>,
connected as a resistor, in place of the capacitor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lmu_hw.analog.circuit.devices import BOLTZMANN, TEMPERATURE, AnyOpAmp, MacroOta
from lmu_hw.analog.circuit.devices import Cell as Cell
from lmu_hw.analog.circuit.elements import GROUND, Capacitor, Transconductor
from lmu_hw.analog.circuit.graph import Circuit
from lmu_hw.analog.design.technologies.base import Stage, StageBuilder, Technology


@dataclass(frozen=True)
class GmC(Technology):
    """Transconductors and grounded capacitors.

    Attributes:
        ota: the model of every transconductor; each has this cell scaled to its own transconductance.
        drive: the largest input of a transconductor as a share of the voltage at which its tanh saturates; at 0.1 its
            current is 0.3 % below the linear one.
    """

    ota: Cell
    drive: float = 0.1

    style: ClassVar[str] = "gm-c"
    discrete_resistors: ClassVar[bool] = False
    bandwidth: ClassVar[bool] = False

    @classmethod
    def with_models(cls, opamp: AnyOpAmp, ota: Cell) -> GmC:
        """Return the technology with transconductors of the given cell."""
        return cls(ota)

    @property
    def device(self) -> Cell:
        """The model of every transconductor."""
        return self.ota

    @property
    def preferred_impedance(self) -> float:
        """1/gm of the cell as it is, ohm."""
        return 1.0 / self.ota.gm

    @property
    def noise_factor(self) -> float:
        """Noise of the cell, relative to a resistor of 1/gm; that of a resistor where the model has none."""
        density = self.ota.small_signal().noise
        return density**2 * self.ota.gm / (4.0 * BOLTZMANN * TEMPERATURE) if density > 0 else 1.0

    def largest_signal(self, supply: float, share: float) -> float:
        """Return a `share` of the supply, V, but no more than the transconductors' linear range."""
        return min(share * supply, self.drive * self.ota.saturation)

    def weakened(self, gain: float, gbw: float) -> GmC:
        """Return the technology with transconductors whose output conductance leaves them `gain`."""
        gm = self.ota.gm
        return GmC(MacroOta(gm=gm, linear=1.0, gout=gm / gain, cin=0.0, cout=0.0))

    def build(self, circuit: Circuit, stage: Stage) -> None:
        """Add a stage to the circuit."""
        signal = stage.signal
        builder = StageBuilder(circuit, stage, [coupling.source for coupling in stage.couplings], [signal])
        for coupling in stage.couplings:
            device = Transconductor(f"X_{signal}_{coupling.source}", self.ota.scaled(1.0 / coupling.ohms))
            plus, minus = (coupling.source, GROUND) if coupling.positive else (GROUND, coupling.source)
            builder.add(device, inp=plus, inn=minus, out=signal)
        if stage.integrates:
            builder.add(Capacitor(f"C_{signal}", stage.reference), p=signal, n=GROUND)
        else:
            load = Transconductor(f"X_load_{signal}", self.ota.scaled(1.0 / stage.reference))
            builder.add(load, inp=GROUND, inn=signal, out=signal)
        builder.place()
