"""`lmu-hw run --backend spiking`: a memory carried by neurons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmu_hw.cli.output import answer, facts, format_number, grid, progress, staged, written
from lmu_hw.cli.plots import states_plot, window_plot
from lmu_hw.cli.recording import Recording, Samples, read
from lmu_hw.cli.report import FigureData, Report, Section, TableData, write_report
from lmu_hw.cli.spiking_options import SpikingChoice
from lmu_hw.cli.spiking_plots import raster_plot
from lmu_hw.core.legendre import Array, readout
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.system import coordinates, energy_per_unit
from lmu_hw.design.memory import Design
from lmu_hw.errors import DesignError
from lmu_hw.io.files import replacing
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.spiking.design import SpikingDesign, design_memory
from lmu_hw.spiking.memory import SpikeTrains, SpikingMemory

_CHUNK = 1000
_LAGS = 601
_SHOWN_WINDOWS = 3.0
_MOST_SPIKES = 1 << 28


def run(design: Design, recording: Recording, choice: SpikingChoice, out: Path | None, as_json: bool) -> None:
    """Run a memory, write and print; see `lmu_hw.cli.commands.run`."""
    if design.channels != 1:
        raise DesignError("channels", "1 for one recording", design.channels)
    samples = read(recording, design, required=True)
    spec = samples.design.spec()
    with staged(out) as folder, progress() as bar:
        task = bar.add_task("neurons", total=samples.values.size)
        made = design_memory(spec, choice.for_memory(spec.order, design.delays, design.seed))
        expected = float(made.population.mean_rates.sum()) * samples.values.size * spec.dt
        if expected > _MOST_SPIKES:
            raise DesignError("spikes of the run", f"at most {_MOST_SPIKES} to be kept", f"about {expected:.3g}")
        states, spikes = np.empty((samples.values.size, spec.order)), []
        memory = SpikingMemory(made)
        for start in range(0, samples.values.size, _CHUNK):
            part = samples.values[start : start + _CHUNK]
            states[start : start + part.size] = memory.run(part, record=True)
            if memory.spikes is not None:
                spikes.append((start, memory.spikes))
            bar.update(task, completed=start + part.size)
        trains = _joined(spikes)
        ideal = FloatMemory(spec).run(samples.values)
        decode = readout(spec.order, design.delays) * coordinates(spec) if design.delays else np.eye(spec.order)
        output = states @ decode.T
        result = {
            "design": samples.design.to_dict(),
            "backend": "spiking",
            **samples.origin,
            "delays": list(design.delays) or None,
            "shape": list(output.shape),
            "rms": np.sqrt(np.mean(output**2, axis=0)),
            "peak": np.abs(output).max(axis=0),
            "last": output[-1],
            "spiking": _told(made, spec, states, ideal, trains),
        }
        save_array(folder / "output.npy", output)
        save_spikes(folder / "spikes.npz", {"step": trains.step, "neuron": trains.neuron, "states": states})
        if out is not None:
            command = f"lmu-hw run {samples.design.flags()}{recording.flags()} --backend spiking{choice.flags()}"
            write_report(folder / "report.html", _report(made, spec, samples, states, ideal, trains, result, command))
    names = ["output.npy", "spikes.npz", "report.html"]
    answer(result, shown(result, spec.order, out, names), as_json=as_json)


def _told(made: SpikingDesign, spec: LMUSpec, states: Array, ideal: Array, trains: SpikeTrains) -> dict[str, Any]:
    """What the answer says of the neurons."""
    lag = made.recurrence.lag
    error = (states[lag:] - ideal[: len(ideal) - lag]) * energy_per_unit(spec)
    options, population = made.options, made.population
    return {
        "neurons": population.neurons,
        "ensembles": population.ensembles,
        "kind": str(options.kind),
        "coordinates": str(options.coordinates),
        "synapse": list(options.synapse.coefficients),
        "lag_samples": lag,
        "spikes": trains.count,
        "mean_rate_hz": trains.count / (population.neurons * len(states) * made.dt),
        "window_error": float(np.sqrt(np.mean(np.sum(error**2, axis=1)))),
        "window_rms": float(np.sqrt(np.mean(np.sum((ideal * energy_per_unit(spec)) ** 2, axis=1)))),
        "predicted_error": made.predicted_error if options.kind.random else None,
    }


def _joined(parts: list[tuple[int, SpikeTrains]]) -> SpikeTrains:
    return SpikeTrains(
        np.concatenate([trains.step + start for start, trains in parts]),
        np.concatenate([trains.sequence for _, trains in parts]),
        np.concatenate([trains.neuron for _, trains in parts]),
    )


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Write a .npy file, whole or not at all."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, array)


def save_spikes(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write an .npz file of these arrays, whole or not at all."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **dict(arrays))


def _report(
    made: SpikingDesign,
    spec: LMUSpec,
    samples: Samples,
    states: Array,
    ideal: Array,
    trains: SpikeTrains,
    result: Mapping[str, Any],
    command: str,
) -> Report:
    told, time = result["spiking"], spec.dt * np.arange(1.0, len(states) + 1.0)
    shown = min(len(states), round(_SHOWN_WINDOWS * spec.ratio))
    first = len(states) - shown
    population = made.population
    raster = raster_plot(
        spec.dt * (trains.step.astype(np.float64) + 1.0),
        trains.neuron,
        population.neurons,
        population.ensembles,
        (float(time[first]), float(time[-1])),
    )
    path = states_plot(time[first:], {"float": ideal[first:], "spiking": states[first:]})
    figures = [
        FigureData("Spikes", "Who fires when, over the last windows of the recording.", raster),
        FigureData("States", "What spikes decode to behind the synapses, and the memory in float64.", path),
        window_figure(spec, samples.values, states, ideal, made.recurrence.lag),
    ]
    rows = [(name.replace("_", " "), word(value)) for name, value in told.items()]
    return Report(
        title="A Legendre memory in spikes",
        subtitle=spec.summary(),
        command=command,
        passed=None,
        sections=[Section("Neurons", (), [TableData("Neurons", (), rows)]), Section("Evidence", (), (), figures)],
    )


def window_figure(spec: LMUSpec, u: Array, states: Array, ideal: Array, lag: int) -> FigureData:
    """What the states hold after the last sample against the input."""
    fractions = np.linspace(0.0, 1.0, _LAGS)
    decode = readout(spec.order, fractions) * coordinates(spec)
    end = len(u) - lag
    index = np.ceil(end - fractions * spec.ratio - 1e-9).astype(int) - 1
    index[0] = end - 1
    past = np.where(index >= 0, u[np.maximum(index, 0)], 0.0)
    forms = {"float": decode @ ideal[end - 1], "spiking": decode @ states[-1]}
    svg = window_plot(fractions * spec.theta, past, forms, end * spec.dt)
    return FigureData("The window", "The input as the states hold it, against the input itself.", svg)


def shown(result: Mapping[str, Any], columns: int, out: Path | None, names: list[str]) -> Iterator[Any]:
    """The answer for people: what is told of the neurons, and of the outputs, at most `columns` of them."""
    told = result["spiking"]
    rows = [("input", str(result["input"])), ("backend", "spiking")]
    rows += [(name.replace("_", " "), word(value)) for name, value in told.items()]
    yield facts("Run", rows)
    count = min(len(result["rms"]), columns, 12)
    yield grid(
        "Output",
        ["output", "rms", "peak", "last"],
        [(str(i), *(format_number(result[key][i]) for key in ("rms", "peak", "last"))) for i in range(count)],
    )
    yield from written(out, names)


def word(value: Any) -> str:
    """A value of the answer as people read it."""
    if isinstance(value, list):
        return ", ".join(map(format_number, value))
    return format_number(value) if isinstance(value, float) else "–" if value is None else str(value)
