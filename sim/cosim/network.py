"""Co-simulation of one network: Verilog against integers, integers against floats, classes against labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.core.metrics import nrmse
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.networks.model import Network
from lmu_hw.networks.quantize.model import IntegerNetwork
from lmu_hw.networks.quantize.plan import NetworkPlan
from lmu_hw.networks.reference import FloatNetwork
from lmu_hw.rtl.interface.emission import VerilogDesign
from lmu_hw.sim.cosim.base import Cosim
from lmu_hw.sim.hdl.runner import Simulator
from lmu_hw.sim.targets.network import HarnessedNetwork, NetworkStimulus, in_batch_order
from lmu_hw.sim.targets.run import Run, run_targets


@dataclass(frozen=True)
class NetworkDigitalCheck:
    """Verilog against the integer model.

    Attributes:
        sequences, samples: The number of sequences that ran, and the number of their steps together.
        words: The number of output words that came and were compared.
        mismatches: The number of words that differ, have a wrong index, class or flag, are missing or too many.
        different_classes: The number of sequences whose class, after the last step, is not the integer model's; None
            where the bench failed.
        simulator: The HDL simulator.
        messages: What the bench complained about.
        passed: Whether everything was compared and nothing differs.
    """

    sequences: int
    samples: int
    words: int
    mismatches: int
    different_classes: int | None
    simulator: str
    messages: tuple[str, ...]
    passed: bool


@dataclass(frozen=True)
class NetworkDeviation:
    """Integer words against the float network; no bound is proved of it.

    Attributes:
        max_error: The largest deviation of an output.
        nrmse: The root mean square of the deviation over that of the outputs; None where those are all zero.
        different_classes: The number of sequences whose class differs; None where there is one output.
    """

    max_error: float
    nrmse: float | None
    different_classes: int | None


@dataclass(frozen=True, eq=False)
class NetworkCosim(Cosim):
    """Everything that the co-simulation of a network found.

    Attributes:
        digital: Verilog against the integer model.
        fixed_vs_float: The integer model against the float network.
        accuracy: The shares of the labels that the forms "float", "fixed" and "rtl" give, the last one None where the
            bench failed; None without labels.
        outputs_float, outputs_fixed: The outputs of the float network and of the integer model, shape
            (batch, [T,] outputs).
        outputs_rtl: The outputs of the Verilog; None where the bench failed.
        cycles: The clock cycles from the first word in to the last word out, both included; None where the bench
            failed.
        waveform: The file with all signals, where one was recorded.
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
    workdir: Path,
    labels: IntArray | None = None,
    simulator: Simulator | str = Simulator.VERILATOR,
    seed: int = 0,
    gap: float = 0.1,
    stall: float = 0.1,
    waves: bool = False,
) -> NetworkCosim:
    """Run all checks on one network with one batch of sequences.

    Args:
        network: The network in float.
        plan: The network in fixed point.
        design: The Verilog to check.
        x: The sequences in the units of the network's input, shape (batch, T, inputs).
        workdir: The folder for builds, logs and recordings.
        labels: The class of each sequence, shape (batch,).
        simulator: The HDL simulator, verilator or icarus.
        seed: The seed of gaps, stalls and cocotb.
        gap, stall: The shares of cycles without a word offered, or without one taken.
        waves: Whether all signals are recorded.

    Raises:
        DesignError: An argument is wrong.
        MissingToolError: A simulator is not installed.
    """
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
    run = run_targets([harnessed], workdir=workdir, simulator=simulator, seed=seed, waves=waves, expected=[expected])
    words = in_batch_order(expected, codes.shape, sequences, plan.output)
    cycles = run.recorded[0].cycles if run.passed else None
    got = in_batch_order(run.words[0], codes.shape, sequences, plan.output) if run.passed else None
    reference = FloatNetwork(network).run(x)
    fixed = model.decode(words)
    accuracy = None
    if labels is not None:
        forms = {"float": reference, "fixed": words, "rtl": got}
        accuracy = {form: None if outputs is None else _share(outputs, labels) for form, outputs in forms.items()}
    return NetworkCosim(
        digital=_digital(run, codes, words, got, str(simulator)),
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
        waveform=run.bench.waveform,
    )


def _digital(run: Run, codes: IntArray, words: IntArray, got: IntArray | None, simulator: str) -> NetworkDigitalCheck:
    score = run.scores[0] if run.scores else None
    return NetworkDigitalCheck(
        sequences=int(codes.shape[0]),
        samples=int(codes.shape[0] * codes.shape[1]),
        words=score.checked if score else 0,
        mismatches=score.mismatches if score else int(words.size),
        different_classes=None if got is None else _different(got, words),
        simulator=simulator,
        messages=run.bench.messages,
        passed=run.passed,
    )


def classes_of(outputs: IntArray | Array) -> IntArray:
    """The class after the last step, from outputs of shape (batch, [T,] outputs): the first of the largest."""
    last = outputs if outputs.ndim == 2 else outputs[:, -1]
    classes: IntArray = np.argmax(last, axis=-1)
    return classes


def _different(outputs: IntArray | Array, others: IntArray | Array) -> int:
    return int(np.sum(classes_of(outputs) != classes_of(others)))


def _share(outputs: IntArray | Array, labels: IntArray) -> float:
    return float(np.mean(classes_of(outputs) == labels))
