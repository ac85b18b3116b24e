"""Co-simulation of one network: Verilog against integers, integers against floats, classes against labels."""

from __future__ import annotations

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
from lmu_hw.rtl.memory.verilog import VerilogDesign
from lmu_hw.sim.hdl.runner import Simulator
from lmu_hw.sim.targets.network import HarnessedNetwork, NetworkRun, NetworkStimulus, in_batch_order, run_networks


@dataclass(frozen=True)
class NetworkDigitalCheck:
    """Verilog against the integer model.

    Attributes:
        sequences, samples: sequences that ran, and their steps together.
        words: output words that came and were compared.
        mismatches: words that differ, and words with a wrong index, class or flag, missing or too many.
        different_classes: sequences whose class, after the last step, is not the integer model's; None where the
            bench failed.
        simulator: which.
        messages: of the bench.
        passed: everything was compared and nothing differs.
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
        max_error: largest deviation of an output.
        nrmse: root mean square of the deviation over that of the outputs; None where those are all zero.
        different_classes: sequences whose class differs; None where there is one output.
    """

    max_error: float
    nrmse: float | None
    different_classes: int | None


@dataclass(frozen=True, eq=False)
class NetworkCosim:
    """Everything that one co-simulation found.

    Attributes:
        digital: Verilog against the integer model.
        fixed_vs_float: the integer model against the float network.
        accuracy: shares of the labels that the forms "float", "fixed" and "rtl" give, the last one None where the
            bench failed; None without labels.
        outputs_float, outputs_fixed: shape (batch, [T,] outputs).
        outputs_rtl: likewise; None where the bench failed.
        cycles: clock cycles from the first word in to the last word out, both included; None where the bench failed.
        waveform: where one was recorded.
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
        """Every check held."""
        return self.digital.passed

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain values."""
        digital = vars(self.digital) | {"messages": list(self.digital.messages)}
        return {
            "digital": digital,
            "fixed_vs_float": vars(self.fixed_vs_float) | {"bound": None},
            "accuracy": self.accuracy,
            "analog": None,
            "passed": self.passed,
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
        network: in float.
        plan: of the network.
        design: the Verilog to check.
        x: in the units of the network's input, shape (batch, T, inputs).
        workdir: folder for builds, logs and recordings.
        labels: the class of each sequence, shape (batch,).
        simulator: verilator or icarus.
        seed: of gaps, stalls and cocotb.
        gap, stall: shares of cycles without a word offered, or without one taken.
        waves: record all signals.

    Raises:
        DesignError: an argument is wrong.
        MissingToolError: a simulator is not installed.
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
    expected = harnessed.model_outputs()
    run = run_networks([harnessed], workdir=workdir, simulator=simulator, seed=seed, waves=waves, expected=[expected])
    words = in_batch_order(expected, codes.shape, sequences, plan.output)
    got = in_batch_order(run.answers[0].words, codes.shape, sequences, plan.output) if run.passed else None
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
        cycles=int(run.answers[0].cycles[-1]) + 1 if run.passed else None,
        waveform=run.bench.waveform,
    )


def _digital(
    run: NetworkRun, codes: IntArray, words: IntArray, got: IntArray | None, simulator: str
) -> NetworkDigitalCheck:
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
