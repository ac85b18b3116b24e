"""Circuit equations: (G + s C) z = B u + J e, with every entry linear in a parameter of one part.

z holds the net voltages, the currents of voltage-defined branches and the op-amps' pole voltages (modified nodal
analysis: C. W. Ho, A. E. Ruehli and P. A. Brennan, IEEE Trans. Circuits and Systems 22 (6), 1975). Because every entry
is linear in a value or its inverse, all matrices of many drawn circuits come from one sparse product, and all
derivatives from one pair of solutions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from lmu_hw.analog.circuit import rules
from lmu_hw.analog.circuit.devices import SmallOpAmp, SmallOta
from lmu_hw.analog.circuit.elements import GROUND, Nets
from lmu_hw.analog.circuit.graph import Circuit, walk
from lmu_hw.errors import DesignError

Array = NDArray[np.float64]

ONE = -1
"""The parameter index of an entry that no part's value scales."""


@dataclass(frozen=True)
class Parameter:
    """A quantity of a part on which the equations depend, linearly in value ** power.

    Attributes:
        path: The path of the element, see `graph.walk`.
        quantity: "resistance", "capacitance", "gm" or another field of the element's model.
        value: The nominal value in SI units.
        power: 1, or -1 where the entries are inverse to the value.
    """

    path: str
    quantity: str
    value: float
    power: int


class Entry(NamedTuple):
    """A term of a matrix: coefficient times the scale of a parameter at (row, column).

    Attributes:
        row: The index of the equation.
        column: The index of the unknown, the input or the disturbance.
        coefficient: The factor of the scale.
        parameter: The index of the parameter, or `ONE`.
    """

    row: int
    column: int
    coefficient: float
    parameter: int


@dataclass(frozen=True)
class Storage:
    """A term s c (a aᵀ) of s C: a capacitor between two nets, or a pole.

    Attributes:
        path: The path of the capacitor or amplifier.
        vector: The vector a, as {unknown: coefficient}; the stored quantity is aᵀ z.
        parameter: The index of the parameter c.
        coefficient: A further factor of the term.
    """

    path: str
    vector: Mapping[int, float]
    parameter: int
    coefficient: float


@dataclass(frozen=True)
class Disturbance:
    """A source inside a part: the noise current of a resistor, or the input voltage of an amplifier.

    Attributes:
        path: The path of the element.
        entries: The entries of its column of J; the column numbers in them are unused.
        resistance: The index of the resistance whose thermal noise it is; None for an input of an amplifier.
        density: The white density of the noise of an input, V/√Hz or A/√Hz.
        corner: The frequency below which its power rises as 1/f, Hz.
        offset: The nominal offset of an input voltage, V, or the bias current, A.
        pin: The pin into which a current flows; empty for the input voltage.
    """

    path: str
    entries: tuple[Entry, ...]
    resistance: int | None = None
    density: float = 0.0
    corner: float = 0.0
    offset: float = 0.0
    pin: str = ""

    @property
    def source(self) -> str:
        """The name of the source: the path of the amplifier, with the pin of a current behind it."""
        return f"{self.path}.{self.pin}" if self.pin else self.path


@dataclass(frozen=True)
class Drive:
    """The controlled source of an amplifier's gain, at which its loop can be opened.

    Attributes:
        path: The path of the amplifier.
        row: The equation that the source enters.
        senses: The entries of that equation that sense the input, as {unknown: coefficient}.
    """

    path: str
    row: int
    senses: Mapping[int, float]


@dataclass(frozen=True, eq=False)
class Equations:
    """The equations (G + s C) z = B u + J e of a circuit, see the module; `equations` sets them up.

    Attributes:
        name: The name of the circuit.
        unknowns: For each entry of z the kind, "net", "current", "pole" or "second", and the name.
        inputs: The names of the input ports and independent sources.
        outputs: The names of the output ports.
        parameters: The quantities on which the entries depend.
        conductive: The entries of G.
        storages: The terms of C.
        drives: The entries of B; the column is the input.
        disturbances: The columns of J: sources of noise and offset.
        fixed: The pairs of nets (unknowns, or None for ground) whose voltage is an input.
        gains: The controlled sources of the op-amps that have poles, at which their loops can be opened.
    """

    name: str
    unknowns: tuple[tuple[str, str], ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    conductive: tuple[Entry, ...]
    storages: tuple[Storage, ...]
    drives: tuple[Entry, ...]
    disturbances: tuple[Disturbance, ...]
    fixed: tuple[tuple[int | None, int | None], ...]
    gains: tuple[Drive, ...] = ()

    @property
    def size(self) -> int:
        """The number of unknowns."""
        return len(self.unknowns)

    @cached_property
    def nominal(self) -> Array:
        """The nominal values of the parameters, SI units, shape (parameters,)."""
        return np.array([parameter.value for parameter in self.parameters])

    @cached_property
    def powers(self) -> Array:
        """The power of each parameter, 1.0 or -1.0, shape (parameters,)."""
        return np.array([float(parameter.power) for parameter in self.parameters])

    @cached_property
    def amplifiers(self) -> tuple[str, ...]:
        """The paths of the amplifiers, each of which has an input offset, in order."""
        return tuple(each.path for each in self.disturbances if each.resistance is None and not each.pin)

    @cached_property
    def input_sources(self) -> tuple[str, ...]:
        """The sources at the inputs of amplifiers, offsets and bias currents, in the order of `source_columns`."""
        return tuple(self.disturbances[k].source for k in self.source_columns())

    def net(self, name: str) -> int | None:
        """Return the index of the unknown that is the voltage of a net; None for ground.

        Raises:
            DesignError: There is no such net.
        """
        if name == GROUND:
            return None
        try:
            return self._index["net", name]
        except KeyError:
            raise DesignError("net", f"one of the circuit {self.name}", name) from None

    def probe(self, nets: str | tuple[str, str]) -> Array:
        """Return the row that multiplies z to v(net), or to v(one) - v(other) for a pair; shape (size,).

        Raises:
            DesignError: There is no such net.
        """
        positive, negative = (nets, GROUND) if isinstance(nets, str) else nets
        row = np.zeros(self.size)
        for name, sign in ((positive, 1.0), (negative, -1.0)):
            if (column := self.net(name)) is not None:
                row[column] += sign
        return row

    def output_rows(self) -> Array:
        """Return the rows that multiply z to the voltages of the output ports, shape (outputs, size)."""
        return np.stack([self.probe(name) for name in self.outputs]) if self.outputs else np.zeros((0, self.size))

    def scales(self, values: Array | None = None) -> Array:
        """Return value ** power of all parameters, and at the end a 1 for `ONE`; shape (..., parameters + 1).

        Args:
            values: The values of the parameters, SI units, shape (..., parameters); nominal by default.
        """
        used = self.nominal if values is None else np.asarray(values, dtype=np.float64)
        ones = np.ones((*used.shape[:-1], 1))
        return np.concatenate([np.where(self.powers > 0, used, 1.0 / used), ones], axis=-1)

    def conductance_matrix(self, values: Array | None = None) -> Array:
        """Return G for values of shape (..., parameters); its shape is (..., size, size)."""
        return self._assembled(self._conductive_map, self.scales(values), (self.size, self.size))

    def storage_matrix(self, values: Array | None = None) -> Array:
        """Return C for values of shape (..., parameters); its shape is (..., size, size)."""
        return self._assembled(self._storage_map, self.scales(values), (self.size, self.size))

    def drive_matrix(self) -> Array:
        """Return B, shape (size, inputs)."""
        matrix = np.zeros((self.size, len(self.inputs)))
        for entry in self.drives:
            matrix[entry.row, entry.column] += entry.coefficient
        return matrix

    def disturbance_matrix(self, values: Array | None = None) -> Array:
        """Return J, a column per disturbance, for values of shape (..., parameters); (..., size, disturbances)."""
        return self._assembled(self._disturbance_map, self.scales(values), (self.size, len(self.disturbances)))

    def offset_columns(self) -> list[int]:
        """Return the columns of J that belong to offsets of amplifiers, in the order of `amplifiers`."""
        return [k for k, each in enumerate(self.disturbances) if each.resistance is None and not each.pin]

    def source_columns(self) -> list[int]:
        """Return the columns of J that belong to inputs of amplifiers, both offsets and bias currents."""
        return [k for k, each in enumerate(self.disturbances) if each.resistance is None]

    def storage_entries(self) -> Iterator[Entry]:
        """Yield the terms of C as entries."""
        for each in self.storages:
            for row, one in each.vector.items():
                for column, other in each.vector.items():
                    yield Entry(row, column, each.coefficient * one * other, each.parameter)

    @cached_property
    def _index(self) -> dict[tuple[str, str], int]:
        return {unknown: k for k, unknown in enumerate(self.unknowns)}

    @cached_property
    def _conductive_map(self) -> scipy.sparse.csr_array:
        return self._map(list(self.conductive), self.size)

    @cached_property
    def _storage_map(self) -> scipy.sparse.csr_array:
        return self._map(list(self.storage_entries()), self.size)

    @cached_property
    def _disturbance_map(self) -> scipy.sparse.csr_array:
        every = [entry._replace(column=k) for k, each in enumerate(self.disturbances) for entry in each.entries]
        return self._map(every, len(self.disturbances))

    def _map(self, entries: list[Entry], columns: int) -> scipy.sparse.csr_array:
        """Return the map from the scales to a matrix, flattened: shape (parameters + 1, size * columns)."""
        count = len(self.parameters) + 1
        rows = [entry.parameter % count for entry in entries]  # `ONE` is the last one
        positions = [entry.row * columns + entry.column for entry in entries]
        coefficients = [entry.coefficient for entry in entries]
        return scipy.sparse.csr_array((coefficients, (rows, positions)), shape=(count, self.size * columns))

    @staticmethod
    def _assembled(mapping: scipy.sparse.csr_array, scales: Array, shape: tuple[int, int]) -> Array:
        flat = np.atleast_2d(scales) @ mapping
        return np.asarray(flat, dtype=np.float64).reshape(*scales.shape[:-1], *shape)


def equations(circuit: Circuit, *, ideal_opamps: bool = False) -> Equations:
    """Set up the equations of `circuit`, whose inputs are its input ports and independent sources.

    Args:
        circuit: A circuit that passes the electrical rules; it may instantiate others.
        ideal_opamps: Whether every amplifier is ideal (an op-amp of infinite gain, a transconductor with nothing but
            its gm) instead of as its model says.

    Raises:
        ElectricalRuleError: The circuit breaks a rule.
        DesignError: It holds an element that has no linear model.
    """
    rules.check(circuit)
    system = Stamper(ideal=ideal_opamps)
    for port in circuit.ports:
        if port.direction == "in":
            system.drive(port.name, GROUND, port.name, f"port {port.name}")
    for path, element, nets in walk(circuit):
        element.stamp(system, nets, path)
    return system.finished(circuit)


class Stamper:
    """Collects the terms that the elements add. The current of a branch flows from its first net to its second.

    Attributes:
        ideal: Whether every amplifier is ideal.
    """

    def __init__(self, *, ideal: bool) -> None:
        self.ideal = ideal
        self._unknowns: dict[tuple[str, str], int] = {}
        self._inputs: list[str] = []
        self._parameters: list[Parameter] = []
        self._conductive: list[Entry] = []
        self._storages: list[Storage] = []
        self._drives: list[Entry] = []
        self._disturbances: list[Disturbance] = []
        self._fixed: list[tuple[int | None, int | None]] = []
        self._gains: list[Drive] = []

    def finished(self, circuit: Circuit) -> Equations:
        """Return all terms as the equations of `circuit`."""
        outputs = tuple(port.name for port in circuit.ports if port.direction == "out")
        for name in outputs:
            self.net(name)
        return Equations(
            name=circuit.name,
            unknowns=tuple(self._unknowns),
            inputs=tuple(self._inputs),
            outputs=outputs,
            parameters=tuple(self._parameters),
            conductive=tuple(self._conductive),
            storages=tuple(self._storages),
            drives=tuple(self._drives),
            disturbances=tuple(self._disturbances),
            fixed=tuple(self._fixed),
            gains=tuple(self._gains),
        )

    def parameter(self, path: str, quantity: str, value: float, power: int) -> int:
        """Add a parameter, see `Parameter`; return its index."""
        self._parameters.append(Parameter(path, quantity, float(value), power))
        return len(self._parameters) - 1

    def input(self, name: str) -> int:
        """Add an input; return its column of B."""
        self._inputs.append(name)
        return len(self._inputs) - 1

    def net(self, name: str) -> int | None:
        """Return the index of a net's voltage among the unknowns, and of its current sum; None for ground."""
        return None if name == GROUND else self._row("net", name)

    def drive_entry(self, row: int, column: int, coefficient: float) -> None:
        """Add an entry of B."""
        self._drives.append(Entry(row, column, coefficient, ONE))

    def entry(self, row: int, column: int, coefficient: float, parameter: int = ONE) -> None:
        """Add an entry of G."""
        self._conductive.append(Entry(row, column, coefficient, parameter))

    def voltage(self, row: int, net: str, coefficient: float, parameter: int = ONE) -> None:
        """Add coefficient times v(net) to an equation."""
        if (column := self.net(net)) is not None:
            self.entry(row, column, coefficient, parameter)

    def branch(self, p: str, n: str, name: str) -> int:
        """Add a branch whose current is an unknown and enters the current sums of its nets; return its equation."""
        row = self._row("current", name)
        for net, sign in ((p, 1.0), (n, -1.0)):
            if (index := self.net(net)) is not None:
                self.entry(index, row, sign)
        return row

    def drive(self, p: str, n: str, name: str, branch: str) -> None:
        """Add the input `name`, which sets v(p) - v(n), as the branch `branch`."""
        column = self.input(name)
        row = self.branch(p, n, branch)
        self.voltage(row, p, 1.0)
        self.voltage(row, n, -1.0)
        self.drive_entry(row, column, 1.0)
        self._fixed.append((self.net(p), self.net(n)))

    def conductance(self, p: str, n: str, parameter: int) -> None:
        """Add a conductance between two nets."""
        for one, other in ((p, n), (n, p)):
            if (row := self.net(one)) is not None:
                self.voltage(row, one, 1.0, parameter)
                self.voltage(row, other, -1.0, parameter)

    def capacitor(self, path: str, p: str, n: str, parameter: int) -> None:
        """Add a capacitance between two nets."""
        ends = {self.net(p): 1.0, self.net(n): -1.0}
        vector = {row: sign for row, sign in ends.items() if row is not None}
        if p != n:
            self._storages.append(Storage(path, vector, parameter, 1.0))

    def thermal_noise(self, path: str, p: str, n: str, resistance: int) -> None:
        """Add the noise current of the resistance with the given index between two nets."""
        self._disturb(path, [(self.net(p), 1.0, ONE), (self.net(n), -1.0, ONE)], resistance=resistance)

    def controlled_current(self, nets: Nets, path: str, gm: int, model: SmallOta) -> None:
        """Add a current gm (v(inp) - v(inn) + offset and noise of the input) that flows into the net at ``out``."""
        out = self.net(nets["out"])
        if out is not None:
            self.voltage(out, nets["inp"], -1.0, gm)
            self.voltage(out, nets["inn"], 1.0, gm)
        if self.ideal:
            self._disturb(path, [(out, 1.0, gm)])
            return
        self._disturb(path, [(out, 1.0, gm)], density=model.noise, corner=model.corner, offset=model.offset)

    def input_voltage(self, row: int, nets: Nets, path: str, sign: float, model: SmallOpAmp | None = None) -> None:
        """Add sign (v(inp) - v(inn) + offset and noise of `model`) to an equation, and what its inputs draw."""
        self.voltage(row, nets["inp"], sign)
        self.voltage(row, nets["inn"], -sign)
        if model is None:
            self._disturb(path, [(row, -sign, ONE)])
            return
        self._disturb(path, [(row, -sign, ONE)], density=model.noise, corner=model.corner, offset=model.offset)
        ends = {self.net(nets["inp"]): sign, self.net(nets["inn"]): -sign}
        self._gains.append(Drive(path, row, {net: each for net, each in ends.items() if net is not None}))
        for pin in ("inp", "inn"):
            # A current into the pin leaves the net.
            if (net := self.net(nets[pin])) is not None and (model.bias or model.current_noise):
                density, corner = model.current_noise, model.current_corner
                self._disturb(path, [(net, -1.0, ONE)], density=density, corner=corner, offset=model.bias, pin=pin)
            if model.cin > 0.0 and nets[pin] != GROUND:
                self.capacitor(f"{path}.{pin}", nets[pin], GROUND, self.parameter(path, "cin", model.cin, 1))
        if model.cdiff > 0.0:
            self.capacitor(f"{path}.diff", nets["inp"], nets["inn"], self.parameter(path, "cdiff", model.cdiff, 1))

    def pole(self, path: str, model: SmallOpAmp, nets: Nets) -> int:
        """Add the poles of an op-amp, and return the index of the voltage behind them.

        The first is s pole / (2 pi gbw) + pole / gain - (v(inp) - v(inn)) = 0, the second, if there is one,
        (1 + s / (2 pi second_pole)) second = pole.
        """
        row = self._row("pole", path)
        self.input_voltage(row, nets, path, -1.0, model)
        self.entry(row, row, 1.0, self.parameter(path, "gain", model.gain, -1))
        rate = self.parameter(path, "gbw", model.gbw, -1)
        self._storages.append(Storage(f"{path}.pole", {row: 1.0}, rate, 1.0 / (2.0 * np.pi)))
        if math.isinf(model.second_pole):
            return row
        second = self._row("second", path)
        self.entry(second, second, 1.0)
        self.entry(second, row, -1.0)
        rate = self.parameter(path, "second_pole", model.second_pole, -1)
        self._storages.append(Storage(f"{path}.second", {second: 1.0}, rate, 1.0 / (2.0 * np.pi)))
        return second

    def _disturb(
        self,
        path: str,
        terms: list[tuple[int | None, float, int]],
        *,
        resistance: int | None = None,
        density: float = 0.0,
        corner: float = 0.0,
        offset: float = 0.0,
        pin: str = "",
    ) -> None:
        """Add a disturbance with (row, coefficient, parameter) for each equation that it enters; ground has none."""
        entries = tuple(Entry(row, 0, coefficient, index) for row, coefficient, index in terms if row is not None)
        self._disturbances.append(Disturbance(path, entries, resistance, density, corner, offset, pin))

    def _row(self, kind: str, name: str) -> int:
        return self._unknowns.setdefault((kind, name), len(self._unknowns))
