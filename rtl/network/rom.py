"""What the read-only memories of a network hold: weights and biases in the order in which a step takes them up.

Weights and biases are plain words, those of the first row lowest, which large tables are emitted fast as.
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
    """Widths of what the lanes take up.

    Attributes:
        word: of a word that is read from a vector, bits.
        weight: of a weight.
        sum: of an accumulator.
        least_shift: the least alignment shift of all products.
        alignment_shift: bits that say by how much more each product is shifted.
    """

    word: int
    weight: int
    sum: int
    least_shift: int
    alignment_shift: int


def words_of(program: Program) -> Words:
    """The widths that hold all of a network's words, weights, sums and alignment shifts."""
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
    """A weight for each lane in each slot."""
    rows: list[int] = []
    for run in program.runs:
        if run.segment is not None:
            block = run.segment.weights[run.rows.start : run.rows.stop].T
            rows += _side_by_side(block, words.weight)
    return RomContents(words.weight * program.lanes, rows)


def bias_rom(program: Program, words: Words) -> RomContents:
    """A bias for each lane in each group."""
    blocks = (program.maps[run.map].plan.bias[run.rows.start : run.rows.stop] for run in program.groups)
    return RomContents(
        words.sum * program.lanes, [row for block in blocks for row in _side_by_side(block[None], words.sum)]
    )


def _side_by_side(block: IntArray, bits: int) -> list[int]:
    """One word for each row of `block`, its first entry in the lowest bits."""
    codes = block & ((1 << bits) - 1)
    return [sum(code << (bits * k) for k, code in enumerate(row)) for row in codes.tolist()]


def run_layout(program: Program, words: Words) -> Fields:
    """A run in the program's memory."""
    longest = max(program.cycles_per_step, program.cycles_per_last_step)
    return Fields(
        {
            "last_cycle": range(longest),  # counted from 0
            "issues": 1,  # else it waits
            "vector": range(max(2, len(program.vectors))),
            "previous": 1,
            "opens": 1,
            "closes": 1,
            "map": range(max(2, len(program.maps))),
            "last_row": range(program.lanes),  # of the group, counted from 0
            "ends_step": 1,  # of one without outputs
            "ends_last": 1,  # of one with outputs
            "skips": 1,  # a step with outputs leaves out the next run
            "alignment_shifts": ArrayLayout(words.alignment_shift, program.lanes),
        }
    )


def program_rom(program: Program, words: Words) -> RomContents:
    """All runs; those of a step without outputs first, with the waiting at its end, which other steps leave out."""
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
    """The entries of `runs`, with one that waits until `cycles` have gone by, and flags at the last one."""
    entries = [_entry(program, words, run) for run in runs]
    if left := cycles - sum(run.cycles for run in runs):
        entries.append({"last_cycle": left - 1})
    entries[-1].update(dict.fromkeys(ends, 1))
    return entries


def _entry(program: Program, words: Words, run: Run) -> dict[str, Any]:
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
