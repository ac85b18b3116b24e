"""The linear state-space model of a circuit, recovered from its parts.

Every capacitor is taken as a voltage source of its present voltage and every op-amp pole as a source of its state;
the resistive network that remains is solved once for all of them and for the inputs, and the currents into the
capacitors are the derivatives. (The state-variable method; see for example L. O. Chua and P.-M. Lin, Computer-Aided
Analysis of Electronic Circuits, 1975, chapter 8.) Capacitors in parallel, or in any loop, share their states.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from networkx.utils import UnionFind
from numpy.typing import ArrayLike, NDArray

from lmu_hw.analog.circuit.equations import Array, Equations, Storage, equations
from lmu_hw.analog.circuit.graph import Circuit
from lmu_hw.core.display import Displayed
from lmu_hw.errors import DesignError

PARASITIC = ("cin", "cout", "cdiff")
"""Capacitances inside a device."""


@dataclass(frozen=True, eq=False, repr=False)
class StateSpace(Displayed):
    """The state-space model dx/dt = a x + b u, y = c x + d u, in volts and seconds.

    In the model of a circuit, the states are the capacitors' voltages v(p) - v(n) and the op-amps' pole voltages, the
    inputs are the input ports and the independent sources, and the outputs are the output ports. In the model of many
    circuits at once, every matrix has leading axes.

    Attributes:
        a: The state matrix, 1/s, shape (..., n, n).
        b: The input matrix, 1/s, shape (..., n, inputs).
        c: The output matrix, V/V, shape (..., outputs, n).
        d: The direct gain, V/V, shape (..., outputs, inputs).
        states: The names of the states; empty if unknown.
        inputs: The names of the inputs; empty if unknown.
        outputs: The names of the outputs; empty if unknown.
    """

    a: Array
    b: Array
    c: Array
    d: Array
    states: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()

    def response(self, frequencies: ArrayLike) -> NDArray[np.complex128]:
        """Return c (j 2 pi f - a)^-1 b + d at `frequencies` in Hz, shape (..., frequencies, outputs, inputs)."""
        s = 2j * np.pi * np.atleast_1d(np.asarray(frequencies, dtype=np.float64))
        identity = np.eye(self.a.shape[-1])
        columns = [self.c @ np.linalg.solve(each * identity - self.a, self.b) + self.d for each in s]
        return np.stack(columns, axis=-3)


def state_space(circuit: Circuit, *, ideal_opamps: bool = False) -> StateSpace:
    """Recover the linear model of `circuit`, whose outputs are its output ports.

    Args:
        circuit: A circuit that passes the electrical rules; it may instantiate others.
        ideal_opamps: Whether every amplifier is ideal (no gain, pole, resistance or capacitance limits it) instead of
            as its model says.

    Raises:
        ElectricalRuleError: The circuit breaks a rule.
        DesignError: The circuit has no unique solution, or none without derivatives of its inputs.
    """
    return reduce(equations(circuit, ideal_opamps=ideal_opamps))


def reduce(system: Equations, values: Array | None = None, *, sources: bool = False) -> StateSpace:
    """Return the state-space model of a circuit by eliminating all unknowns of its equations except the states.

    Args:
        system: The equations of a circuit.
        values: The values of the parameters, SI units, shape (..., parameters), nominal by default; the matrices of
            the model get its leading axes.
        sources: Whether the offsets and bias currents of the amplifiers, in the order of `system.input_sources`, follow
            the inputs.

    Raises:
        DesignError: The circuit has no unique solution, or none without derivatives of its inputs.
    """
    stored, links = _independent(system)
    n, size = len(stored), system.size
    incidence = _rows(stored, size).T

    scales = system.scales(values)
    leading = scales.shape[:-1]
    mass = np.zeros((*leading, n, n))
    for k, each in enumerate(stored):
        mass[..., k, k] += each.coefficient * scales[..., each.parameter]
    for link, shares in links:
        mass += (link.coefficient * scales[..., link.parameter])[..., None, None] * np.outer(shares, shares)

    inputs = [np.broadcast_to(system.drive_matrix(), (*leading, size, len(system.inputs)))]
    names = system.inputs
    if sources:
        inputs.append(system.disturbance_matrix(values)[..., system.source_columns()])
        names = (*names, *system.input_sources)
    count = len(names)
    left = np.zeros((*leading, size + n, size + n))
    left[..., :size, :size] = system.conductance_matrix(values)
    left[..., :size, size:] = incidence
    left[..., size:, :size] = incidence.T
    right = np.zeros((*leading, size + n, n + count))
    right[..., size:, :n] = np.eye(n)
    right[..., :size, n:] = np.concatenate(inputs, axis=-1)
    try:
        solved = np.asarray(np.linalg.solve(left, right), dtype=np.float64)
        rates = np.asarray(np.linalg.solve(mass, solved[..., size:, :]), dtype=np.float64)
    except np.linalg.LinAlgError:
        raise DesignError(f"circuit {system.name}", "uniquely solvable", "a singular network") from None
    rows = system.output_rows() @ solved[..., :size, :]
    return StateSpace(
        a=rates[..., :n],
        b=rates[..., n:],
        c=rows[..., :n],
        d=rows[..., n:],
        states=tuple(each.path for each in stored),
        inputs=names,
        outputs=system.outputs,
    )


def _independent(system: Equations) -> tuple[list[Storage], list[tuple[Storage, Array]]]:
    """Return the storages whose quantities are independent, and the others as combinations of them.

    A capacitor between two nets whose voltages the inputs fix draws current from the inputs alone, and is left out.
    """
    ground = -1
    joined = UnionFind([ground, *range(system.size)])
    for one, other in system.fixed:
        joined.union(ground if one is None else one, ground if other is None else other)
    held = {node: joined[node] for node in (ground, *range(system.size))}
    forest = UnionFind(held.values())
    stored: list[Storage] = []
    dependent: list[Storage] = []
    # Capacitors that are parts come first, so that states bear their names and not those of parasitics.
    for each in sorted(system.storages, key=lambda each: system.parameters[each.parameter].quantity in PARASITIC):
        ends = [*each.vector, ground][:2]
        one, other = held[ends[0]], held[ends[1]]
        if one == other:
            continue
        (dependent if forest[one] == forest[other] else stored).append(each)
        forest.union(one, other)

    if not dependent:
        return stored, []
    # Voltages as rows over the nets; the nets that inputs hold count as themselves.
    tree, loops = _rows(stored, system.size), _rows(dependent, system.size)
    shares = np.round(loops @ np.linalg.pinv(tree))
    for each, missed in zip(dependent, np.abs(shares @ tree - loops).max(axis=1), strict=True):
        if missed > 0.0:
            found = f"a loop of {each.path}, other capacitors and a voltage source"
            raise DesignError(f"circuit {system.name}", "solvable without derivatives of its inputs", found)
    return stored, list(zip(dependent, shares, strict=True))


def _rows(storages: list[Storage], size: int) -> Array:
    rows = np.zeros((len(storages), size))
    for k, each in enumerate(storages):
        rows[k, list(each.vector)] = list(each.vector.values())
    return rows
