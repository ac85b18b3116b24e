"""The contents of a network's ROMs: its program, and weights and biases in the order in which a step reads them.

A row with the weights or biases of all lanes is a plain integer, that of lane 0 in the lowest bits, because the Verilog
of large tables is generated fast in this form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from amaranth.lib.data import ArrayLayout

from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.rtl.network.program import Program, Run
from lmu_hw.rtl.primitives.bundles import Fields
from lmu_hw.rtl.primitives.storage import RomContents


@dataclass(frozen=True)
class Words:
    """The widths of the numbers that the lanes of a network work on.

    Attributes:
        word: The width of a word that is read from a vector, in bits.
        weight: The width of a weight, in bits.
        sum: The width of an accumulator, in bits.
        least_shift: The least alignment shift of all products; every product is shifted left by that many bits.
        alignment_shift: The width in bits of the number by which a product is shifted beyond `least_shift`; 0 where all
            products are shifted alike.
    """

    word: int
    weight: int
    sum: int
    least_shift: int
    alignment_shift: int


def words_of(program: Program) -> Words:
    """The widths that hold every word, weight, sum and alignment shift of a network."""
    segments = {id(run.segment): run.segment for run in program.runs if run.segment is not None}
    alignment_shifts = np.concatenate([segment.alignment_shifts for segment in segments.values()])
    return Words(
        word=max(vector.width for vector in program.vectors),
        weight=max(each.plan.weight_bits for each in program.maps),
        sum=max(each.plan.accumulator.width for each in program.maps),
        least_shift=int(alignment_shifts.min()),
        alignment_shift=int(alignment_shifts.max() - alignment_shifts.min()).bit_length(),
    )


def weight_rom(program: Program, words: Words) -> RomContents:
    """The weights: a row for each slot of a step, with a weight for each lane."""
    rows: list[int] = []
    for run in program.runs:
        if run.segment is not None:
            block = run.segment.weights[run.rows.start : run.rows.stop].T
            rows += _side_by_side(block, words.weight)
    return RomContents(words.weight * program.lanes, rows)


def bias_rom(program: Program, words: Words) -> RomContents:
    """The biases: a row for each group of a step, with a bias for each lane."""
    blocks = (program.maps[run.map].plan.bias[run.rows.start : run.rows.stop] for run in program.groups)
    return RomContents(
        words.sum * program.lanes, [row for block in blocks for row in _side_by_side(block[None], words.sum)]
    )


def _side_by_side(block: IntArray, bits: int) -> list[int]:
    """One plain integer for each row of `block`, of entries of `bits` bits with the first in the lowest bits."""
    codes = block & ((1 << bits) - 1)
    return [sum(code << (bits * k) for k, code in enumerate(row)) for row in codes.tolist()]


def run_layout(program: Program, words: Words) -> Fields:
    """The layout of a run in the ROM of the program."""
    longest = max(program.cycles_per_step, program.cycles_per_last_step)
    return Fields(
        {
            "last_cycle": range(longest),  # the number of cycles, less one
            "issues": 1,  # words are issued; otherwise the run waits
            "vector": range(max(2, len(program.vectors))),
            "previous": 1,  # the words are those of the step before
            "opens": 1,  # the first run of its group
            "closes": 1,  # the last run of its group
            "map": range(max(2, len(program.maps))),
            "last_row": range(program.lanes),  # the number of rows of the group, less one
            "ends_step": 1,  # the last run of a step without outputs
            "ends_last": 1,  # the last run of a step with outputs
            "skips": 1,  # a step with outputs goes on with the run after the next one
            "alignment_shifts": ArrayLayout(words.alignment_shift, program.lanes),
        }
    )


def program_rom(program: Program, words: Words) -> RomContents:
    """The runs of a step in order.

    Where only some steps give outputs, the runs of a step without outputs come first. The run in which such a step
    waits at its end is skipped by steps with outputs.
    """
    normal, others = program.runs[: program.normal_runs], program.runs[program.normal_runs :]
    if not others:
        entries = _ended(program, words, normal, program.cycles_per_last_step, "ends_step", "ends_last")
        return RomContents(run_layout(program, words), entries)
    first = _ended(program, words, normal, program.cycles_per_step, "ends_step")
    if len(first) > len(normal):
        first[-2]["skips"] = 1
    spent = sum(run.cycles for run in normal)
    rest = _ended(program, words, others, program.cycles_per_last_step - spent, "ends_last")
    return RomContents(run_layout(program, words), [*first, *rest])


def _ended(program: Program, words: Words, runs: tuple[Run, ...], cycles: int, *ends: str) -> list[dict[str, Any]]:
    """The ROM entries of runs, followed by one that waits until `cycles` cycles are over; the last has the flags."""
    entries = [_entry(program, words, run) for run in runs]
    if left := cycles - sum(run.cycles for run in runs):
        entries.append({"last_cycle": left - 1})
    entries[-1].update(dict.fromkeys(ends, 1))
    return entries


def _entry(program: Program, words: Words, run: Run) -> dict[str, Any]:
    """The field values of a run by name."""
    if run.segment is None:
        return {"last_cycle": run.cycles - 1}
    alignment_shifts = run.segment.alignment_shifts[run.rows.start : run.rows.stop] - words.least_shift
    return {
        "last_cycle": run.cycles - 1,
        "issues": 1,
        "vector": run.vector,
        "previous": int(run.segment.source.previous),
        "opens": int(run.opens),
        "closes": int(run.closes),
        "map": run.map,
        "last_row": len(run.rows) - 1,
        "alignment_shifts": [*alignment_shifts.tolist(), *[0] * (program.lanes - len(run.rows))],
    }
