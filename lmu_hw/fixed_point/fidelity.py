"""Predicted fidelity: how far a fixed-point memory is from the ideal one, for band-limited input.

The ideal memory is θ ṁ = A m + B u driven by the band-limited signal u(t) itself. What the samples u(k·dt)
make of it in integers differs by two things, which add up in power:

    method   the time-stepping method and the coefficients as rounded: a difference of transfer functions
    noise    the roundings of words, white and independent: `lmu_hw.core.bounds`

Deviations are relative to the energy of the reference's decoded window, Σ m_i²/(2i+1): the integral over the
window of the decoded signal's square.

A method that holds each sample for dt sees the signal half a step late on average; this known delay is not
counted as an error (`Discretization.input_delay`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lmu_hw.core.legendre import Array, orthonormal_system
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import StepMatrices, step_matrices
from lmu_hw.core.system import ComplexArray, energy_per_unit, resolvent
from lmu_hw.errors import DesignError, check_positive
from lmu_hw.fixed_point.datapaths import Increment
from lmu_hw.fixed_point.formats import IntArray, Overflow
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.plan import MemoryPlan, realised_step

SIGNAL_RMS = 0.3
"""The root mean square of the input in units of full scale: about that of Gaussian noise with its peak at 1."""

_POINTS = 48
_LEAST_PERIOD, _LONG_WINDOW, _CHUNK = 2048, 20_000, 1024


@dataclass(frozen=True)
class Band:
    """Input with a flat spectrum from 0 to `edge` Hz.

    Attributes:
        edge: The upper edge in Hz.
        rms: The root mean square of the input; full scale is 1.
    """

    edge: float
    rms: float = SIGNAL_RMS

    def check(self, spec: LMUSpec) -> Band:
        """Return this band if the samples of `spec` can carry it.

        Raises:
            DesignError: the edge is not positive, or at half the sampling rate or above it.
        """
        check_positive("bandwidth", self.edge, "Hz")
        check_positive("input rms", self.rms)
        if self.edge >= 0.5 / spec.dt:
            raise DesignError("bandwidth", f"below half the sampling rate, {0.5 / spec.dt:.6g} Hz", f"{self.edge:.6g}")
        return self


def ideal_response(spec: LMUSpec, frequency: Array) -> ComplexArray:
    """The states of the ideal memory over its input at `frequency` in Hz, shape (points,), orthonormal coordinates.

    Returns:
        The complex ratios, shape (order, points).
    """
    a, b = orthonormal_system(spec.order)
    s = 2j * np.pi * spec.theta * frequency
    return resolvent(a, b, np.eye(spec.order), np.asarray(s, dtype=np.complex128))


def step_response(spec: LMUSpec, step: StepMatrices, frequency: Array) -> ComplexArray:
    """The states after a sample over that sample at `frequency` in Hz, shape (points,), orthonormal coordinates.

    The delay by which a method sees its input late (`Discretization.input_delay`) is taken off.

    Returns:
        The complex ratios, shape (order, points).
    """
    zeta = np.exp(2j * np.pi * spec.dt * frequency)
    states = resolvent(step.transition, step.input, step.output, np.asarray(zeta, dtype=np.complex128))
    late = spec.discretization.input_delay
    return np.asarray(states * np.exp(2j * np.pi * spec.dt * late * frequency), dtype=np.complex128)


class BandAnalysis:
    """A reference memory in a band, which many realisations are compared with.

    Args:
        spec: The order, the window and the step.
        band: The band of the input.
        own_method: Whether the reference is the sampled system of the specification in exact arithmetic, not the
            ideal memory.

    Attributes:
        spec, band: As given.
        power: The mean energy Σ m_i²/(2i+1) of the reference's window.
    """

    def __init__(self, spec: LMUSpec, band: Band, *, own_method: bool = False) -> None:
        self.spec, self.band = spec, band.check(spec)
        nodes, weights = np.polynomial.legendre.leggauss(_POINTS)
        self._frequency = np.asarray(0.5 * band.edge * (nodes + 1.0))
        self._weights = np.asarray(0.5 * weights)
        self.own_method = own_method
        self._reference = self.reference(self._frequency)
        self.power = self._mean(self._reference) * band.rms**2

    def reference(self, frequency: Array) -> ComplexArray:
        """The states of the reference over its input, as of `ideal_response`."""
        spec = self.spec
        if not self.own_method:
            return ideal_response(spec, frequency)
        return step_response(spec, step_matrices(spec.order, spec.h, spec.discretization), frequency)

    def _mean(self, response: ComplexArray) -> float:
        return float((np.abs(response) ** 2).sum(axis=0) @ self._weights)

    def method_error(self, spec: LMUSpec, increment: Increment | None = None) -> float:
        """The relative root mean square error of a method, with exact or with rounded coefficients, in the band.

        Args:
            spec: The specification of the analysis, with any method.
            increment: The integers that compute the increments; exact coefficients by default.
        """
        exact = step_matrices(spec.order, spec.h, spec.discretization)
        step = exact if increment is None else realised_step(spec, increment)
        difference = step_response(spec, step, self._frequency) - self._reference
        return math.sqrt(self._mean(np.asarray(difference)) * self.band.rms**2 / self.power)

    def noise_error(self, noise: Array, unit: Array) -> float:
        """The relative root mean square error that noise in the states amounts to.

        Args:
            noise: The standard deviation of each state, shape (order,).
            unit: Orthonormal coordinates per unit of each state, shape (order,).
        """
        return math.sqrt(float(np.sum((noise * unit) ** 2)) / self.power)

    def measure(self, plan: MemoryPlan, seed: int, advance: Callable[[int], None] = lambda _: None) -> float:
        """The relative root mean square error that the integer model really has on periodic noise in the band.

        The noise has random phases and equal amplitudes at all harmonics up to the edge. Its period is one window or
        more. The periodic states of the reference follow from its response at each harmonic, and the integers are
        compared with them once they have forgotten what they began with. Peaks of the noise beyond full scale
        saturate.

        Args:
            plan: A plan for the analysis's specification; its method may be another one where the reference is the
                ideal memory.
            seed: The seed of the phases.
            advance: A function that is told now and then how many more samples are done.
        """
        period, warm = self.record(plan.spec)
        harmonics, spectrum = self._noise(plan.spec, period, seed)
        codes = plan.input_format.encode(np.fft.irfft(spectrum, period), overflow=Overflow.SATURATE)
        exact = self._periodic_states(plan.spec, period, harmonics, spectrum)
        model, unit = IntegerMemory(plan), energy_per_unit(plan.spec)
        state = model.zero_state()
        for start in range(-warm, 0, _CHUNK):
            model.run(codes[np.arange(start, min(start + _CHUNK, 0)) % period][None, :], state)
            advance(min(_CHUNK, -start))
        error = power = 0.0
        for start in range(0, period, _CHUNK):
            part = slice(start, start + _CHUNK)
            words = model.run(codes[None, part], state)[0]
            error += float(np.sum((model.decode(words) * unit - exact[part]) ** 2))
            power += float(np.sum(exact[part] ** 2))
            advance(words.shape[0])
        return math.sqrt(error / power)

    def _noise(self, spec: LMUSpec, period: int, seed: int) -> tuple[IntArray, ComplexArray]:
        """The numbers of the harmonics in the band, and the half spectrum of the noise, shape (period // 2 + 1,)."""
        harmonics = np.arange(1, math.floor(self.band.edge * period * spec.dt * (1.0 + 1e-12)) + 1)
        spectrum = np.zeros(period // 2 + 1, dtype=np.complex128)
        phase = np.random.default_rng(seed).uniform(0.0, 2.0 * np.pi, harmonics.size)
        spectrum[harmonics] = np.exp(1j * phase)
        rms = float(np.sqrt(np.mean(np.fft.irfft(spectrum, period) ** 2)))
        return harmonics, spectrum * (self.band.rms / rms)

    def _periodic_states(self, spec: LMUSpec, period: int, harmonics: IntArray, spectrum: ComplexArray) -> Array:
        """The states of the reference after each sample of a period, orthonormal, shape (period, order)."""
        frequency = harmonics / (period * spec.dt)
        # After sample k a state belongs to the time (k + 1 − delay)·dt.
        advance = (1.0 - spec.discretization.input_delay) * spec.dt
        response = self.reference(frequency) * np.exp(2j * np.pi * frequency * advance)
        states = np.zeros((spec.order, period // 2 + 1), dtype=np.complex128)
        states[:, harmonics] = response * spectrum[harmonics]
        return np.asarray(np.fft.irfft(states, period, axis=1).T)

    @staticmethod
    def record(spec: LMUSpec) -> tuple[int, int]:
        """The numbers of samples that `measure` compares, which is the period, and that it runs beforehand."""
        window = math.ceil(spec.ratio)
        return max(2 * window, _LEAST_PERIOD) if window <= _LONG_WINDOW else window, 2 * window
