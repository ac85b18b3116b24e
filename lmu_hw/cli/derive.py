"""`lmu-hw derive`: the continuous and the sampled system, its stability and its error over frequency."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lmu_hw.cli.output import answer, band_row, facts, format_number, grid, progress, render_json, staged, written
from lmu_hw.core.band import usable_band
from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization, least_theta_over_dt
from lmu_hw.core.system import ContinuousSystem, DiscreteSystem, continuous, discretize, pade_error
from lmu_hw.design.memory import Design
from lmu_hw.io.files import write_text
from lmu_hw.io.schema import schema_id

_FRACTIONS = (0.0, 0.25, 0.5, 0.75, 1.0)
_FREQUENCIES = 121
_POINTS = 150
_LARGEST_SHOWN = 8
_LARGEST_SAMPLED = 128  # above, the sampled system's response takes longer than all the rest


def run(design: Design, out: Path | None, as_json: bool) -> None:
    """Derive the system, write its files and print its figures; see `lmu_hw.cli.commands.derive`."""
    spec = design.spec()
    with staged(out) as folder, progress() as bar:
        bar.add_task("system", total=None)
        exact, sampled = continuous(spec), discretize(spec)
        result = _result(design, exact, sampled)
        names = _write(folder, sampled, result) if out is not None else []
    answer(result, _shown(spec, exact, result, out, names or ["system.json", "system.svg"]), as_json=as_json)


def write_system(design: Design, folder: Path) -> list[str]:
    """Write system.json and system.svg to a folder, and return their names."""
    spec = design.spec()
    sampled = discretize(spec)
    return _write(folder, sampled, _result(design, continuous(spec), sampled))


def _write(folder: Path, sampled: DiscreteSystem, result: dict[str, Any]) -> list[str]:
    # The plotting library takes as long to load as all the rest together.
    from lmu_hw.cli.plots import system_plot

    spec = sampled.spec
    plot = system_plot(spec.order, _curves(spec, sampled, result), _after_step(sampled))
    return [
        write_text(folder / "system.json", render_json(result)).name,
        write_text(folder / "system.svg", plot).name,
    ]


def _result(design: Design, exact: ContinuousSystem, sampled: DiscreteSystem) -> dict[str, Any]:
    spec = exact.spec
    stability = spec.stability
    cycles = np.geomspace(0.01, max(1.0, spec.order), _FREQUENCIES)
    return {
        "schema": schema_id("system"),
        "design": design.to_dict(),
        "spec": spec.to_dict(),
        "theta_over_dt": spec.ratio,
        "stable": stability.stable,
        "spectral_radius": stability.spectral_radius,
        "stability_margin": stability.margin,
        "transient_growth": stability.transient_growth if math.isfinite(stability.transient_growth) else None,
        "least_theta_over_dt": least_theta_over_dt(spec.order, spec.discretization),
        "usable_band": usable_band(spec).to_dict(),
        "pade_error": {
            "cycles_per_window": cycles,
            "frequency_hz": cycles / spec.theta,
            "error": pade_error(spec.order, cycles),
        },
        "readout": {"fractions": list(_FRACTIONS), "C": exact.readout(_FRACTIONS)},
        "A": exact.A,
        "B": exact.B,
        "Ad": sampled.transition,
        "Bd": sampled.input,
        "Cd": sampled.output,
    }


def _curves(spec: LMUSpec, sampled: DiscreteSystem, result: dict[str, Any]) -> dict[str, tuple[Array, Array]]:
    cycles, error = result["pade_error"]["cycles_per_window"], result["pade_error"]["error"]
    curves = {"continuous (Padé)": (cycles, error)}
    if spec.order <= _LARGEST_SAMPLED:
        below = cycles[cycles < 0.5 * spec.ratio]
        response = sampled.transfer(below / spec.theta)[0]
        curves[f"sampled ({spec.discretization})"] = (below, np.abs(response - np.exp(-2j * np.pi * below)))
    return curves


def _after_step(sampled: DiscreteSystem) -> Array:
    """The states after a step of the input, from 0 to 1.5 θ, of shape (points, order).

    They are those of a zero-order hold whatever the method, because above some order the powers of a stable explicit
    step exceed the range of a double before they decay.
    """
    spec = sampled.spec
    if spec.discretization is not Discretization.ZOH:
        sampled = discretize(replace(spec, dt=min(1.0, 1.5 / _POINTS) * spec.theta, discretization=Discretization.ZOH))
        spec = sampled.spec
    stride = max(1, round(1.5 * spec.ratio / _POINTS))
    block = np.zeros((spec.order + 1, spec.order + 1))
    block[:-1, :-1], block[:-1, -1], block[-1, -1] = sampled.transition, sampled.input, 1.0
    leap = np.linalg.matrix_power(block, stride)
    states = np.zeros((max(2, int(1.5 * spec.ratio / stride) + 1), spec.order + 1))
    states[0, -1] = 1.0
    for k in range(1, states.shape[0]):
        states[k] = leap @ states[k - 1]
    return states[:, :-1]


def _shown(
    spec: LMUSpec, exact: ContinuousSystem, result: dict[str, Any], out: Path | None, names: list[str]
) -> Iterator[Any]:
    growth = result["transient_growth"]
    yield facts(
        "Legendre memory",
        [
            ("order", str(spec.order)),
            ("window θ", f"{spec.theta:g} s = {spec.ratio:.6g} steps of {spec.dt:g} s"),
            ("step", f"{spec.discretization}, {spec.basis} basis"),
            band_row(result["usable_band"]),
            ("stable", "yes"),
            ("spectral radius", f"{result['spectral_radius']:.10g}"),
            ("stability margin", format_number(result["stability_margin"])),
            ("transient growth", "beyond a double's range" if growth is None else format_number(growth)),
            ("least θ/dt", format_number(result["least_theta_over_dt"])),
        ],
    )
    points = np.array([0.1, 0.25, 0.5, 0.75, 1.0]) * spec.order / np.pi
    yield grid(
        "Error of the readout at θ, continuous system",
        ["cycles per window", "Hz", "|readout − ideal delay|"],
        [
            (format_number(c), format_number(c / spec.theta), format_number(e))
            for c, e in zip(points, pade_error(spec.order, points), strict=True)
        ],
    )
    if spec.order <= _LARGEST_SHOWN:
        yield grid(
            "A and B",
            ["", *(f"A·{j}" for j in range(spec.order)), "B"],
            [(f"{i}", *(f"{value:g}" for value in row), f"{exact.B[i]:g}") for i, row in enumerate(exact.A.round(6))],
        )
    yield from written(out, names)
