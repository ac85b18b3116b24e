"""Setting up the equations of a circuit: what each kind of element adds to them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lmu_hw.analog import rules
from lmu_hw.analog.circuit import GROUND, Circuit, walk
from lmu_hw.analog.elements import (
    Capacitor,
    CurrentSource,
    DifferentialOpAmp,
    Element,
    OpAmp,
    Resistor,
    Transconductor,
    VoltageSource,
)
from lmu_hw.analog.equations import ONE, Disturbance, Entry, Equations, Parameter, Storage
from lmu_hw.analog.opamp import (
    MacroDifferentialOpAmp,
    MacroOpAmp,
    RealOpAmp,
    SinglePoleDifferentialOpAmp,
    SinglePoleOpAmp,
)
from lmu_hw.analog.ota import CmosOta, MacroOta
from lmu_hw.errors import DesignError


def equations(circuit: Circuit, *, ideal_opamps: bool = False) -> Equations:
    """Set up the equations of `circuit`, whose inputs are its input ports and independent sources.

    Args:
        circuit: must pass the electrical rules; may instantiate other circuits.
        ideal_opamps: take every amplifier as ideal (an op-amp of endless gain, a transconductor that is nothing but
            its gm) instead of as its model says.

    Raises:
        ElectricalRuleError: the circuit breaks a rule.
        DesignError: it holds an element that has no linear model.
    """
    rules.check(circuit)
    stamper = _Stamper(ideal_opamps)
    for port in circuit.ports:
        if port.direction == "in":
            stamper.drive(port.name, GROUND, port.name, f"port {port.name}")
    for path, element, nets in walk(circuit):
        stamper.stamp(element, nets, path)
    return stamper.finished(circuit)


class _Stamper:
    """Collects the terms. A branch current flows from the first net through the branch to the second."""

    def __init__(self, ideal: bool) -> None:
        self.ideal = ideal
        self.unknowns: dict[tuple[str, str], int] = {}
        self.inputs: list[str] = []
        self.parameters: list[Parameter] = []
        self.conductive: list[Entry] = []
        self.storages: list[Storage] = []
        self.drives: list[Entry] = []
        self.disturbances: list[Disturbance] = []
        self.fixed: list[tuple[int | None, int | None]] = []

    def stamp(self, element: Element, nets: Mapping[str, str], path: str) -> None:
        """Add one element's terms."""
        match element:
            case Resistor():
                index = self._parameter(path, "resistance", element.ohms, -1)
                self._conductance(nets["p"], nets["n"], index)
                ends = ((nets["p"], 1.0), (nets["n"], -1.0))
                self._disturb(path, [(self._net(net), sign, ONE) for net, sign in ends], resistance=index)
            case Capacitor():
                self._capacitor(path, nets["p"], nets["n"], self._parameter(path, "capacitance", element.farads, 1))
            case VoltageSource():
                self.drive(nets["p"], nets["n"], path, path)
            case CurrentSource():
                column = self._input(path)
                for net, sign in ((nets["p"], -1.0), (nets["n"], 1.0)):
                    if (row := self._net(net)) is not None:
                        self.drives.append(Entry(row, column, sign, ONE))
            case OpAmp():
                self._opamp(element, nets, path)
            case DifferentialOpAmp():
                self._differential(element, nets, path)
            case Transconductor():
                self._transconductor(element, nets, path)
            case _:
                raise DesignError(f"element {path}", "of a kind that has a linear model", element.kind)

    def drive(self, p: str, n: str, name: str, branch: str) -> None:
        """v(p) - v(n) is the input `name`."""
        column = self._input(name)
        row = self._branch(p, n, branch)
        self._voltage(row, p, 1.0)
        self._voltage(row, n, -1.0)
        self.drives.append(Entry(row, column, 1.0, ONE))
        self.fixed.append((self._net(p), self._net(n)))

    def finished(self, circuit: Circuit) -> Equations:
        """All terms, frozen."""
        outputs = tuple(port.name for port in circuit.ports if port.direction == "out")
        for name in outputs:
            self._net(name)
        return Equations(
            name=circuit.name,
            unknowns=tuple(self.unknowns),
            inputs=tuple(self.inputs),
            outputs=outputs,
            parameters=tuple(self.parameters),
            conductive=tuple(self.conductive),
            storages=tuple(self.storages),
            drives=tuple(self.drives),
            disturbances=tuple(self.disturbances),
            fixed=tuple(self.fixed),
        )

    def _opamp(self, element: OpAmp, nets: Mapping[str, str], path: str) -> None:
        model, row = element.model, self._branch(nets["out"], GROUND, path)
        if self.ideal or not isinstance(model, (SinglePoleOpAmp, MacroOpAmp)):
            self._difference(row, nets, path, 1.0)
            if not self.ideal:
                self._voltage(row, nets["out"], -1.0, self._parameter(path, "gain", model.gain, -1))
            return
        pole = self._pole(path, model, nets)
        # v(out) - rout i = pole: the branch current flows into the amplifier.
        self._voltage(row, nets["out"], 1.0)
        self.conductive.append(Entry(row, row, -1.0, self._parameter(path, "rout", model.rout, 1)))
        self.conductive.append(Entry(row, pole, -1.0, ONE))

    def _differential(self, element: DifferentialOpAmp, nets: Mapping[str, str], path: str) -> None:
        model = element.model
        row, other = self._branch(nets["outp"], GROUND, path), self._branch(nets["outn"], GROUND, f"{path}.outn")
        if self.ideal or not isinstance(model, (SinglePoleDifferentialOpAmp, MacroDifferentialOpAmp)):
            self._difference(row, nets, path, 1.0)
            if not self.ideal:
                gain = self._parameter(path, "gain", model.gain, -1)
                self._voltage(row, nets["outp"], -1.0, gain)
                self._voltage(row, nets["outn"], 1.0, gain)
            self._voltage(other, nets["outp"], 1.0)
            self._voltage(other, nets["outn"], 1.0)
            return
        pole = self._pole(path, model, nets)
        rout = self._parameter(path, "rout", model.rout, 1)
        for branch, pin, half in ((row, "outp", 0.5), (other, "outn", -0.5)):
            self._voltage(branch, nets[pin], 1.0)
            self.conductive.append(Entry(branch, branch, -1.0, rout))
            self.conductive.append(Entry(branch, pole, -half, ONE))

    def _transconductor(self, element: Transconductor, nets: Mapping[str, str], path: str) -> None:
        model, out = element.model, self._net(nets["out"])
        if isinstance(model, CmosOta):
            raise DesignError(
                f"transconductor {path}", "one with a linear model, such as one measured on it", model.label
            )
        gm = self._parameter(path, "gm", model.gm, 1)
        macro = model if isinstance(model, MacroOta) else None
        if out is not None:
            self._voltage(out, nets["inp"], -1.0, gm)
            self._voltage(out, nets["inn"], 1.0, gm)
        density, offset = (macro.noise, macro.offset) if macro is not None and not self.ideal else (0.0, 0.0)
        self._disturb(path, [(out, 1.0, gm)], density=density, offset=offset)
        if macro is None or self.ideal:
            return
        if macro.gout > 0:
            self._conductance(nets["out"], GROUND, self._parameter(path, "gout", macro.gout, 1))
        for pin, quantity in (("inp", "cin"), ("inn", "cin"), ("out", "cout")):
            if getattr(macro, quantity) > 0:
                index = self._parameter(path, quantity, getattr(macro, quantity), 1)
                self._capacitor(f"{path}.{pin}", nets[pin], GROUND, index)

    def _pole(
        self, path: str, model: RealOpAmp | SinglePoleOpAmp | SinglePoleDifferentialOpAmp, nets: Mapping[str, str]
    ) -> int:
        """s pole / (2 pi gbw) + pole / gain - (v(inp) - v(inn)) = 0."""
        row = self._row("pole", path)
        self._difference(row, nets, path, -1.0, model if isinstance(model, RealOpAmp) else None)
        self.conductive.append(Entry(row, row, 1.0, self._parameter(path, "gain", model.gain, -1)))
        rate = self._parameter(path, "gbw", model.gbw, -1)
        self.storages.append(Storage(f"{path}.pole", {row: 1.0}, rate, 1.0 / (2.0 * np.pi)))
        return row

    def _difference(
        self, row: int, nets: Mapping[str, str], path: str, sign: float, real: RealOpAmp | None = None
    ) -> None:
        """sign (v(inp) - v(inn) + the amplifier's own input voltage) in `row`."""
        self._voltage(row, nets["inp"], sign)
        self._voltage(row, nets["inn"], -sign)
        density, offset = (real.noise, real.offset) if real is not None else (0.0, 0.0)
        self._disturb(path, [(row, -sign, ONE)], density=density, offset=offset)

    def _disturb(
        self,
        path: str,
        terms: list[tuple[int | None, float, int]],
        *,
        resistance: int | None = None,
        density: float = 0.0,
        offset: float = 0.0,
    ) -> None:
        """Add a disturbance with (row, coefficient, parameter) for each equation that it enters; ground has none."""
        entries = tuple(Entry(row, 0, coefficient, index) for row, coefficient, index in terms if row is not None)
        self.disturbances.append(Disturbance(path, entries, resistance, density, offset))

    def _parameter(self, path: str, quantity: str, value: float, power: int) -> int:
        self.parameters.append(Parameter(path, quantity, float(value), power))
        return len(self.parameters) - 1

    def _input(self, name: str) -> int:
        self.inputs.append(name)
        return len(self.inputs) - 1

    def _row(self, kind: str, name: str) -> int:
        return self.unknowns.setdefault((kind, name), len(self.unknowns))

    def _net(self, name: str) -> int | None:
        return None if name == GROUND else self._row("net", name)

    def _voltage(self, row: int, net: str, value: float, parameter: int = ONE) -> None:
        if (column := self._net(net)) is not None:
            self.conductive.append(Entry(row, column, value, parameter))

    def _branch(self, p: str, n: str, name: str) -> int:
        """A branch with a current of its own, which enters the current sums of its nets."""
        row = self._row("current", name)
        for net, sign in ((p, 1.0), (n, -1.0)):
            if (index := self._net(net)) is not None:
                self.conductive.append(Entry(index, row, sign, ONE))
        return row

    def _conductance(self, p: str, n: str, parameter: int) -> None:
        for one, other in ((p, n), (n, p)):
            if (row := self._net(one)) is not None:
                self._voltage(row, one, 1.0, parameter)
                self._voltage(row, other, -1.0, parameter)

    def _capacitor(self, path: str, p: str, n: str, parameter: int) -> None:
        ends = {self._net(p): 1.0, self._net(n): -1.0}
        vector = {row: sign for row, sign in ends.items() if row is not None}
        if p != n:
            self.storages.append(Storage(path, vector, parameter, 1.0))
