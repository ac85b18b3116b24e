"""The stepping methods by their defining equations, their orders of convergence and other packages."""

from __future__ import annotations

import control
import numpy as np
import pytest
import scipy.linalg
import scipy.signal

from lmu_hw.core.legendre import energy_scale, input_vector, orthonormal_system, state_matrix
from lmu_hw.core.spec import Basis, LMUSpec
from lmu_hw.core.stability import spectral_norm
from lmu_hw.core.steps import Discretization, least_theta_over_dt, step_matrices
from lmu_hw.core.system import continuous, discretize

ONE_STEP = ["zoh", "euler", "bilinear"]
CASES = [(1, 1.0), (1, 7.5), (2, 4.0), (5, 40.0), (12, 60.0), (20, 784.0), (33, 5000.0)]


def _step(order: int, ratio: float, method: str) -> tuple[np.ndarray, np.ndarray]:
    matrices = step_matrices(order, 1.0 / ratio, Discretization(method))
    return matrices.transition, matrices.input


@pytest.mark.parametrize(("order", "ratio"), CASES)
def test_euler_and_bilinear_by_substitution(order: int, ratio: float) -> None:
    """x⁺ = x + h(Ax + Bu) and (I − hA/2)x⁺ = (I + hA/2)x + hBu."""
    a, b = orthonormal_system(order)
    h, eye = 1.0 / ratio, np.eye(order)
    euler, euler_input = _step(order, ratio, "euler")
    assert np.array_equal(euler, eye + h * a)
    assert np.array_equal(euler_input, h * b)
    cayley, cayley_input = _step(order, ratio, "bilinear")
    left, right = eye - 0.5 * h * a, eye + 0.5 * h * a
    scale = np.abs(left).max() * order
    assert np.abs(left @ cayley - right).max() <= 1e-14 * scale
    assert np.abs(left @ cayley_input - h * b).max() <= 1e-14 * scale


@pytest.mark.parametrize(("order", "ratio"), [(1, 2.0), (4, 8.0), (9, 30.0)])
def test_ab2_banks_are_the_textbook_two_step_formula(order: int, ratio: float, rng: np.random.Generator) -> None:
    """x_{k+1} = x_k + h(3f_k − f_{k−1})/2 with f_k = A x_k + B u_k and f_{−1} = 0."""
    spec = LMUSpec(order, ratio, 1.0, "ab2")
    system = discretize(spec)
    assert system.transition.shape == (2 * order, 2 * order)
    a, b = state_matrix(order), input_vector(order)
    z, x, before = np.zeros(2 * order), np.zeros(order), np.zeros(order)
    for u in rng.uniform(-1, 1, 60):
        now = a @ x + b * u
        x, before = x + spec.h * (1.5 * now - 0.5 * before), now
        z = system.transition @ z + system.input * u
        assert np.allclose(system.output @ z, x, rtol=0, atol=1e-12 * (1 + np.abs(x).max()))


@pytest.mark.parametrize("method", ONE_STEP)
@pytest.mark.parametrize(("order", "ratio"), CASES)
def test_a_constant_is_held_in_the_first_state(order: int, ratio: float, method: str) -> None:
    """A e₀ = −B, so every one-step method has H = (I − G) e₀."""
    transition, drive = _step(order, ratio, method)
    first = np.eye(order)[0]
    assert np.abs(drive - (first - transition @ first)).max() <= 1e-14 * np.sqrt(2 * order) * order


@pytest.mark.parametrize("method", list(Discretization))
@pytest.mark.parametrize(("order", "ratio"), [(1, 3.0), (4, 30.0), (12, 100.0)])
def test_a_constant_input_settles_at_the_first_coefficient(order: int, ratio: float, method: str) -> None:
    system = discretize(LMUSpec(order, ratio, 1.0, method))
    n = system.input.size
    rest = system.output @ np.linalg.solve(np.eye(n) - system.transition, system.input)
    assert np.allclose(rest, np.eye(order)[0], rtol=0, atol=1e-11)


@pytest.mark.parametrize(("order", "ratio"), [(1, 2.0), (8, 2.0), (64, 784.0), (128, 100.0), (200, 1e4)])
def test_zoh_is_a_semigroup(order: int, ratio: float) -> None:
    """Two steps of h are one of 2h: G(2h) = G(h)², H(2h) = G(h)H(h) + H(h)."""
    one, drive = _step(order, ratio, "zoh")
    two, drive_two = _step(order, ratio / 2, "zoh")
    assert np.abs(one @ one - two).max() <= 1e-11
    assert np.abs(one @ drive + drive - drive_two).max() <= 1e-11


@pytest.mark.parametrize("method", ["zoh", "bilinear"])
@pytest.mark.parametrize(("order", "ratio"), [(6, 1.0), (64, 3.0), (256, 784.0)])
def test_exact_flow_and_cayley_transform_are_contractions(order: int, ratio: float, method: str) -> None:
    transition, _ = _step(order, ratio, method)
    assert np.linalg.norm(transition, 2) <= 1.0 + 1e-9


def test_zoh_stays_well_conditioned_at_order_1000() -> None:
    order, ratio = 1000, 784.0
    transition, drive = _step(order, ratio, "zoh")
    assert np.all(np.isfinite(transition))
    gram = transition.T @ transition
    top = scipy.linalg.eigh(gram, eigvals_only=True, subset_by_index=[order - 1, order - 1])
    assert top[0] <= 1.0 + 2e-9  # ‖G‖₂² of a contraction
    first = np.eye(order)[0]
    assert np.abs(drive - (first - transition @ first)).max() <= 1e-9


def _errors(method: str, steps: list[int], sample_at: float) -> list[float]:
    """Largest deviation from the exact states for u(t) = 1 − cos ωt, over three windows."""
    order, omega = 6, 2 * np.pi
    a, b = orthonormal_system(order)
    flow = np.zeros((order + 3, order + 3))  # states; 1, cos ωt, sin ωt
    flow[:order, :order], flow[:order, order], flow[:order, order + 1] = a, b, -b
    flow[order + 1, order + 2], flow[order + 2, order + 1] = -omega, omega
    errors = []
    for n in steps:
        system = discretize(LMUSpec(order, 1.0, 1.0 / n, method, Basis.ORTHONORMAL))
        exact_step = scipy.linalg.expm(flow / n)
        z, exact = np.zeros(system.input.size), np.zeros(order + 3)
        exact[order] = exact[order + 1] = 1.0
        worst = 0.0
        for k in range(3 * n):
            u = 1.0 - np.cos(omega * (k + sample_at) / n)
            z, exact = system.transition @ z + system.input * u, exact_step @ exact
            worst = max(worst, float(np.abs(system.output @ z - exact[:order]).max()))
        errors.append(worst)
    return errors


@pytest.mark.parametrize(
    ("method", "sample_at"),
    [("euler", 0.0), ("ab2", 0.0), ("bilinear", 0.5), ("zoh", 0.5)],
    ids=["euler", "ab2", "bilinear, sampled in the middle of the step", "zoh, likewise"],
)
def test_order_of_convergence(method: str, sample_at: float) -> None:
    """Explicit methods take u at the start of a step; those that hold it are of order 2 about its middle."""
    steps = [100, 200, 400, 800]
    errors = _errors(method, steps, sample_at)
    slope = -np.polyfit(np.log(steps), np.log(errors), 1)[0]
    expected = Discretization(method).convergence_order or 2
    assert slope == pytest.approx(expected, abs=0.08)


def test_bilinear_converges_to_zoh_for_the_same_held_input(rng: np.random.Generator) -> None:
    order, held = 5, rng.uniform(-1, 1, 10)
    differences, splits = [], [10, 20, 40, 80]
    for n in splits:  # every held value lasts a tenth of the window, in n steps
        ends = []
        for method in ("bilinear", "zoh"):
            system = discretize(LMUSpec(order, 10.0 * n, 1.0, method))
            x = np.zeros(order)
            for u in np.repeat(held, n):
                x = system.transition @ x + system.input * u
            ends.append(x)
        differences.append(np.abs(ends[0] - ends[1]).max())
    slope = -np.polyfit(np.log(splits), np.log(differences), 1)[0]
    assert slope == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize(("order", "ratio"), [(1, 2.0), (3, 12.0), (8, 50.0)])
def test_scipy_signal_agrees(order: int, ratio: float) -> None:
    """gbt with α = ½ keeps our x and B, and moves the rest into C and D; so does 'euler' with α = 0."""
    theta = 0.3
    dt = theta / ratio
    a, b = state_matrix(order) / theta, input_vector(order)[:, None] / theta
    system = (a, b, np.eye(order), np.zeros((order, 1)))
    for method in ("zoh", "euler", "bilinear"):
        ours = discretize(LMUSpec(order, theta, dt, method))
        ad, bd, *_ = scipy.signal.cont2discrete(system, dt, method=method)
        assert np.allclose(ours.transition, ad, rtol=1e-10, atol=1e-12), method
        assert np.allclose(ours.input, bd[:, 0], rtol=1e-10, atol=1e-12), method


@pytest.mark.parametrize("method", ["zoh", "euler"])
def test_python_control_agrees(method: str) -> None:
    order, theta, dt = 6, 2.0, 0.02
    spec = LMUSpec(order, theta, dt, method)
    system = continuous(spec)
    plant = control.ss(system.A / theta, system.B[:, None] / theta, np.ones((1, order)), 0)
    sampled = control.sample_system(plant, dt, method)
    ours = discretize(spec)
    assert np.allclose(ours.transition, sampled.A, rtol=1e-10, atol=1e-12)
    assert np.allclose(ours.input, sampled.B[:, 0], rtol=1e-10, atol=1e-12)
    frequency = np.array([0.05, 0.4, 2.0])
    zeta = np.exp(2j * np.pi * frequency * dt)
    # The readout is taken after the sample is in: one step ahead of C(ζI − G)⁻¹H.
    expected = np.array([sampled(point) * point for point in zeta])
    assert np.allclose(ours.transfer(frequency)[0], expected, rtol=1e-9)


def test_python_control_agrees_on_the_bilinear_response() -> None:
    """Tustin averages neighbouring samples; a held sample is that, one half-step average earlier."""
    order, theta, dt = 5, 1.0, 0.02
    spec = LMUSpec(order, theta, dt, "bilinear")
    system = continuous(spec)
    plant = control.ss(system.A / theta, system.B[:, None] / theta, np.ones((1, order)), 0)
    tustin = control.sample_system(plant, dt, "bilinear")
    frequency = np.array([0.1, 1.0, 4.0])
    zeta = np.exp(2j * np.pi * frequency * dt)
    expected = np.array([2.0 * point / (1.0 + point) * tustin(point) for point in zeta])
    assert np.allclose(discretize(spec).transfer(frequency)[0], expected, rtol=1e-9)


@pytest.mark.parametrize("method", list(Discretization))
def test_transfer_is_the_response_of_the_simulated_system(method: str) -> None:
    order, theta, dt, frequency = 4, 1.0, 0.01, 3.0
    system = discretize(LMUSpec(order, theta, dt, method))
    z = np.zeros(system.input.size, dtype=complex)
    steps = 5000  # many windows: the transient is gone
    phase = np.exp(2j * np.pi * frequency * dt)
    for k in range(steps):
        z = system.transition @ z + system.input * phase**k
    measured = (system.output @ z).sum() / phase ** (steps - 1)
    assert system.transfer(frequency)[0, 0] == pytest.approx(measured, rel=1e-9)


@pytest.mark.parametrize("method", list(Discretization))
def test_both_bases_are_one_system(method: str) -> None:
    order, ratio = 7, 40.0
    legendre = discretize(LMUSpec(order, ratio, 1.0, method))
    orthonormal = discretize(LMUSpec(order, ratio, 1.0, method, "orthonormal"))
    scale = energy_scale(order)
    z = np.zeros(legendre.input.size)
    y = np.zeros_like(z)
    for u in (1.0, -0.5, 0.25, 0.0, 0.0, 1.0):
        z = legendre.transition @ z + legendre.input * u
        y = orthonormal.transition @ y + orthonormal.input * u
        assert np.allclose(legendre.output @ z, scale * (orthonormal.output @ y), rtol=1e-12, atol=1e-14)
    frequency = [0.3 / ratio]
    assert np.allclose(legendre.transfer(frequency), orthonormal.transfer(frequency), rtol=1e-12)
    assert np.allclose(
        continuous(legendre.spec).readout([0.2, 1.0]) @ (legendre.output @ z),
        continuous(orthonormal.spec).readout([0.2, 1.0]) @ (orthonormal.output @ y),
        rtol=1e-12,
    )


def test_shared_matrices_cannot_be_written_to() -> None:
    matrices = step_matrices(3, 0.01, Discretization.ZOH)
    for array in (matrices.transition, matrices.input, matrices.output):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0.0


def test_unconditional_methods_have_no_limit() -> None:
    for method in Discretization:
        if method.unconditional:
            assert least_theta_over_dt(30, method) == 1.0
            assert spectral_norm(step_matrices(30, 1.0, method).transition) <= 1.0 + 1e-9
