"""Co-simulation of a network: Verilog against integers, integers against floats, classes against labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lmu_hw.core.display import number
from lmu_hw.core.legendre import Array
from lmu_hw.core.metrics import classes_of, nrmse
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.io.files import working_folder
from lmu_hw.networks.model import Network
from lmu_hw.networks.quantize.model import IntegerNetwork
from lmu_hw.networks.quantize.plan import NetworkPlan
from lmu_hw.networks.reference import FloatNetwork
from lmu_hw.rtl.interface.emission import VerilogDesign
from lmu_hw.sim.cosim.base import Cosim, DigitalCheck, Simulated, simulate
from lmu_hw.sim.hdl.runner import Simulator
from lmu_hw.sim.targets.network import HarnessedNetwork, NetworkStimulus, in_batch_order

if TYPE_CHECKING:
    from lmu_hw.core.figures import Plot


@dataclass(frozen=True)
class NetworkDigitalCheck:
    """Verilog against the integer model.

    Attributes:
        sequences, samples: The number of sequences, and of all their steps, in one run.
        words: The number of output words that came out and were compared.
        mismatches: The number of words that differ, have a wrong index, class or flag, are missing or too many.
        different_classes: The number of sequences whose class, after the last step, differs from the integer model's;
            None if the bench failed.
        simulator: The HDL simulator.
        messages: The failures of the bench, a line each.
        passed: Whether everything was compared and nothing differs.
        runs: The number of runs with different gaps and stalls; words and mismatches are those of all.
    """

    sequences: int
    samples: int
    words: int
    mismatches: int
    different_classes: int | None
    simulator: str
    messages: tuple[str, ...]
    passed: bool
    runs: int = 1


@dataclass(frozen=True)
class NetworkDeviation:
    """The outputs of the integer model against those of the float network; no bound is proved of their deviation.

    Attributes:
        max_error: The largest deviation of an output.
        nrmse: The root mean square of the deviation over that of the outputs; None if the outputs are all zero.
        different_classes: The number of sequences whose class differs; None for a network with one output.
    """

    max_error: float
    nrmse: float | None
    different_classes: int | None


@dataclass(frozen=True, eq=False, repr=False)
class NetworkCosim(Cosim):
    """The result of the co-simulation of a network.

    Attributes:
        digital: Verilog against the integer model.
        fixed_vs_float: The integer model against the float network.
        accuracy: The shares of the sequences whose class is the label, in the forms "float", "fixed" and "rtl"; the
            last one is None if the bench failed. None without labels.
        outputs_float, outputs_fixed: The outputs of the float network and of the integer model, shape
            (batch, [T,] outputs).
        outputs_rtl: The outputs of the Verilog; None if the bench failed.
        cycles: The number of clock cycles from the first word in to the last word out, both included; None if the
            bench failed.
        waveform: The file with all signals; None if none was recorded.
    """

    digital: NetworkDigitalCheck
    fixed_vs_float: NetworkDeviation
    accuracy: dict[str, float | None] | None
    outputs_float: Array
    outputs_fixed: Array
    outputs_rtl: Array | None
    cycles: int | None
    waveform: Path | None

    @property
    def passed(self) -> bool:
        return self.digital.passed

    def _facts(self) -> Iterable[tuple[str, str]]:
        yield from super()._facts()
        yield "sequences", str(self.digital.sequences)
        yield "mismatches", f"{self.digital.mismatches} in {self.digital.words} words"
        yield "largest deviation from float", number(self.fixed_vs_float.max_error)
        if self.accuracy is not None:
            for form, share in self.accuracy.items():
                yield f"accuracy, {form}", "unknown" if share is None else number(share)

    def plot(self) -> Plot:
        """Draw every output in fixed point against float, and how often they differ by how much."""
        from lmu_hw.core.figures import deviation_figure

        return deviation_figure(self.outputs_float, self.outputs_fixed)

    @property
    def figures(self) -> Mapping[str, Any]:
        return {
            "digital": self.digital,
            "fixed_vs_float": vars(self.fixed_vs_float) | {"bound": None},  # none is proved
            "accuracy": self.accuracy,
            "analog": None,
        }


def cosimulate_network(
    network: Network,
    plan: NetworkPlan,
    design: VerilogDesign,
    x: Array,
    *,
    workdir: str | Path | None = None,
    labels: IntArray | None = None,
    scored: IntArray | None = None,
    simulator: Simulator | str = Simulator.VERILATOR,
    seed: int = 0,
    gap: float = 0.1,
    stall: float = 0.1,
    runs: int = 1,
    waves: bool | int = False,
    bench_dir: str | Path | None = None,
) -> NetworkCosim:
    """Check a network with a batch of sequences: Verilog, integer model and float network.

    Args:
        network: The network in float.
        plan: The network in fixed point.
        design: The Verilog to check.
        x: The sequences in the units of the network's input, shape (batch, T, inputs).
        workdir: The folder for builds, logs and recordings; by default a temporary one, which is removed.
        labels: The class of each sequence, shape (batch,); by default no accuracy is measured.
        scored: The indices of the sequences that the accuracies are of, such as those held out in training; by default
            all of them.
        simulator: The HDL simulator, verilator or icarus.
        seed: The seed of gaps, stalls and cocotb.
        gap, stall: The shares of cycles in which no word is offered, and in which none is taken, 0 … 0.9.
        runs: The number of runs, each with other gaps and stalls; further ones have the seeds after `seed`.
        waves: Whether all signals are recorded; or of how many steps from the beginning, in a run of its own.
        bench_dir: The folder that gets Verilog, stimulus and testbench, see `lmu_hw.sim.targets.standalone`.

    Raises:
        DesignError: An argument is wrong.
        MissingToolError: A simulator is not installed.
    """
    if waves and workdir is None:
        raise DesignError("workdir", "given with waves, so that the waveform stays", None)
    model = IntegerNetwork(plan)
    codes = model.encode(x)
    if labels is not None and labels.shape != codes.shape[:1]:
        raise DesignError("labels", f"of shape {codes.shape[:1]}", labels.shape)
    if not bool(design.manifest["reset"] == "first"):
        raise DesignError("reset", "first, so that each sequence stands for itself", design.manifest["reset"])
    sequences = int(design.manifest["sequences"])
    stimulus = NetworkStimulus.of_batch(codes, sequences).with_traffic(gap, stall, seed)
    harnessed = HarnessedNetwork(plan, stimulus, design)
    expected = harnessed.model_words()
    words = in_batch_order(expected, codes.shape, sequences, plan.output)
    with working_folder(workdir) as folder:
        done = simulate(
            [harnessed],
            [expected],
            workdir=folder,
            simulator=simulator,
            seed=seed,
            runs=runs,
            waves=waves,
            bench_dir=bench_dir,
        )
        run = done.kept
        cycles = run.recorded[0].cycles if run.passed else None
        got = in_batch_order(run.words[0], codes.shape, sequences, plan.output) if run.passed else None
    reference = FloatNetwork(network).run(x)
    fixed = model.decode(words)
    accuracy = None
    if labels is not None:
        some = np.arange(len(labels)) if scored is None else scored
        forms = {"float": reference, "fixed": words, "rtl": got}
        accuracy = {
            form: None if outputs is None else _share(outputs[some], labels[some]) for form, outputs in forms.items()
        }
    return NetworkCosim(
        digital=_digital(done, codes, words, got, str(simulator)),
        fixed_vs_float=NetworkDeviation(
            max_error=float(np.abs(fixed - reference).max()),
            nrmse=nrmse(fixed, reference) if np.any(reference) else None,
            different_classes=_different(words, reference) if plan.outputs > 1 else None,
        ),
        accuracy=accuracy,
        outputs_float=reference,
        outputs_fixed=fixed,
        outputs_rtl=None if got is None else model.decode(got),
        cycles=None if cycles is None else int(cycles[-1, -1]) + 1,
        waveform=done.waveform,
    )


def _digital(
    done: Simulated, codes: IntArray, words: IntArray, got: IntArray | None, simulator: str
) -> NetworkDigitalCheck:
    found = DigitalCheck.of_runs(done, words.size, simulator)
    return NetworkDigitalCheck(
        sequences=int(codes.shape[0]),
        samples=int(codes.shape[0] * codes.shape[1]),
        words=found.beats,
        mismatches=found.mismatches,
        different_classes=None if got is None else _different(got, words),
        simulator=simulator,
        messages=found.messages,
        passed=found.passed,
        runs=found.runs,
    )


def _different(outputs: IntArray | Array, others: IntArray | Array) -> int:
    return int(np.sum(classes_of(outputs) != classes_of(others)))


def _share(outputs: IntArray | Array, labels: IntArray) -> float:
    return float(np.mean(classes_of(outputs) == labels))
