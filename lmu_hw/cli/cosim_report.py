"""The contents of a co-simulation's report: its figures, its table of checks, and one line on what failed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields

import numpy as np

from lmu_hw.analog.design.memory import AnalogDesign
from lmu_hw.cli.output import format_number, percent
from lmu_hw.cli.plots import deviation_plot, error_plot, response_plot, sequence_plot, states_plot, window_plot
from lmu_hw.cli.report import FigureData, TableData
from lmu_hw.cli.spiking_plots import raster_plot
from lmu_hw.core.legendre import readout
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.system import ComplexArray, coordinates, discretize, full_delay_response
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.sim.cosim.base import DigitalCheck
from lmu_hw.sim.cosim.memory import BoundCheck, CosimResult
from lmu_hw.sim.cosim.network import NetworkCosim, NetworkDigitalCheck
from lmu_hw.sim.cosim.spiking import SpikingCosim
from lmu_hw.spiking.digital.plan import DigitalSpikingPlan

_HEADS = ("check", "found", "allowed", "outcome")
_SHOWN_WINDOWS = 5.0
_LAGS = 601
_FREQUENCIES = 240
_LARGEST_SAMPLED = 128  # above, the sampled system's response takes minutes


def figures(plan: MemoryPlan, result: CosimResult, circuit: AnalogDesign | None) -> list[FigureData]:
    """The figures of a memory: states, error against its bound, the window at one instant, frequency response."""
    return [
        states_figure(plan.spec, result),
        error_figure(plan, result),
        window_figure(plan.spec, result),
        response_figure(plan.spec, circuit),
    ]


def states_figure(spec: LMUSpec, result: CosimResult) -> FigureData:
    """The states in every form over time, as far as the circuit was simulated or for a few windows."""
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
    cut = {form: states[:shown] for form, states in forms.items()}
    return FigureData.drawn("States over time", caption, states_plot, result.time[:shown], cut)


def error_figure(plan: MemoryPlan, result: CosimResult) -> FigureData:
    """The deviation of fixed point from float, against its bound and the parts of the bound."""
    sources = {field.name: getattr(plan.budget, field.name) for field in fields(plan.budget)}
    caption = (
        "Deviation of the integer model (and so of the Verilog) from the float memory that gets the unrounded input. "
        "The bound holds for every input within [−1, 1]; it is the sum of what each rounding can do at worst."
    )
    error = np.abs(result.states_fixed - result.states_float)
    return FigureData.drawn(
        "Error against its bound",
        caption,
        error_plot,
        result.time,
        error,
        plan.error_bound,
        sources,
    )


def window_figure(spec: LMUSpec, result: CosimResult) -> FigureData:
    """The window that every form holds at the last instant, against the input."""
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
    return FigureData.drawn("The window in the memory", caption, window_plot, lag, past, forms, instant)


def response_figure(spec: LMUSpec, circuit: AnalogDesign | None) -> FigureData:
    """The frequency response of the readout at θ: continuous, sampled, and of the circuit if there is one."""
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
    return FigureData.drawn("Frequency response", caption, response_plot, cycles, responses, edge)


def spiking_figures(plan: DigitalSpikingPlan, result: SpikingCosim) -> list[FigureData]:
    """The figures of a memory in spikes: states in every form over the last windows, and the spikes of the last two.

    Raises:
        DesignError: No spikes were recorded.
    """
    forms = {
        "float": result.states_float,
        "fixed": result.states_fixed,
        "spikes, Verilog": result.states_spiking,
        "spikes, software": result.states_software,
    }
    shown = slice(-min(result.time.size, math.ceil(_SHOWN_WINDOWS * plan.spec.ratio)), None)
    caption = "The states over time in every form. Spikes in Verilog are the integer model's, where no word differs."
    cut = {form: states[shown] for form, states in forms.items()}
    path = FigureData.drawn("States over time", caption, states_plot, result.time[shown], cut)
    return [path, _spikes_figure(plan, result)]


def _spikes_figure(plan: DigitalSpikingPlan, result: SpikingCosim) -> FigureData:
    """The raster of the spikes during the last two windows."""
    spikes = result.spikes
    if spikes is None:
        raise DesignError("spikes", "recorded for a raster", "none")
    dt, end = plan.spec.dt, float(result.time[-1])
    span = max(0.0, end - 2.0 * plan.spec.theta), end
    mean = spikes.count / (plan.neurons * result.time.size * dt)
    caption = f"Spikes of the digital memory; {format_number(mean)} a second and neuron over the whole recording."
    time = np.asarray(dt * (spikes.step + 1), dtype=np.float64)
    size = plan.neurons, plan.ensembles
    return FigureData.drawn("Spikes", caption, raster_plot, time, spikes.neuron, *size, span)


def network_figures(result: NetworkCosim) -> list[FigureData]:
    """The figures of a network: outputs in fixed point against float, and over time if there is one for each step."""
    same = (
        " The Verilog gives the words of the integer model, so its outputs are those of the fixed form."
        if result.digital.passed
        else ""
    )
    caption = (
        "Each point is one output; on the line both forms agree. The other panel: how often they differ by how much."
        + same
    )
    exact, fixed = result.outputs_float, result.outputs_fixed
    figures = [FigureData.drawn("Outputs, fixed against float", caption, deviation_plot, exact, fixed)]
    if result.outputs_float.ndim == 3:
        caption = "The first outputs of the first sequence." + same
        figures.append(FigureData.drawn("Outputs over time", caption, sequence_plot, exact[0], fixed[0]))
    return figures


def checks_table(result: CosimResult) -> TableData:
    """The table of all checks of a memory, with their measured and allowed values."""
    analog = result.analog
    rows = [_digital_row("", result.digital), _bound_row("", result.fixed_vs_float)]
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
    return TableData("Checks", _HEADS, rows)


def spiking_checks(result: SpikingCosim) -> TableData:
    """The table of all checks of a memory in fixed point and in spikes, with their measured and allowed values."""
    decoded = result.decoded
    rows = [
        _digital_row("fixed-point ", result.fixed),
        _digital_row("spiking ", result.spiking),
        _bound_row("fixed-point ", result.fixed_vs_float),
    ]
    measured = {
        "spikes in Verilog": decoded.rtl,
        "spikes in software": decoded.software,
        "fixed point": decoded.fixed,
    }
    predicted = f"Poisson noise predicts {format_number(decoded.predicted)}"
    for what, error in measured.items():
        found = "–" if error is None else f"{format_number(error)} RMS ({100.0 * error / decoded.signal:.3g} %)"
        rows.append((f"decoded window, {what} – float", found, predicted if what.startswith("spikes") else "–", "–"))
    return TableData("Checks", _HEADS, rows)


def network_checks(result: NetworkCosim) -> TableData:
    """The table of all checks of a network, with its deviations from float and its accuracies."""
    digital, deviation = result.digital, result.fixed_vs_float
    rows = [
        (
            f"Verilog ({digital.simulator}) = integer model",
            f"{digital.mismatches} mismatches in {digital.words} words of {digital.sequences} sequences"
            f"{_in_runs(digital.runs)}",
            "0 mismatches",
            _outcome(digital.passed),
        ),
        (
            "integer model – float",
            f"{format_number(deviation.max_error)} at most, NRMSE {percent(deviation.nrmse)}",
            "–",
            "–",
        ),
    ]
    if deviation.different_classes is not None:
        different = f"{deviation.different_classes} of {digital.sequences} differ"
        rows.append(("classes, integer model – float", different, "–", "–"))
    if result.accuracy is not None:
        shares = ", ".join(f"{form} {percent(share)}" for form, share in result.accuracy.items())
        rows.append(("accuracy", shares, "–", "–"))
    return TableData("Checks", _HEADS, rows)


def _digital_row(what: str, check: DigitalCheck) -> tuple[str, str, str, str]:
    return (
        f"{what}Verilog ({check.simulator}) = integer model",
        f"{check.mismatches} mismatches in {check.beats} beats of {check.samples} samples{_in_runs(check.runs)}",
        "0 mismatches",
        _outcome(check.passed),
    )


def _in_runs(runs: int) -> str:
    return "" if runs == 1 else f" in {runs} runs"


def _bound_row(what: str, bound: BoundCheck) -> tuple[str, str, str, str]:
    return (
        f"{what}integer model – float",
        f"{format_number(bound.max_error)} at most, {format_number(100.0 * bound.utilisation)} % of the bound",
        f"≤ {format_number(bound.bound)}",
        _outcome(bound.passed),
    )


def failures(result: CosimResult) -> str:
    """One line on the checks of a memory that failed; empty if all held."""
    parts = [*_digital_failure("", result.digital), *_bound_failure(result.fixed_vs_float)]
    if result.analog is not None and not result.analog.passed:
        messages = "; ".join(result.analog.messages)
        parts.append(f"circuit: {messages or f'NRMSE {percent(result.analog.nrmse)}'}")
    return "; ".join(parts)


def spiking_failures(result: SpikingCosim) -> str:
    """One line on the checks of a memory in fixed point and in spikes that failed; empty if all held."""
    parts = [
        *_digital_failure("fixed-point ", result.fixed),
        *_digital_failure("spiking ", result.spiking),
        *_bound_failure(result.fixed_vs_float),
    ]
    return "; ".join(parts or ([] if result.passed else list(result.messages)))


def network_failures(result: NetworkCosim) -> str:
    """One line on the checks of a network that failed; empty if all held."""
    return "; ".join(_digital_failure("", result.digital))


def _digital_failure(what: str, check: DigitalCheck | NetworkDigitalCheck) -> list[str]:
    found = "; ".join(check.messages) or f"{check.mismatches} mismatches"
    return [] if check.passed else [f"{what}Verilog: {found}"]


def _bound_failure(bound: BoundCheck) -> list[str]:
    return [] if bound.passed else [f"fixed point: {100.0 * bound.utilisation:.4g} % of the bound"]


def _outcome(passed: bool) -> str:
    return "held" if passed else "FAILED"
