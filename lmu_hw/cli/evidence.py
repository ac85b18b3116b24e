"""What a co-simulation says for itself in a report: its figures and its table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields

import numpy as np

from lmu_hw.analog.design.memory import AnalogDesign
from lmu_hw.cli.output import format_number
from lmu_hw.cli.plots import error_plot, response_plot, states_plot, window_plot
from lmu_hw.cli.report import FigureData, TableData
from lmu_hw.core.legendre import readout
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.system import ComplexArray, coordinates, discretize, full_delay_response
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.sim.cosim.memory import CosimResult

_SHOWN_WINDOWS = 5.0
_LAGS = 601
_FREQUENCIES = 240
_LARGEST_SAMPLED = 128  # above, the sampled system's response takes minutes


def figures(plan: MemoryPlan, result: CosimResult, circuit: AnalogDesign | None) -> list[FigureData]:
    """States, error against its bound, the window at one instant, frequency response."""
    return [
        states_figure(plan.spec, result),
        error_figure(plan, result),
        window_figure(plan.spec, result),
        response_figure(plan.spec, circuit),
    ]


def states_figure(spec: LMUSpec, result: CosimResult) -> FigureData:
    """States over time, as far as the circuit went or for a few windows."""
    forms = {"float": result.states_float, "fixed": result.states_fixed}
    if result.states_spice is not None:
        forms["SPICE"] = result.states_spice
    shown = min(*(len(states) for states in forms.values()), math.ceil(_SHOWN_WINDOWS * spec.ratio))
    caption = "The states over time" if spec.order <= 6 else f"The first six of {spec.order} states over time"
    if shown < result.time.size:
        caption += f", the first {shown} of {result.time.size} samples"
    caption += "."
    if result.digital.mismatches == 0:
        caption += " The Verilog gives the words of the integer model, so its curve is the one of the fixed form."
    svg = states_plot(result.time[:shown], {form: states[:shown] for form, states in forms.items()})
    return FigureData("States over time", caption, svg)


def error_figure(plan: MemoryPlan, result: CosimResult) -> FigureData:
    """Fixed against float."""
    sources = {field.name: getattr(plan.budget, field.name) for field in fields(plan.budget)}
    caption = (
        "Deviation of the integer model (and so of the Verilog) from the float memory that gets the unrounded input. "
        "The bound holds for every input within [−1, 1]; it is the sum of what each rounding can do at worst."
    )
    error = np.abs(result.states_fixed - result.states_float)
    return FigureData("Error against its bound", caption, error_plot(result.time, error, plan.error_bound, sources))


def window_figure(spec: LMUSpec, result: CosimResult) -> FigureData:
    """What the memory holds at one instant."""
    states = {"float": result.states_float, "fixed": result.states_fixed}
    last = result.time.size - 1
    if result.states_spice is not None:
        states["SPICE"] = result.states_spice
        last = result.states_spice.shape[0] - 1
    instant = float(result.time[last])
    fractions = np.linspace(0.0, 1.0, _LAGS)
    decode = readout(spec.order, fractions) * coordinates(spec)
    lag = fractions * spec.theta
    # Sample k holds from k·dt to (k+1)·dt; before the first there is nothing.
    index = np.ceil((instant - lag) / spec.dt - 1e-9).astype(int) - 1
    index[0] = last
    past = np.where(index >= 0, result.samples[np.maximum(index, 0)], 0.0)
    caption = (
        f"{spec.order} Legendre polynomials, weighted by the states, against the input of the last {spec.theta:g} s. "
        f"Detail finer than about {spec.order / np.pi:.3g} cycles per window is beyond this order."
    )
    forms = {form: decode @ array[last] for form, array in states.items()}
    return FigureData("The window in the memory", caption, window_plot(lag, past, forms, instant))


def response_figure(spec: LMUSpec, circuit: AnalogDesign | None) -> FigureData:
    """Frequency response of the readout at θ."""
    edge = spec.order / np.pi
    cycles = np.linspace(0.0, min(1.6 * edge, 0.499 * spec.ratio), _FREQUENCIES + 1)[1:]
    responses: Mapping[str, ComplexArray] = {"continuous": full_delay_response(spec.order, cycles)}
    if spec.order <= _LARGEST_SAMPLED:
        responses = {**responses, "sampled": discretize(spec).transfer(cycles / spec.theta)[0]}
    if circuit is not None:
        volts = circuit.linear_model.response(cycles / spec.theta)[:, -1, 0]
        responses = {**responses, "circuit": volts * circuit.input_scaling / circuit.output_scaling[-1]}
    caption = (
        f"The readout of the delay θ against an ideal delay. Continuous: the Padé approximant that order {spec.order} "
        f"realises; sampled: the {spec.discretization} step, read after its sample and so up to one step early"
        + ("; circuit: the linear model of its parts." if circuit is not None else ".")
    )
    return FigureData("Frequency response", caption, response_plot(cycles, responses, edge))


def checks_table(result: CosimResult) -> TableData:
    """Every check with its figures and its outcome."""
    digital, bound, analog = result.digital, result.fixed_vs_float, result.analog
    rows = [
        (
            f"Verilog ({digital.simulator}) = integer model",
            f"{digital.mismatches} mismatches in {digital.beats} beats of {digital.samples} samples",
            "0 mismatches",
            _outcome(digital.passed),
        ),
        (
            "integer model – float",
            f"{format_number(bound.max_error)} at most, {format_number(100.0 * bound.utilisation)} % of the bound",
            f"≤ {format_number(bound.bound)}",
            _outcome(bound.passed),
        ),
    ]
    if analog is not None:
        rows.append(
            (
                "SPICE – float",
                f"NRMSE {percent(analog.nrmse)} of the states, {percent(analog.readout_nrmse)} of the readout, "
                f"{analog.samples} samples",
                f"≤ {percent(analog.tolerance)}",
                _outcome(analog.passed),
            )
        )
    return TableData("Checks", ("check", "found", "allowed", "outcome"), rows)


def percent(value: float | None) -> str:
    """A share as per cent; nothing measured gives a dash."""
    return "–" if value is None else f"{100.0 * value:.3g} %"


def failures(result: CosimResult) -> str:
    """One line for the checks that failed; empty where all held."""
    parts = []
    if not result.digital.passed:
        messages = "; ".join(result.digital.messages)
        parts.append(f"Verilog: {messages or f'{result.digital.mismatches} mismatches'}")
    if not result.fixed_vs_float.passed:
        parts.append(f"fixed point: {100.0 * result.fixed_vs_float.utilisation:.4g} % of the bound")
    if result.analog is not None and not result.analog.passed:
        messages = "; ".join(result.analog.messages)
        parts.append(f"circuit: {messages or f'NRMSE {percent(result.analog.nrmse)}'}")
    return "; ".join(parts)


def _outcome(passed: bool) -> str:
    return "held" if passed else "FAILED"
