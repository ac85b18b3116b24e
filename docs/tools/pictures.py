"""The pictures of the documents: docs/pictures/NAME.svg, each drawn by a function of this module.

    python docs/tools/pictures.py             # all
    python docs/tools/pictures.py NAME ...    # these

Whatever a picture shows is computed here by the package, or read from a result file. Pictures whose result is not on
file are left out.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.patches import FancyBboxPatch
from results import load, read_runs

import lmu_hw
from lmu_hw import analog
from lmu_hw.analog.analysis.monte_carlo import Distribution
from lmu_hw.core.figures import FIXED, FLOAT, IDEAL, SPICE, STYLE, Plot, new_figure
from lmu_hw.core.legendre import energy_scale, readout, state_matrix
from lmu_hw.fixed_point.datapaths.tridiagonal import tridiagonal_increment
from lmu_hw.io.files import write_text

PICTURES = Path(__file__).resolve().parents[1] / "pictures"
_GREEN = "#009e73"
_METHODS = {"zoh": FLOAT, "euler": SPICE, "ab2": FIXED, "bilinear": _GREEN}


def _noise(samples: int, dt: float, hertz: float, seed: int = 0) -> Any:
    return 0.8 * lmu_hw.band_limited_noise(samples=samples, dt=dt, cutoff_hz=hertz, seed=seed)


# --- start


def flow() -> Plot:
    """What the package makes from a specification, and what is held against what."""
    figure, axes = new_figure(1, 1, width=7.4, height=3.4)
    axes.set_axis_off()
    axes.set_xlim(0.0, 100.0)
    axes.set_ylim(0.0, 44.0)
    boxes = {
        "spec": (1, 18, 15, "LMUSpec", "order, window, step"),
        "network": (1, 33, 15, "network file", "from any trainer"),
        "plan": (24, 25, 17, "fixed-point plan", "formats, ranges, bounds"),
        "circuit": (24, 7, 17, "circuit", "dense, chain, ladder"),
        "integers": (50, 33, 18, "integer model", "NumPy, bit-true"),
        "verilog": (50, 20, 18, "Verilog", "Amaranth, manifest"),
        "spice": (50, 7, 18, "SPICE", "parts, yield, schematic"),
        "float": (79, 25, 19, "float reference", "trains networks"),
        "spikes": (79, 7, 19, "spiking neurons", "software and Verilog"),
    }
    for x, y, wide, title, text in boxes.values():
        axes.add_patch(FancyBboxPatch((x, y), wide, 8, boxstyle="round,pad=0.6", fc="#eef3f7", ec="#59626d", lw=0.9))
        axes.text(x + wide / 2, y + 5.1, title, ha="center", va="center", weight="bold", size=8.6)
        axes.text(x + wide / 2, y + 2.0, text, ha="center", va="center", size=7.2, color="#59626d")
    made = {"arrowstyle": "-|>", "color": "#59626d", "lw": 1.2}
    held = {"arrowstyle": "<|-|>", "color": FIXED, "lw": 1.6}
    for start, end, style in (
        ((17, 22), (23, 28), made),
        ((17, 36), (23, 31), made),
        ((17, 20), (23, 12), made),
        ((42, 31), (49, 36), made),
        ((42, 28), (49, 24), made),
        ((42, 11), (49, 11), made),
        ((59, 32), (59, 29), held),
        ((69, 38), (78, 33), held),
        ((69, 12), (78, 25), held),
        ((88, 16), (88, 24), held),
    ):
        axes.annotate("", end, start, arrowprops=style)
    axes.text(60, 30.6, "every word equal", size=7.4, color=FIXED, va="center")
    axes.text(75, 38.5, "error within a proved bound", size=7.4, color=FIXED, va="center")
    axes.text(70.5, 17.5, "error within a tolerance", size=7.4, color=FIXED, va="center", ha="right")
    axes.text(89, 20.2, "decoded\nvalues", size=7.4, color=FIXED, va="center", ha="left")
    return figure


def window() -> Plot:
    """A signal, and what a memory of eight states holds of its last half second."""
    spec = lmu_hw.LMUSpec(8, 0.5, 1e-3)
    u = _noise(2000, spec.dt, 3.0, 3)
    time = spec.dt * np.arange(1, u.size + 1)
    state = lmu_hw.FloatMemory(spec).run(u)[-1]
    shares = np.linspace(0.0, 1.0, 200)
    held = readout(8, shares) @ state
    figure, (left, right) = new_figure(1, 2, width=8.0, height=2.4, width_ratios=(2.0, 1.0))
    left.plot(time, u, color=IDEAL, label="input u")
    left.plot(time[-1] - shares * spec.theta, held, color=FIXED, lw=2.0, label="window read from the states")
    left.set(xlabel="time, s", title="The memory holds the last θ = 0.5 s of its input …")
    left.legend(loc="upper left", ncols=2)
    left.set_ylim(-1.0, 1.2)
    right.bar(range(8), state, color=FIXED)
    right.set(xlabel="state", title="… in eight numbers")
    return figure


# --- explanations


def datapaths() -> Plot:
    """Multiplications per sample of each datapath over the order."""
    orders = np.array([4, 8, 16, 32, 64, 128, 256])
    figure, axes = new_figure(1, 1, width=5.6, height=3.2)
    axes.loglog(orders, orders**2, color=FLOAT, marker="o", label="dense: d²")
    axes.loglog(orders, 3 * orders - 1, color=_GREEN, marker="o", label="tridiagonal: 3d − 1")
    axes.loglog(orders, orders, color=FIXED, marker="o", label="chain: d")
    staged = [8, 16, 32]
    counts = []
    for order in staged:
        spec = lmu_hw.LMUSpec(order, 784.0, 1.0)
        counts.append(lmu_hw.plan_memory(spec, datapath="structured").increment.multiplications)
    axes.loglog(staged, counts, color=SPICE, marker="o", label="structured, error 1e−4")
    axes.set(xlabel="order d", ylabel="multiplications per sample")
    axes.legend()
    return figure


def least_ratio() -> Plot:
    """The shortest window in steps of the explicit methods."""
    orders = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 100, 128, 256]
    figure, axes = new_figure(1, 1, width=5.6, height=3.0)
    for method in ("euler", "ab2"):
        least = [lmu_hw.least_theta_over_dt(d, lmu_hw.Discretization(method)) for d in orders]
        axes.loglog(orders, least, color=_METHODS[method], marker="o", ms=3, label=method)
    axes.axhline(1.0, color=IDEAL, label="zoh, bilinear")
    axes.set(xlabel="order d", ylabel="least θ/dt")
    axes.legend()
    return figure


def pivots() -> Plot:
    """The multipliers of the tridiagonal elimination."""
    figure, axes = new_figure(1, 1, width=5.6, height=2.8)
    for ratio, colour in ((100.0, FIXED), (1000.0, _GREEN), (10000.0, SPICE)):
        increment = tridiagonal_increment(lmu_hw.LMUSpec(32, ratio, 1.0, "bilinear"), 18)
        axes.plot(increment.pivot_values, color=colour, marker=".", label=f"θ/dt = {ratio:g}")
    axes.set(xlabel="state i", ylabel="multiplier rᵢ", ylim=(-0.05, 0.45))
    axes.legend()
    return figure


def dense_matrix() -> Plot:
    """The increment of the zero-order hold, entry by entry."""
    system = lmu_hw.discretize(lmu_hw.LMUSpec(32, 784.0, 1.0))
    figure, axes = new_figure(1, 1, width=4.4, height=3.4)
    size = np.log10(np.abs(system.transition - np.eye(32)) + 1e-12)
    shown = axes.imshow(size, cmap="viridis", vmin=-5.0)
    axes.grid(visible=False)
    axes.set(xlabel="from state", ylabel="to state", title="log₁₀ of |Ā − I|, d = 32, θ/dt = 784")
    figure.colorbar(shown, ax=axes, shrink=0.85)
    return figure


def low_rank() -> Plot:
    """Singular values of an off-diagonal block of S(Ā − I)."""
    figure, axes = new_figure(1, 1, width=5.6, height=2.9)
    for order, colour in ((64, FIXED), (128, _GREEN), (256, SPICE)):
        spec = lmu_hw.LMUSpec(order, 784.0, 1.0, basis="orthonormal")
        change = lmu_hw.discretize(spec).transition - np.eye(order)
        signed = np.where(np.arange(order) % 2, -1.0, 1.0)[:, None] * change
        values = np.linalg.svd(signed[order // 2 :, : order // 2], compute_uv=False)
        axes.semilogy(np.arange(1, 25), (values / values[0])[:24], color=colour, marker=".", label=f"d = {order}")
    axes.set(xlabel="number of the singular value", ylabel="relative size", ylim=(1e-16, 3.0))
    axes.set_title("The block between the lower and the upper half of the states")
    axes.legend()
    return figure


def ranges() -> Plot:
    """Proved ranges of the states, and what inputs reach."""
    spec = lmu_hw.LMUSpec(12, 200.0, 1.0)
    system = lmu_hw.discretize(spec)
    response = [system.input]
    for _ in range(3000):
        response.append(system.transition @ response[-1])
    worst = np.sign(np.array(response)).T  # the input that drives state i furthest, backwards in time
    attained = [abs(float(worst[i] @ np.array(response)[:, i])) for i in range(12)]
    usual = np.abs(lmu_hw.FloatMemory(spec).run(np.random.default_rng(0).uniform(-1.0, 1.0, 20000))).max(axis=0)
    figure, axes = new_figure(1, 1, width=5.8, height=2.9)
    at = np.arange(12)
    axes.bar(at, lmu_hw.state_ranges(12, spec.h, spec.discretization), color="#c6d5e3", label="proved range")
    axes.plot(at, attained, "o", color=FIXED, label="bang-bang input of that state")
    axes.plot(at, usual, "x", color=SPICE, label="20 000 samples of white noise")
    axes.set(xlabel="state", ylabel="largest |state|", ylim=(0.0, 4.2))
    axes.legend(loc="upper left")
    return figure


def error_bound() -> Plot:
    """The parts of the error bound, state by state."""
    spec = lmu_hw.LMUSpec(12, 1.0, 1e-3, "ab2")
    return lmu_hw.plan_memory(spec, input_bits=12, state_bits=14).plot()


def noise() -> Plot:
    """Predicted and measured standard deviation of the error."""
    spec = lmu_hw.LMUSpec(12, 1.0, 1e-3, "ab2")
    figure, axes = new_figure(1, 1, width=5.8, height=2.9)
    u = np.random.default_rng(1).uniform(-0.9, 0.9, (8, 6000))
    for feedback, colour in ((True, FIXED), (False, SPICE)):
        plan = lmu_hw.plan_memory(spec, input_bits=16, state_bits=12, error_feedback=feedback)
        codes = plan.input_format.encode(u)
        words = plan.output_format.decode(lmu_hw.IntegerMemory(plan).run(codes))
        exact = lmu_hw.FloatMemory(spec).run(plan.input_format.decode(codes))
        label = f"{'with' if feedback else 'without'} error feedback"
        axes.semilogy(plan.noise, color=colour, label=f"predicted {label}")
        axes.semilogy((words - exact)[:, 2000:].std(axis=(0, 1)), "o", color=colour, ms=4, label="measured")
    axes.set(xlabel="state", ylabel="standard deviation")
    axes.legend()
    return figure


def stability() -> Plot:
    """The poles of a memory times h, and where the explicit methods are stable."""
    figure, axes = new_figure(1, 1, width=5.4, height=3.8)
    angle = np.exp(1j * np.linspace(0.0, 2.0 * np.pi, 721))
    euler = angle - 1.0
    ab2 = (angle**2 - angle) / (1.5 * angle - 0.5)
    axes.plot(euler.real, euler.imag, color=_METHODS["euler"], label="edge of forward Euler")
    axes.plot(ab2.real, ab2.imag, color=_METHODS["ab2"], label="edge of Adams–Bashforth 2")
    poles = np.linalg.eigvals(state_matrix(16))
    for ratio, marker in ((35.2, "o"), (59.7, "s"), (200.0, ".")):
        at = poles / ratio
        axes.plot(at.real, at.imag, marker, color=FLOAT, ms=4, label=f"poles, θ/dt = {ratio:g}")
    axes.axvline(0.0, color=IDEAL, lw=0.8)
    axes.set(xlabel="real part of λ dt/θ", ylabel="imaginary part", xlim=(-2.1, 0.3), ylim=(-1.1, 1.1))
    axes.set_title("Sixteen states")
    axes.legend(loc="lower left")
    return figure


def silence() -> Plot:
    """State words after the input has stopped."""
    figure, axes = new_figure(1, 1, width=6.2, height=2.8)
    spec = lmu_hw.LMUSpec(4, 100.0, 1.0, "bilinear")
    u = np.concatenate([0.9 * np.sin(0.1 * np.arange(200)), np.zeros(1200)])
    for feedback, colour in ((False, SPICE), (True, FIXED)):
        plan = lmu_hw.plan_memory(spec, input_bits=10, state_bits=10, error_feedback=feedback)
        words = lmu_hw.IntegerMemory(plan).run(plan.input_format.encode(u))
        axes.plot(words[150:, 1], color=colour, label=f"{'with' if feedback else 'without'} error feedback")
        limit = int(plan.limit_set[1])
        if feedback:
            axes.axhspan(-limit, limit, color=colour, alpha=0.15, lw=0, label="limit set")
    axes.set(xlabel="sample", ylabel="word of state 1, codes", ylim=(-12, 12))
    axes.legend(loc="upper right", ncols=3)
    return figure


def energy() -> Plot:
    """Legendre and orthonormal coordinates of the same window."""
    spec = lmu_hw.LMUSpec(12, 200.0, 1.0)
    states = lmu_hw.FloatMemory(spec).run(np.random.default_rng(0).uniform(-1.0, 1.0, 20000))
    figure, axes = new_figure(1, 1, width=5.6, height=2.6)
    at = np.arange(12)
    axes.bar(at - 0.2, states.std(axis=0), 0.4, color=FIXED, label="Legendre")
    axes.bar(at + 0.2, (states / energy_scale(12)).std(axis=0), 0.4, color=SPICE, label="orthonormal")
    axes.set(xlabel="state", ylabel="standard deviation for white input")
    axes.legend()
    return figure


# --- circuits


def ladder() -> str:
    """The schematic of a ladder of three states."""
    return _left_by(
        "lmu-hw spice --order 3 --theta 0.01 --topology ladder --resistors E96 --capacitors E12 --name ladder",
        "ladder.svg",
    )


def circuit_yield() -> Plot:
    """Errors of drawn circuits."""
    figure, axes = new_figure(1, 1, width=5.8, height=2.8)
    within = analog.Tolerances(resistor=0.01, capacitor=0.01, distribution=Distribution.UNIFORM)
    for topology, colour in (("dense", FLOAT), ("chain", _GREEN), ("ladder", FIXED)):
        design = analog.design_memory(6, 0.01, topology=topology, resistors="E96", capacitors="E12")
        drawn = analog.analyse(design, within, draws=1000, seed=0)
        limits = np.linspace(0.001, 0.15, 150)
        axes.plot(100.0 * limits, [100.0 * drawn.passing(limit) for limit in limits], color=colour, label=topology)
    axes.set(xlabel="limit of the error in the band, %", ylabel="yield, %")
    axes.set_title("Six states, parts within ±1 %")
    axes.legend()
    return figure


# --- from result files


def digits_over_bits() -> Plot | None:
    """The error of a network over the width of its weights."""
    content = load(read_runs()["quantized-mackey-glass"])
    if content is None:
        return None
    result = content["result"]
    figure, axes = new_figure(1, 1, width=5.6, height=2.9)
    for key, colour, label in (("integer", FIXED, "plan_network"), ("naive", SPICE, "by the largest entry")):
        bits, errors = zip(*((row["weight_bits"], 100.0 * row[key]) for row in result["widths"]), strict=True)
        axes.semilogy(bits, errors, color=colour, marker="o", label=label)
    axes.axhline(100.0 * result["float"], color=IDEAL, label="float")
    axes.set(xlabel="bits of a weight", ylabel="NRMSE, %", title="Mackey–Glass, 15 steps ahead")
    axes.legend()
    return figure


def spiking_window() -> str:
    """Spikes of a memory, and the window that they hold."""
    return _plotted_by("lmu-hw experiment spiking-picture")


def _left_by(command: str, name: str) -> str:
    """A file that a command leaves in `--out`."""
    with tempfile.TemporaryDirectory() as folder:
        _call([*command.split()[1:], "--out", folder])
        return (Path(folder) / name).read_text(encoding="utf-8")


def _plotted_by(command: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plot.svg"
        _call([*command.split()[1:], "--plot", str(path)])
        return path.read_text(encoding="utf-8")


def _call(words: list[str]) -> None:
    call = [sys.executable, "-m", "lmu_hw", *words]
    subprocess.run(call, stdout=subprocess.DEVNULL, check=True)


#: Every picture by the name of its file.
ALL: Mapping[str, Callable[[], Plot | str | None]] = {
    "flow": flow,
    "window": window,
    "datapaths": datapaths,
    "least_ratio": least_ratio,
    "pivots": pivots,
    "dense_matrix": dense_matrix,
    "low_rank": low_rank,
    "ranges": ranges,
    "error_bound": error_bound,
    "noise": noise,
    "stability": stability,
    "silence": silence,
    "energy": energy,
    "ladder": ladder,
    "circuit_yield": circuit_yield,
    "digits_over_bits": digits_over_bits,
    "spiking_window": spiking_window,
}


def draw(name: str) -> str | None:
    """The SVG of a picture; None if the result that it shows is not on file."""
    with matplotlib.rc_context(STYLE):
        drawn = ALL[name]()
        return drawn.svg() if isinstance(drawn, Plot) else drawn


def main(names: list[str]) -> None:
    """Write the pictures of these names, by default all."""
    for name in names or list(ALL):
        text = draw(name)
        if text is not None:
            PICTURES.mkdir(exist_ok=True)
            write_text(PICTURES / f"{name}.svg", text)


if __name__ == "__main__":
    main(sys.argv[1:])
