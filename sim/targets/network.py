"""Networks as targets: their stimulus and the beats that are expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import IntArray, QFormat
from lmu_hw.io.files import working_folder
from lmu_hw.networks.model import Output
from lmu_hw.networks.quantize.model import IntegerNetwork
from lmu_hw.networks.quantize.plan import NetworkPlan
from lmu_hw.rtl.interface.emission import VerilogDesign
from lmu_hw.rtl.network import generate_network_verilog
from lmu_hw.sim.hdl.runner import Simulator
from lmu_hw.sim.targets.base import Expected, Numbers, Recorded, Stream, Target, Traffic, input_words
from lmu_hw.sim.targets.run import run_targets
from lmu_hw.sim.targets.scoreboard import Beats

Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False, repr=False)
class NetworkStimulus(Traffic):
    """The stimulus of a network: the steps of sequences that run side by side.

    Attributes:
        codes: The input words, shape (steps, sequences, inputs).
        first, last: The steps at which a sequence starts, and those at which it ends, shape (steps, sequences).

    Raises:
        DesignError: A shape is another, or a share is out of its range.
    """

    codes: IntArray
    first: Flags
    last: Flags

    def __post_init__(self) -> None:
        if self.codes.ndim != 3 or self.codes.size == 0:
            raise DesignError("codes", "of shape (steps, sequences, inputs), not empty", self.codes.shape)
        for what, flags in (("first", self.first), ("last", self.last)):
            if flags.shape != self.codes.shape[:2]:
                raise DesignError(what, f"of shape {self.codes.shape[:2]}", flags.shape)
        super().__post_init__()

    @classmethod
    def of_batch(cls, codes: IntArray, sequences: int) -> Self:
        """Return the stimulus of a batch of sequences, `sequences` of them at a time.

        If the batch does not fill the last round, sequences of zeros do.

        Args:
            codes: The input words, shape (batch, T, inputs).
            sequences: The number of sequences side by side.
        """
        batch, steps, inputs = codes.shape
        rounds = -(-batch // sequences)
        padded = np.zeros((rounds * sequences, steps, inputs), dtype=np.int64)
        padded[:batch] = codes
        turns = padded.reshape(rounds, sequences, steps, inputs).transpose(0, 2, 1, 3)
        first = np.zeros((rounds, steps, sequences), dtype=bool)
        last = first.copy()
        first[:, 0], last[:, -1] = True, True
        return cls(turns.reshape(-1, sequences, inputs), first.reshape(-1, sequences), last.reshape(-1, sequences))

    @classmethod
    def side_by_side(cls, rows: Sequence[Sequence[IntArray]]) -> Self:
        """Return the stimulus of sequences of any lengths.

        Args:
            rows: For each place, the sequences that follow each other there, shape (T, inputs) each.

        Raises:
            DesignError: The places do not all have the same number of steps.
        """
        totals = {sum(len(each) for each in row) for row in rows}
        if len(totals) != 1:
            raise DesignError("rows", "of the same number of steps", sorted(totals))
        codes = np.stack([np.concatenate(row) for row in rows], axis=1).astype(np.int64)
        first = np.zeros(codes.shape[:2], dtype=bool)
        last = first.copy()
        for s, row in enumerate(rows):
            ends = np.cumsum([len(each) for each in row])
            last[ends - 1, s] = True
            first[[0, *ends[:-1]], s] = True
        return cls(codes, first, last)

    def with_traffic(self, gap: float, stall: float, seed: int) -> Self:
        """Return the same steps with gaps and back-pressure, see `Traffic`."""
        return replace(self, gap=gap, stall=stall, seed=seed)

    def beginning(self, count: int) -> Self:
        """Return the first `count` steps of every place; the last of them ends its sequence."""
        last = self.last[:count].copy()
        last[-1] = True
        return replace(self, codes=self.codes[:count], first=self.first[:count], last=last)

    @property
    def steps(self) -> int:
        """The number of steps of every place."""
        return int(self.codes.shape[0])

    @property
    def sequences(self) -> int:
        """The number of places, side by side."""
        return int(self.codes.shape[1])


@dataclass(frozen=True, eq=False, repr=False)
class HarnessedNetwork(Target):
    """A network as a target.

    Attributes:
        plan: The fixed-point plan.
        stimulus: The stimulus.
        design: The Verilog under test.

    Raises:
        DesignError: The codes do not fit the number of sequences, of inputs, or the input format.
    """

    plan: NetworkPlan
    stimulus: NetworkStimulus
    design: VerilogDesign

    def __post_init__(self) -> None:
        sequences = int(self.design.manifest["sequences"])
        wanted = (sequences, self.plan.inputs)
        if self.stimulus.codes.shape[1:] != wanted:
            raise DesignError("codes", f"of shape (steps, {sequences}, {wanted[1]})", self.stimulus.codes.shape)
        form = self.plan.input_format
        self.check_codes(self.stimulus.codes, form, f"within the {form.width} bits of the input")

    def with_seed(self, seed: int) -> HarnessedNetwork:
        return replace(self, stimulus=replace(self.stimulus, seed=seed))

    def beginning(self, count: int) -> HarnessedNetwork:
        return replace(self, stimulus=self.stimulus.beginning(count))

    @property
    def resets(self) -> bool:
        """Whether every sequence starts from zero; otherwise state persists."""
        return bool(self.design.manifest["reset"] == "first")

    @property
    def answered(self) -> Flags:
        """The steps of each place that have outputs, shape (steps, sequences)."""
        if self.plan.output is Output.LAST:
            return self.stimulus.last
        return np.ones_like(self.stimulus.last)

    @property
    def traffic(self) -> Traffic:
        return self.stimulus

    @property
    def sent(self) -> int:
        return self.stimulus.steps * self.stimulus.sequences

    @property
    def pace(self) -> int:
        return int(self.design.manifest["cycles_per_last_step"])

    @property
    def streams(self) -> tuple[Stream, ...]:
        return (self.stream("out", 1, int(self.answered.sum()) * self.plan.outputs, timed=True),)

    @property
    def output_format(self) -> QFormat:
        return self.plan.output_format

    def input_words(self) -> IntArray:
        marks = self.stimulus.first[..., None], self.stimulus.last[..., None]
        return input_words(self.stimulus.codes, self.input_bits, *marks)

    def model_words(self) -> IntArray:
        """Return the outputs of the integer model, shape (answered steps, outputs), by step and then by place."""
        codes = self.stimulus.codes
        outputs = np.zeros((*codes.shape[:2], self.plan.outputs), dtype=np.int64)
        for length, places in self._runs().items():  # those of one length are computed together
            inner = [self.answered[start : start + length - 1, s].any() for start, s in places]
            every = any(inner)
            batch = np.stack([codes[start : start + length, s] for start, s in places])
            # A new model for each length: a run starts in the state that the last one left.
            got = IntegerNetwork(self.plan).run(batch, return_sequences=every)
            for row, (start, s) in enumerate(places):
                if every:
                    outputs[start : start + length, s] = got[row]
                else:
                    outputs[start + length - 1, s] = got[row]
        answers: IntArray = outputs[self.answered]
        return answers

    def _runs(self) -> dict[int, list[tuple[int, int]]]:
        """Return the runs of steps that start from zero, by their length: the first step and the place of each."""
        runs: dict[int, list[tuple[int, int]]] = {}
        for s in range(self.stimulus.sequences):
            starts = np.flatnonzero(self.stimulus.first[:, s]) if self.resets else np.zeros(1, dtype=np.int64)
            edges = np.unique(np.concatenate([[0], starts, [self.stimulus.steps]]))
            for start, stop in pairwise(edges.tolist()):
                runs.setdefault(stop - start, []).append((start, s))
        return runs

    def in_beat_order(self, values: Numbers) -> Numbers:
        return values.reshape(-1, 1)

    def expected(self, words: IntArray) -> Mapping[str, Expected]:
        place = np.nonzero(self.answered)[1]
        count = words.shape[1]
        tags = {
            "sequence": np.repeat(place, count),
            "index": np.tile(np.arange(count), len(words)),
            "argmax": running_argmax(words).ravel(),
            "first": np.repeat(self.stimulus.first[self.answered], count),
            "last": np.repeat(self.stimulus.last[self.answered], count),
        }
        return {"out": Expected(self.in_beat_order(words), {name: tag.astype(np.int64) for name, tag in tags.items()})}

    def arranged(self, beats: Mapping[str, Beats]) -> Recorded:
        out, shape = beats["out"], (-1, self.plan.outputs)
        return Recorded(
            out.words.reshape(shape),
            classes=out.tags["argmax"].reshape(shape)[:, -1],
            cycles=out.tags["cycle"].reshape(shape),
        )


def running_argmax(outputs: IntArray) -> IntArray:
    """Return, for each word along the last axis, the index of the largest word up to it, the first of equals."""
    before = np.maximum.accumulate(outputs, axis=-1)[..., :-1]
    rises = np.zeros(outputs.shape, dtype=np.int64)
    rises[..., 1:] = np.where(outputs[..., 1:] > before, np.arange(1, outputs.shape[-1]), 0)
    largest: IntArray = np.maximum.accumulate(rises, axis=-1)
    return largest


run_networks = run_targets
"""The name of `run_targets` for networks in `lmu_hw.sim`."""


def run_network_rtl(
    plan: NetworkPlan,
    codes: IntArray,
    *,
    workdir: str | Path | None = None,
    simulator: Simulator | str = Simulator.VERILATOR,
    lanes: int = 1,
    sequences: int = 1,
    seed: int = 0,
) -> IntArray:
    """Run the generated Verilog of a network and compare every word with the integer model.

    Args:
        plan: The fixed-point plan.
        codes: The input words, shape (batch, T, inputs).
        workdir: The folder for the build, the logs and the recordings; by default a temporary one, which is removed.
        simulator: The HDL simulator, verilator or icarus.
        lanes: The number of multipliers of each sequence.
        sequences: The number of sequences side by side.
        seed: The seed of cocotb.

    Returns:
        The output words, shape (batch, T, outputs), or (batch, outputs) if the network has one output per sequence.

    Raises:
        DesignError: An argument is wrong.
        MissingToolError: The simulator is not installed.
        CheckFailed: The Verilog differs from the integer model, or the bench failed.
    """
    design = generate_network_verilog(plan, lanes=lanes, sequences=sequences)
    network = HarnessedNetwork(plan, NetworkStimulus.of_batch(codes, sequences), design)
    with working_folder(workdir) as folder:
        words = run_targets([network], workdir=folder, simulator=simulator, seed=seed).checked_words(0)
    return in_batch_order(words, codes.shape, sequences, plan.output)


def in_batch_order(words: IntArray, shape: tuple[int, ...], sequences: int, output: Output) -> IntArray:
    """Return the outputs for the stimulus `NetworkStimulus.of_batch` in the order of the batch.

    Args:
        words: The output words in the order of the stimulus, shape (answered steps, outputs).
        shape: The shape of the batch's codes, (batch, T, inputs).
        sequences: The number of sequences side by side.
        output: Whether the network answers every step or the last one.

    Returns:
        The words, shape (batch, T, outputs), or (batch, outputs) if the network answers the last step.
    """
    batch, steps = shape[:2]
    if output is Output.LAST:
        return words[:batch]
    turns = words.reshape(-1, steps, sequences, words.shape[1]).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(turns.reshape(-1, steps, words.shape[1])[:batch])
