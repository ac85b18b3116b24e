"""Noise and sensitivities of a circuit, from one solution of its equations and one of the transposed equations.

The transposed solution is the response of one output to a current or voltage anywhere. So it gives the contributions of
all parts to the noise at once and, together with the solution itself, the derivatives by all parts' values. This is the
adjoint network of S. W. Director and R. A. Rohrer, IEEE Trans. Circuit Theory 16 (3), 1969.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lmu_hw.analog.circuit.devices import BOLTZMANN, TEMPERATURE
from lmu_hw.analog.circuit.equations import Entry, Equations
from lmu_hw.analog.design.choice import descending
from lmu_hw.analog.realisation.network import Array
from lmu_hw.core.display import Displayed
from lmu_hw.errors import DesignError, check_positive

ComplexArray = NDArray[np.complex128]

KELVIN = 273.15
"""0 °C in kelvin."""

NOMINAL_CELSIUS = 27.0
"""The temperature at which SPICE simulates by default and at which models state their noise, °C."""


@dataclass(frozen=True, eq=False, repr=False)
class Noise(Displayed):
    """The noise at an output, by the part that causes it.

    Attributes:
        frequencies: The frequencies, Hz, shape (frequencies,).
        powers: The contribution of each part to the power density, V²/Hz, shape (frequencies, sources).
        sources: The paths of the parts.
    """

    frequencies: Array
    powers: Array
    sources: tuple[str, ...]

    @property
    def density(self) -> Array:
        """The density of the noise of all parts together, V/√Hz, shape (frequencies,)."""
        return np.asarray(np.sqrt(self.powers.sum(axis=1)))

    def rms(self) -> float:
        """Return the RMS noise over the band from the first to the last frequency, V, by the trapezoidal rule."""
        return float(np.sqrt(np.trapezoid(self.powers.sum(axis=1), self.frequencies)))

    def shares(self) -> dict[str, float]:
        """Return the share of each part in the power over the band, the largest first."""
        each = np.atleast_1d(np.trapezoid(self.powers, self.frequencies, axis=0))
        return {self.sources[k]: float(each[k] / each.sum()) for k in descending(each.tolist())}


def noise(
    system: Equations, frequencies: ArrayLike, output: str | tuple[str, str], *, celsius: float = NOMINAL_CELSIUS
) -> Noise:
    """Predict the noise at an output, from the thermal noise of resistors and the input noise of amplifiers.

    Where an amplifier has 1/f noise, the frequencies must lie above 0 Hz.

    Args:
        system: The equations of the circuit, with the amplifiers as modelled.
        frequencies: The frequencies, Hz, increasing.
        output: A net, or two nets for the voltage between them.
        celsius: The temperature, °C.

    Raises:
        DesignError: A net is none of the circuit's, the temperature is not above absolute zero, or the circuit has
            no unique solution.
    """
    kelvin = check_positive("temperature above absolute zero", celsius + KELVIN, "K")
    hertz = np.atleast_1d(np.asarray(frequencies, dtype=np.float64))
    scales, hotter = system.scales(), kelvin / TEMPERATURE
    density = np.array(
        [
            4.0 * BOLTZMANN * kelvin * scales[each.resistance]
            if each.resistance is not None
            else each.density**2 * hotter
            for each in system.disturbances
        ]
    )
    corners = np.array([each.corner * hotter for each in system.disturbances])
    if corners.any():
        check_positive("lowest frequency of 1/f noise", float(hertz.min()), "Hz")
    weights = _adjoint(system, hertz, output) @ system.disturbance_matrix()
    used = np.flatnonzero(density > 0.0)
    flicker = np.divide.outer(corners[used], hertz, where=hertz > 0.0, out=np.zeros((len(used), len(hertz)))).T
    powers = np.abs(weights[:, used]) ** 2 * density[used] * (1.0 + flicker)
    return Noise(hertz, powers, tuple(system.disturbances[k].source for k in used.tolist()))


def sensitivities(
    system: Equations, frequencies: ArrayLike, output: str | tuple[str, str], inputs: ArrayLike | None = None
) -> ComplexArray:
    """Return the derivatives S of a response H by the logarithm of every parameter p: dH = S dp/p.

    Args:
        system: The equations of the circuit.
        frequencies: The frequencies, Hz.
        output: A net, or two nets for the voltage between them.
        inputs: The voltage at each input, V, shape (inputs,); by default 1 V at the first and 0 V at the others.

    Returns:
        The derivatives, V, shape (frequencies, parameters), in the order of `system.parameters`.

    Raises:
        DesignError: A net is none of the circuit's, there are more or fewer inputs, or the circuit has no unique
            solution.
    """
    hertz = np.atleast_1d(np.asarray(frequencies, dtype=np.float64))
    count = len(system.inputs)
    row = np.eye(1, count)[0] if inputs is None else np.asarray(inputs, dtype=np.float64)
    if row.shape != (count,):
        raise DesignError("input volts", f"{count} numbers", f"shape {row.shape}")
    forward = _solve(_matrices(system, hertz), system.drive_matrix() @ row, system.name)
    weights = _adjoint(system, hertz, output)
    scales = system.scales() * np.append(system.powers, 0.0)
    result = np.zeros((len(scales), len(hertz)), dtype=np.complex128)
    for entries, factor in (
        (list(system.conductive), np.ones(len(hertz))),
        (list(system.storage_entries()), 2j * np.pi * hertz),
    ):
        rows, columns, coefficients, owners = _columns(entries)
        terms = -weights[:, rows] * forward[:, columns] * (coefficients * scales[owners]) * factor[:, None]
        np.add.at(result, owners, terms.T)
    return result[:-1].T


def offset_gains(system: Equations, output: str | tuple[str, str]) -> Array:
    """Return the direct voltage at an output per volt of input offset, V/V, shape (amplifiers,).

    Args:
        system: The equations of the circuit.
        output: A net, or two nets for the voltage between them.

    Raises:
        DesignError: A net is none of the circuit's, or the circuit has no unique solution.
    """
    weights = _adjoint(system, np.zeros(1), output) @ system.disturbance_matrix()
    return np.asarray(weights[0, system.offset_columns()].real)


def bias_gains(system: Equations, output: str | tuple[str, str]) -> dict[str, float]:
    """Return the direct voltage at an output per ampere of bias current, ohm, by the input, "PATH.inn" or "PATH.inp".

    Args:
        system: The equations of the circuit.
        output: A net, or two nets for the voltage between them.

    Raises:
        DesignError: A net is none of the circuit's, or the circuit has no unique solution.
    """
    weights = _adjoint(system, np.zeros(1), output) @ system.disturbance_matrix()
    return {each.source: float(weights[0, k].real) for k, each in enumerate(system.disturbances) if each.pin}


def _matrices(system: Equations, hertz: Array) -> ComplexArray:
    s = 2j * np.pi * hertz[:, None, None]
    return np.asarray(system.conductance_matrix() + s * system.storage_matrix())


def _adjoint(system: Equations, hertz: Array, output: str | tuple[str, str]) -> ComplexArray:
    """Return the output per unit on the right-hand side of each equation, shape (frequencies, size)."""
    return _solve(np.swapaxes(_matrices(system, hertz), -1, -2), system.probe(output), system.name)


def _solve(matrices: ComplexArray, right: Array, name: str) -> ComplexArray:
    try:
        return np.asarray(np.linalg.solve(matrices, right[:, None])[..., 0], dtype=np.complex128)
    except np.linalg.LinAlgError:
        raise DesignError(f"circuit {name}", "uniquely solvable", "a singular network") from None


def _columns(entries: list[Entry]) -> tuple[NDArray[np.intp], NDArray[np.intp], Array, NDArray[np.intp]]:
    table = np.array(entries, dtype=np.float64).reshape(-1, 4)
    rows, columns, owners = (table[:, k].astype(np.intp) for k in (0, 1, 3))
    return rows, columns, table[:, 2], owners
