"""gm-C, single-ended: every coupling is one transconductor, every state the voltage of a grounded capacitor.

The sign of a coupling is chosen by the input pin of its transconductor, so no inverters are needed. Stage
X_integrator_x<i> has the capacitor C_x<i> and one transconductor X_x<i>_<source> per coupling; a sum has the
transconductor X_load_<sum>, connected as a resistor, in place of the capacitor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lmu_hw.analog.circuit.devices import BOLTZMANN, TEMPERATURE, AnyOpAmp, Cell, MacroOta
from lmu_hw.analog.circuit.elements import GROUND, Capacitor, Transconductor
from lmu_hw.analog.circuit.graph import Circuit
from lmu_hw.analog.design.technologies.base import Stage, StageBuilder, Technology


@dataclass(frozen=True)
class GmC(Technology):
    """The technology of transconductors and grounded capacitors.

    Attributes:
        ota: The model of the cell; each transconductor is this cell, scaled to its own transconductance.
        drive: The largest input of a transconductor as a share of the voltage at which its tanh saturates; at 0.1 its
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
        """The model of the cell."""
        return self.ota

    @property
    def preferred_impedance(self) -> float:
        """The inverse of the unscaled cell's transconductance, ohm."""
        return 1.0 / self.ota.gm

    @property
    def noise_factor(self) -> float:
        """The noise power of the cell relative to that of a resistor of 1/gm; 1 where the model has no noise."""
        density = self.ota.small_signal().noise
        return density**2 * self.ota.gm / (4.0 * BOLTZMANN * TEMPERATURE) if density > 0 else 1.0

    def largest_signal(self, supply: float, share: float) -> float:
        """Return `share` of the supply, V, or the transconductors' linear range if that is smaller."""
        return min(share * supply, self.drive * self.ota.saturation)

    def weakened(self, gain: float, gbw: float) -> GmC:
        """Return the technology with transconductors whose output conductance limits them to `gain`."""
        gm = self.ota.gm
        return GmC(MacroOta(gm=gm, linear=1.0, gout=gm / gain, cin=0.0, cout=0.0))

    def build(self, circuit: Circuit, stage: Stage) -> None:
        """Add a stage to the circuit."""
        builder = StageBuilder(circuit, stage, [coupling.source for coupling in stage.couplings], [stage.signal])
        self.drive_node(builder, stage, stage.signal)
        builder.place()

    def drive_node(self, builder: StageBuilder, stage: Stage, node: str) -> None:
        """Add the couplings of a stage, which drive the net `node`, and the capacitor or the load there."""
        signal = stage.signal
        for coupling in stage.couplings:
            device = Transconductor(f"X_{signal}_{coupling.source}", self.ota.scaled(1.0 / coupling.ohms))
            plus, minus = (coupling.source, GROUND) if coupling.positive else (GROUND, coupling.source)
            builder.add(device, inp=plus, inn=minus, out=node)
        if stage.integrates:
            builder.add(Capacitor(f"C_{signal}", stage.reference), p=node, n=GROUND)
        else:
            load = Transconductor(f"X_load_{signal}", self.ota.scaled(1.0 / stage.reference))
            builder.add(load, inp=GROUND, inn=node, out=node)
