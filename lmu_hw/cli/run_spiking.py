"""`lmu-hw run --backend spiking`: a memory or a network carried by neurons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmu_hw.artifacts import replacing
from lmu_hw.cli.output import answer, facts, figure, grid, progress, staged, written
from lmu_hw.cli.plots import states_plot, window_plot
from lmu_hw.cli.recording import Recording, Samples, read
from lmu_hw.cli.report import FigureData, Report, Section, TableData, write_report
from lmu_hw.cli.spiking_options import SpikingChoice
from lmu_hw.cli.spiking_plots import raster_plot
from lmu_hw.design_file import Design
from lmu_hw.errors import DesignError
from lmu_hw.legendre import Array, readout
from lmu_hw.network_design import NetworkDesign
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.reference.network import FloatNetwork
from lmu_hw.sequences import read_sequences
from lmu_hw.spec import LMUSpec
from lmu_hw.spiking.design import SpikingDesign, design_memory
from lmu_hw.spiking.memory import SpikeTrains, SpikingMemory
from lmu_hw.spiking.network import SpikingNetwork
from lmu_hw.system import coordinates, energy_per_unit

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
        _save(folder / "output.npy", output)
        _save_spikes(folder / "spikes.npz", {"step": trains.step, "neuron": trains.neuron, "states": states})
        if out is not None:
            write_report(folder / "report.html", _report(made, spec, samples, states, ideal, trains, result, recording))
    names = ["output.npy", "spikes.npz", "report.html"]
    answer(result, _shown(result, spec.order, out, names), as_json=as_json)


def run_network(
    design: NetworkDesign, source: Path | None, choice: SpikingChoice, out: Path | None, as_json: bool
) -> None:
    """Run a network, write and print; its ensembles are scaled by what happens in float64 on --calibration or --input.

    Raises:
        DesignError: there is no input, or the network has no spiking form.
    """
    if source is None:
        raise DesignError("input", "given, by --input FILE", "nothing")
    network = design.load()
    sequences = read_sequences(source, network.inputs)
    known = sequences if design.calibration is None else read_sequences(Path(design.calibration), network.inputs)
    with staged(out) as folder, progress() as bar:
        bar.add_task("neurons", total=None)
        spiking = SpikingNetwork(network, choice.for_network(design.seed), known.values)
        outputs = spiking.run(sequences.values, record=True)
        ideal = FloatNetwork(network).run(sequences.values)
        shaped = outputs if sequences.batched else outputs[0]
        names = ["output.npy", "spikes.npz"]
        _save(folder / "output.npy", shaped)
        arrays = {f"{name}.{key}": v for name, t in spiking.spikes.items() for key, v in vars(t).items()}
        states = {f"{name}.states": values for name, values in spiking.states.items()}
        _save_spikes(folder / "spikes.npz", arrays | states)
        if network.outputs > 1:
            names.append("classes.npy")
            _save(folder / "classes.npy", np.argmax(shaped, axis=-1))
    agree = np.argmax(outputs, axis=-1) == np.argmax(ideal, axis=-1)
    spikes = sum(t.count for t in spiking.spikes.values())
    result = {
        "design": design.to_dict(),
        "backend": "spiking",
        "input": str(source),
        "shape": list(shaped.shape),
        "rms": np.sqrt(np.mean(outputs**2, axis=tuple(range(outputs.ndim - 1)))),
        "peak": np.abs(outputs).max(axis=tuple(range(outputs.ndim - 1))),
        "last": outputs.reshape(-1, network.outputs)[-1],
        "spiking": {
            "neurons": spiking.neurons,
            "spikes_of_first_sequence": spikes,
            "rms_error": float(np.sqrt(np.mean((outputs - ideal) ** 2))),
            "classes_as_float": float(np.mean(agree)) if network.outputs > 1 else None,
        },
    }
    answer(result, _shown(result, network.outputs, out, names), as_json=as_json)


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


def _save(path: Path, array: NDArray[Any]) -> None:
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, array)


def _save_spikes(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
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
    recording: Recording,
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
        _window_figure(spec, samples.values, states, ideal, made.recurrence.lag),
    ]
    rows = [(name.replace("_", " "), _word(value)) for name, value in told.items()]
    return Report(
        title="A Legendre memory in spikes",
        subtitle=spec.summary(),
        command=f"lmu-hw run {samples.design.flags()}{recording.flags()} --backend spiking",
        passed=True,
        sections=[Section("Neurons", (), [TableData("Neurons", (), rows)]), Section("Evidence", (), (), figures)],
    )


def _window_figure(spec: LMUSpec, u: Array, states: Array, ideal: Array, lag: int) -> FigureData:
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


def _shown(result: Mapping[str, Any], columns: int, out: Path | None, names: list[str]) -> Iterator[Any]:
    told = result["spiking"]
    rows = [("input", str(result["input"])), ("backend", "spiking")]
    rows += [(name.replace("_", " "), _word(value)) for name, value in told.items()]
    yield facts("Run", rows)
    shown = min(len(result["rms"]), columns, 12)
    yield grid(
        "Output",
        ["output", "rms", "peak", "last"],
        [(str(i), *(figure(result[key][i]) for key in ("rms", "peak", "last"))) for i in range(shown)],
    )
    yield from written(out, names)


def _word(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(figure, value))
    return figure(value) if isinstance(value, float) else "–" if value is None else str(value)
