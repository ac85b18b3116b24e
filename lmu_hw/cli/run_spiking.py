"""`lmu-hw run --backend spiking`: a memory or a network carried by neurons, its files and its report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lmu_hw.cli.output import (
    answer,
    band_row,
    facts,
    format_number,
    progress,
    staged,
    write_array,
    write_arrays,
    written,
)
from lmu_hw.cli.plots import states_plot, window_plot
from lmu_hw.cli.recording import Samples, calibration_of, input_facts, layers_of, network_rows, read, read_input
from lmu_hw.cli.report import FigureData, Report, Section, TableData, write_report
from lmu_hw.cli.run import decoder, output_figures, output_table, write_outputs
from lmu_hw.cli.scores import labelled, score_rows, score_tables
from lmu_hw.cli.spiking_plots import outputs_plot, raster_plot, spread
from lmu_hw.core.band import usable_band
from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.system import energy_per_unit
from lmu_hw.design.memory import Design
from lmu_hw.design.network import NetworkDesign
from lmu_hw.design.requests import Recording
from lmu_hw.design.spiking import SpikingChoice
from lmu_hw.design.usage import effective_flags
from lmu_hw.errors import DesignError
from lmu_hw.io.schema import schema_id
from lmu_hw.networks.model import Network
from lmu_hw.networks.reference import FloatNetwork
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.spiking.design import SpikingDesign, design_memory
from lmu_hw.spiking.memory import SpikeTrains, SpikingMemory
from lmu_hw.spiking.network import Recorded, SpikingNetwork

_CHUNK = 1000
_LAGS = 601
_SHOWN = 12
_SHOWN_WINDOWS = 3.0
_MOST_RASTERS = 4
_MOST_MEMORY_SPIKES, _MOST_NETWORK_SPIKES = 1 << 28, 1 << 26


def run(
    design: Design | NetworkDesign, recording: Recording, choice: SpikingChoice, out: Path | None, as_json: bool
) -> None:
    """Run a memory or a network in spikes, write its files and print their figures; see `lmu_hw.cli.commands.run`."""
    _RUNS[type(design)](design, recording, choice, out, as_json)


@dataclass(frozen=True, eq=False)
class _MemoryRun:
    """A memory that ran in spikes: its samples, decoded states, states in float64 and spikes, and the answer."""

    made: SpikingDesign
    spec: LMUSpec
    samples: Samples
    states: Array
    ideal: Array
    trains: SpikeTrains


def run_memory(design: Design, recording: Recording, choice: SpikingChoice, out: Path | None, as_json: bool) -> None:
    """Run a memory over a recording."""
    samples = read(recording, design, required=True)
    spec = samples.design.spec()
    with staged(out) as folder, progress() as bar:
        task = bar.add_task("neurons", total=samples.values.size)
        made = design_memory(spec, choice.for_memory(spec.order, design.delays, design.seed))
        states, trains = _simulate(made, samples.values, lambda done: bar.update(task, completed=done))
        done = _MemoryRun(made, spec, samples, states, FloatMemory(spec).run(samples.values), trains)
        output = states @ decoder(spec, design.delays).T
        result = {
            "schema": schema_id("memory-run"),
            "design": samples.design.to_dict(),
            "backend": "spiking",
            **samples.origin,
            "usable_band": usable_band(spec).to_dict(),
            "delays": list(design.delays) or None,
            "shape": list(output.shape),
            **output_figures(output),
            "spiking": _memory_facts(done),
        }
        write_array(folder / "output.npy", output)
        write_arrays(folder / "spikes.npz", {"step": trains.step, "neuron": trains.neuron, "states": states})
        if out is not None:
            words = effective_flags("run", samples.design, backend="spiking")
            command = f"lmu-hw run {words}{recording.flags()} --backend spiking{choice.flags()}"
            write_report(folder / "report.html", _memory_report(done, result["spiking"], command))
    answer(result, _shown(result, out, ["output.npy", "spikes.npz", "report.html"]), as_json=as_json)


def _simulate(made: SpikingDesign, u: Array, told: Callable[[int], None]) -> tuple[Array, SpikeTrains]:
    """Run a memory block by block; return the decoded states, shape (samples, order), and all spikes."""
    expected = float(made.population.mean_rates.sum()) * u.size * made.dt
    if expected > _MOST_MEMORY_SPIKES:
        raise DesignError("spikes of the run", f"at most {_MOST_MEMORY_SPIKES} to be kept", f"about {expected:.3g}")
    memory, states, parts = SpikingMemory(made), [], []
    for start in range(0, u.size, _CHUNK):
        states.append(memory.run(u[start : start + _CHUNK], record=True))
        if memory.spikes is not None:
            parts.append((start, memory.spikes))
        told(start + len(states[-1]))
    trains = SpikeTrains(
        np.concatenate([trains.step + start for start, trains in parts]),
        np.concatenate([trains.sequence for _, trains in parts]),
        np.concatenate([trains.neuron for _, trains in parts]),
    )
    return np.concatenate(states), trains


def _memory_facts(done: _MemoryRun) -> dict[str, Any]:
    """The part of the answer on the neurons of a memory."""
    made, states, ideal = done.made, done.states, done.ideal
    lag, weights = made.recurrence.lag, energy_per_unit(done.spec)
    error = (states[lag:] - ideal[: len(ideal) - lag]) * weights
    options, population = made.options, made.population
    return {
        "neurons": population.neurons,
        "ensembles": population.ensembles,
        "kind": str(options.kind),
        "coordinates": str(options.coordinates),
        "synapse": list(options.synapse.coefficients),
        "lag_samples": lag,
        "spikes": done.trains.count,
        "mean_rate_hz": done.trains.count / (population.neurons * len(states) * made.dt),
        "window_error": float(np.sqrt(np.mean(np.sum(error**2, axis=1)))),
        "window_rms": float(np.sqrt(np.mean(np.sum((ideal * weights) ** 2, axis=1)))),
        "predicted_error": made.predicted_error if options.kind.random else None,
    }


def _memory_report(done: _MemoryRun, told: Mapping[str, Any], command: str) -> Report:
    spec, states, ideal, population = done.spec, done.states, done.ideal, done.made.population
    time = spec.dt * np.arange(1.0, len(states) + 1.0)
    first = len(states) - min(len(states), round(_SHOWN_WINDOWS * spec.ratio))
    instants = spec.dt * (done.trains.step.astype(np.float64) + 1.0)
    span = float(time[first]), float(time[-1])
    size = population.neurons, population.ensembles
    forms = {"float": ideal[first:], "spiking": states[first:]}
    figures = [
        FigureData.drawn(
            "Spikes",
            "Who fires when, over the last windows of the recording.",
            raster_plot,
            instants,
            done.trains.neuron,
            *size,
            span,
        ),
        FigureData.drawn(
            "States",
            "What spikes decode to behind the synapses, and the memory in float64.",
            states_plot,
            time[first:],
            forms,
        ),
        _window_figure(spec, done.samples.values, states, ideal, done.made.recurrence.lag),
    ]
    return Report(
        title="A Legendre memory in spikes",
        subtitle=spec.summary(),
        command=command,
        passed=None,
        sections=[
            Section("Neurons", (), [TableData("Neurons", (), _fact_rows(told))]),
            Section("Evidence", (), (), figures),
        ],
    )


def run_network(
    design: NetworkDesign, recording: Recording, choice: SpikingChoice, out: Path | None, as_json: bool
) -> None:
    """Run a network over sequences; its ensembles are scaled by what happens in float64 on --calibration or --input.

    Raises:
        DesignError: There is no input, or the network has no spiking form.
    """
    network = design.load()
    sequences = read_input(network, recording.path)
    labels = labelled(network, design.network, recording, sequences)
    known = sequences if design.calibration is None else calibration_of(design, network)
    with staged(out) as folder, progress() as bar:
        bar.add_task("neurons", total=None)
        spiking = SpikingNetwork(network, choice.for_network(design.seed, network.dt), known.values)
        if out is not None:
            _check_spikes(spiking, sequences.values.shape[1])
        outputs = spiking.run(sequences.values, record=out is not None)
        recorded = spiking.recorded
        shaped = outputs if sequences.batched else outputs[0]
        files = write_outputs(folder, shaped, network)
        result = {
            "schema": schema_id("network-run"),
            "design": design.to_dict(),
            "backend": "spiking",
            **input_facts(recording.path, sequences),
            "shape": list(shaped.shape),
            **output_figures(outputs),
            "spiking": _network_facts(network, spiking, sequences.values, outputs),
        }
        if labels is not None:
            result["score"] = labels.score(outputs)
        if recorded is not None:
            spikes = {f"{name}.{key}": v for name, t in recorded.spikes.items() for key, v in vars(t).items()}
            write_arrays(folder / "spikes.npz", spikes | {f"{name}.states": v for name, v in recorded.states.items()})
            words = effective_flags("run", design, backend="spiking")
            command = f"lmu-hw run {words}{recording.flags()} --backend spiking{choice.flags()}"
            exact = FloatNetwork(network).run(sequences.values[:1], return_sequences=True)[0]
            write_report(
                folder / "report.html", _network_report(command, network, spiking, recorded, exact, result["spiking"])
            )
    answer(result, _shown(result, out, [*files, "spikes.npz", "report.html"]), as_json=as_json)


def _network_facts(network: Network, spiking: SpikingNetwork, inputs: Array, outputs: Array) -> dict[str, Any]:
    """The part of the answer on the neurons of a network."""
    ideal, options = FloatNetwork(network).run(inputs), spiking.options
    agree = np.argmax(outputs, axis=-1) == np.argmax(ideal, axis=-1)
    return {
        "neurons": spiking.neurons,
        "kind": str(options.kind),
        "scope": str(options.scope),
        "synapse": list(options.synapse.coefficients),
        "sample_seconds": options.sample_seconds,
        "expected_spikes_of_a_sequence": _expected(spiking, inputs.shape[1]),
        "rms_error": float(np.sqrt(np.mean((outputs - ideal) ** 2))),
        "float_rms": float(np.sqrt(np.mean(ideal**2))),
        "classes_as_float": float(np.mean(agree)) if network.outputs > 1 else None,
    }


def _expected(spiking: SpikingNetwork, steps: int) -> float:
    """The number of spikes of a sequence of so many steps, as expected from the trained network."""
    return spiking.options.sample_seconds * steps * sum(g.neurons * g.mean_rate for g in spiking.groups.values())


def _check_spikes(spiking: SpikingNetwork, steps: int) -> None:
    """Check that the spikes of the first sequence can be kept."""
    if (expected := _expected(spiking, steps)) > _MOST_NETWORK_SPIKES:
        raise DesignError(
            "spikes of the first sequence",
            f"at most {_MOST_NETWORK_SPIKES} to be kept",
            f"about {expected:.3g}",
            hint="without --out none are",
        )


def _network_report(
    command: str,
    network: Network,
    spiking: SpikingNetwork,
    recorded: Recorded,
    exact: Array,
    told: Mapping[str, Any],
) -> Report:
    seconds = spiking.options.sample_seconds
    rows = [*network_rows(network), *_fact_rows(told)]
    tables = [TableData("Network", (), rows), _populations(spiking, recorded, len(exact) * seconds)]
    time = np.arange(1.0, len(exact) + 1.0) * (network.dt or 1.0)
    figures = [*_rasters(spiking, recorded), *_memory_figures(network, recorded, time)]
    what = "After every sample of the first sequence" + (
        "; the network's answer is the last one." if network.output == "last" else "."
    )
    forms = {"float": exact, "spiking": recorded.outputs}
    caption = f"{what} Wide and dotted: float64; thin: in spikes."
    figures.append(FigureData.drawn("Outputs over time", caption, outputs_plot, time, forms))
    return Report(
        title="A network in spikes",
        subtitle=layers_of(network),
        command=command,
        passed=None,
        sections=[Section("Neurons", (), tables), Section("Evidence", (), (), figures)],
    )


def _populations(spiking: SpikingNetwork, recorded: Recorded, duration: float) -> TableData:
    """The table of the populations, a row for each; `duration` is that of the first sequence in seconds."""
    rows = []
    for name, group in spiking.groups.items():
        spikes, each = recorded.spikes[name].count, group.neurons // group.ensembles
        rate = spikes / (group.neurons * duration)
        rows.append((name, str(group.ensembles), str(each), str(group.neurons), str(spikes), format_number(rate)))
    heads = ("population", "ensembles", "of neurons", "neurons", "spikes", "mean rate (Hz)")
    return TableData("Populations, in the first sequence", heads, rows)


def _rasters(spiking: SpikingNetwork, recorded: Recorded) -> Iterator[FigureData]:
    seconds, steps = spiking.options.sample_seconds, len(recorded.outputs)
    for name in list(spiking.groups)[:_MOST_RASTERS]:
        group, trains = spiking.groups[name], recorded.spikes[name]
        time = seconds * (trains.step + spread(trains.step, trains.neuron))
        span = (0.0, seconds * steps)
        size = group.neurons, group.ensembles
        caption = f"Who fires when in the first sequence, in simulated time. A sample lasts {format_number(seconds)} s"
        caption += "; the spikes of a neuron are drawn evenly over it."
        yield FigureData.drawn(f"Spikes of {name}", caption, raster_plot, time, trains.neuron, *size, span, height=4.8)


def _memory_figures(network: Network, recorded: Recorded, time: Array) -> Iterator[FigureData]:
    """Yield the figures of the states and of the window of the first memory; float64 gets the drive of the neurons."""
    for name, states in recorded.states.items():
        spec, drive = _spec(network, int(name.removeprefix("layer"))), recorded.drives[name][:, 0]
        ideal, weights = FloatMemory(spec).run(drive), energy_per_unit(spec)
        error = (states[:, 0] - ideal) * weights
        share = np.sqrt(np.sum(error**2) / max(float(np.sum((ideal * weights) ** 2)), 1e-300))
        told = f"The memory of {name}, first channel: what spikes decode to, and float64 with the same input; the error"
        caption = f"{told} of the decoded window is {100.0 * share:.3g} % of it."
        forms = {"float": ideal, "spiking": states[:, 0]}
        yield FigureData.drawn("States", caption, states_plot, time, forms)
        yield _window_figure(spec, drive, states[:, 0], ideal, 0)
        return


def _spec(network: Network, index: int) -> LMUSpec:
    spec = network.layers[index].memory_spec
    if spec is None:
        raise DesignError(network.name(index), "a layer with a memory", "none")
    return spec


_RUNS: Mapping[type[Any], Callable[[Any, Recording, SpikingChoice, Path | None, bool], None]] = {
    Design: run_memory,
    NetworkDesign: run_network,
}


def _window_figure(spec: LMUSpec, u: Array, states: Array, ideal: Array, lag: int) -> FigureData:
    """The figure of the window that the states hold after the last sample, against the input."""
    fractions = np.linspace(0.0, 1.0, _LAGS)
    decode = decoder(spec, fractions)
    end = len(u) - lag
    index = np.ceil(end - fractions * spec.ratio - 1e-9).astype(int) - 1
    index[0] = end - 1
    past = np.where(index >= 0, u[np.maximum(index, 0)], 0.0)
    forms = {"float": decode @ ideal[end - 1], "spiking": decode @ states[-1]}
    return FigureData.drawn(
        "The window",
        "The input as the states hold it, against the input itself.",
        window_plot,
        fractions * spec.theta,
        past,
        forms,
        end * spec.dt,
    )


def _shown(result: Mapping[str, Any], out: Path | None, names: list[str]) -> Iterator[Any]:
    rows = [("input", str(result["input"])), ("backend", "spiking"), *_fact_rows(result["spiking"])]
    if "usable_band" in result:
        rows.insert(1, band_row(result["usable_band"]))
    if "score" in result:
        rows += score_rows(result["score"])
    yield facts("Run", rows)
    yield output_table(result, [str(i) for i in range(min(len(result["rms"]), _SHOWN))], most=_SHOWN)
    if "score" in result:
        yield from score_tables(result["score"])
    yield from written(out, names)


def _fact_rows(told: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The rows of a table on the neurons."""
    return [(name.replace("_", " "), _word(value)) for name, value in told.items()]


def _word(value: Any) -> str:
    """A value of the answer as people read it."""
    if isinstance(value, list):
        return ", ".join(map(format_number, value))
    return format_number(value) if isinstance(value, float) else "–" if value is None else str(value)
