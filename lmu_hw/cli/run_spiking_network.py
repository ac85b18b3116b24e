"""`lmu-hw run NETWORK --backend spiking`: a network carried by neurons, its files and its report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lmu_hw.cli.network_input import calibration_of, input_facts, network_rows, read_input
from lmu_hw.cli.output import answer, format_number, progress, staged
from lmu_hw.cli.plots import states_plot
from lmu_hw.cli.report import FigureData, Report, Section, TableData, write_report
from lmu_hw.cli.run_spiking import save_array, save_spikes, shown, window_figure, word
from lmu_hw.cli.spiking_options import SpikingChoice
from lmu_hw.cli.spiking_plots import outputs_plot, raster_plot, spread
from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.system import energy_per_unit
from lmu_hw.design.network import NetworkDesign
from lmu_hw.errors import DesignError
from lmu_hw.networks.model import Network
from lmu_hw.networks.reference import FloatNetwork
from lmu_hw.reference.cell import CellParameters
from lmu_hw.reference.layers import MemoryParameters
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.spiking.network import Recorded, SpikingNetwork

_MOST_RASTERS = 4
_MOST_SPIKES = 1 << 26


def run(design: NetworkDesign, source: Path | None, choice: SpikingChoice, out: Path | None, as_json: bool) -> None:
    """Run a network, write and print; its ensembles are scaled by what happens in float64 on --calibration or --input.

    Raises:
        DesignError: there is no input, or the network has no spiking form.
    """
    network = design.load()
    sequences = read_input(network, source)
    known = sequences if design.calibration is None else calibration_of(design, network)
    with staged(out) as folder, progress() as bar:
        bar.add_task("neurons", total=None)
        options = choice.for_network(design.seed, network.dt)
        spiking = SpikingNetwork(network, options, known.values)
        if out is not None:
            _check_spikes(spiking, sequences.values.shape[1])
        outputs = spiking.run(sequences.values, record=out is not None)
        recorded = spiking.recorded
        ideal = FloatNetwork(network).run(sequences.values)
        shaped = outputs if sequences.batched else outputs[0]
        names = ["output.npy", "spikes.npz", "report.html"]
        save_array(folder / "output.npy", shaped)
        if network.outputs > 1:
            names.insert(1, "classes.npy")
            save_array(folder / "classes.npy", np.argmax(shaped, axis=-1))
        agree = np.argmax(outputs, axis=-1) == np.argmax(ideal, axis=-1)
        axes = tuple(range(outputs.ndim - 1))
        result = {
            "design": design.to_dict(),
            "backend": "spiking",
            **input_facts(source or Path(), sequences),
            "shape": list(shaped.shape),
            "rms": np.sqrt(np.mean(outputs**2, axis=axes)),
            "peak": np.abs(outputs).max(axis=axes),
            "last": outputs.reshape(-1, network.outputs)[-1],
            "spiking": {
                "neurons": spiking.neurons,
                "kind": str(options.kind),
                "scope": str(options.scope),
                "synapse": list(options.synapse.coefficients),
                "sample_seconds": options.sample_seconds,
                "expected_spikes_of_a_sequence": _expected(spiking, sequences.values.shape[1]),
                "rms_error": float(np.sqrt(np.mean((outputs - ideal) ** 2))),
                "float_rms": float(np.sqrt(np.mean(ideal**2))),
                "classes_as_float": float(np.mean(agree)) if network.outputs > 1 else None,
            },
        }
        if recorded is not None:
            spikes = {f"{name}.{key}": v for name, t in recorded.spikes.items() for key, v in vars(t).items()}
            save_spikes(folder / "spikes.npz", spikes | {f"{name}.states": v for name, v in recorded.states.items()})
            command = f"lmu-hw run {design.flags()} --input {source} --backend spiking{choice.flags()}"
            exact = FloatNetwork(network).run(sequences.values[:1], return_sequences=True)[0]
            write_report(folder / "report.html", _report(command, network, spiking, recorded, exact, result))
    answer(result, shown(result, network.outputs, out, names), as_json=as_json)


def _expected(spiking: SpikingNetwork, steps: int) -> float:
    """Spikes of a sequence of so many steps, as expected from the trained network."""
    return spiking.options.sample_seconds * steps * sum(g.neurons * g.mean_rate for g in spiking.groups.values())


def _check_spikes(spiking: SpikingNetwork, steps: int) -> None:
    if (expected := _expected(spiking, steps)) > _MOST_SPIKES:
        most = f"at most {_MOST_SPIKES} to be kept; without --out none are"
        raise DesignError("spikes of the first sequence", most, f"about {expected:.3g}")


def _report(
    command: str, network: Network, spiking: SpikingNetwork, recorded: Recorded, exact: Array, result: dict[str, Any]
) -> Report:
    seconds = spiking.options.sample_seconds
    rows = [*network_rows(network), *((name.replace("_", " "), word(v)) for name, v in result["spiking"].items())]
    tables = [TableData("Network", (), rows), _populations(spiking, recorded, len(exact) * seconds)]
    time = np.arange(1.0, len(exact) + 1.0) * (network.dt or 1.0)
    figures = [*_rasters(spiking, recorded), *_memory_figures(network, recorded, time)]
    what = "After every sample of the first sequence" + (
        "; the network's answer is the last one." if network.output == "last" else "."
    )
    svg = outputs_plot(time, {"float": exact, "spiking": recorded.outputs})
    figures.append(FigureData("Outputs over time", f"{what} Wide and pale: float64; thin: in spikes.", svg))
    return Report(
        title="A network in spikes",
        subtitle="; ".join(network.name(k) for k in range(len(network.layers))),
        command=command,
        passed=None,
        sections=[Section("Neurons", (), tables), Section("Evidence", (), (), figures)],
    )


def _populations(spiking: SpikingNetwork, recorded: Recorded, duration: float) -> TableData:
    """A row for each population; `duration` is that of the first sequence, s."""
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
        svg = raster_plot(time, trains.neuron, group.neurons, group.ensembles, span, height=4.8)
        caption = f"Who fires when in the first sequence, in simulated time. A sample lasts {format_number(seconds)} s"
        yield FigureData(f"Spikes of {name}", f"{caption}; the spikes of a neuron are drawn evenly over it.", svg)


def _memory_figures(network: Network, recorded: Recorded, time: Array) -> Iterator[FigureData]:
    """The first memory's states and window; float64 sees the very drive that the neurons saw."""
    for name, states in recorded.states.items():
        spec, drive = _spec(network, int(name.removeprefix("layer"))), recorded.drives[name][:, 0]
        ideal = FloatMemory(spec).run(drive)
        error = (states[:, 0] - ideal) * energy_per_unit(spec)
        share = np.sqrt(np.sum(error**2) / max(float(np.sum((ideal * energy_per_unit(spec)) ** 2)), 1e-300))
        told = f"The memory of {name}, first channel: what spikes decode to, and float64 with the same input; the error"
        svg = states_plot(time, {"float": ideal, "spiking": states[:, 0]})
        yield FigureData("States", f"{told} of the decoded window is {100.0 * share:.3g} % of it.", svg)
        yield window_figure(spec, drive, states[:, 0], ideal, 0)
        return


def _spec(network: Network, index: int) -> LMUSpec:
    layer = network.layers[index]
    if not isinstance(layer, CellParameters | MemoryParameters):
        raise DesignError(network.name(index), "a layer with a memory", "none")
    return layer.spec
