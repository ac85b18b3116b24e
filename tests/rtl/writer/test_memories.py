"""Memories as text: what tools infer, and contents that they read in linear time."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Module
from amaranth.lib import memory
from amaranth.lib.wiring import Component, In, Out
from amaranth.utils import ceil_log2

from lmu_hw.rtl.interface.emission import emit
from lmu_hw.rtl.writer.modules import Source


class Rom(Component):
    """A ROM with a registered read port."""

    def __init__(self, width: int, words: list[int]) -> None:
        self._width, self._words = width, words
        super().__init__({"address": In(ceil_log2(len(words))), "word": Out(width)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.table = table = memory.Memory(shape=self._width, depth=len(self._words), init=self._words)
        read = table.read_port()
        m.d.comb += [read.addr.eq(self.address), self.word.eq(read.data)]
        return m


class Ram(Component):
    """A RAM with one port of each kind."""

    def __init__(self, width: int, depth: int, *, registered: bool = True) -> None:
        self._width, self._depth, self._registered = width, depth, registered
        super().__init__({"address": In(ceil_log2(depth)), "data": In(width), "write": In(1), "word": Out(width)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.words = words = memory.Memory(shape=self._width, depth=self._depth, init=[])
        write, read = words.write_port(), words.read_port(domain="sync" if self._registered else "comb")
        m.d.comb += [write.addr.eq(self.address), write.data.eq(self.data), write.en.eq(self.write)]
        m.d.comb += [read.addr.eq(self.address), self.word.eq(read.data)]
        return m


class Both(Component):
    """Two ROMs of the same contents."""

    def __init__(self, words: list[int]) -> None:
        self._words = words
        super().__init__({"address": In(10), "word": Out(10)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.first, m.submodules.second = first, second = Rom(10, self._words), Rom(10, self._words)
        m.d.comb += [first.address.eq(self.address), second.address.eq(first.word), self.word.eq(second.word)]
        return m


def _source(component: Any) -> Source:
    ports = [
        (name, "input" if member.flow is In else "output", getattr(component, name), "")
        for name, member in component.signature.members.items()
    ]
    return emit(component, ports, "top")


def _words(count: int, bits: int) -> list[int]:
    chance = random.Random(count)
    return [chance.getrandbits(bits) for _ in range(count)]


def test_a_small_rom_has_its_words_in_the_text() -> None:
    source = _source(Rom(8, [1, 2, 250]))
    assert "table_[2] = 8'hfa;" in source.text
    assert not source.memory_files


def test_a_large_rom_reads_a_file_with_a_word_in_each_line() -> None:
    words = _words(300, 10)
    source = _source(Rom(10, words))
    assert '  initial $readmemh("top_table_.hex", table_);' in source.text
    (text,) = source.memory_files.values()
    assert [int(line, 16) for line in text.splitlines()] == words


def test_roms_of_the_same_contents_share_a_file_and_their_module() -> None:
    source = _source(Both(_words(600, 10)))
    assert len(source.memory_files) == 1
    assert source.text.count("endmodule") == 2


@pytest.mark.parametrize(
    ("component", "style"),
    [
        (Rom(32, _words(128, 32)), "rom_style"),
        (Rom(32, _words(127, 32)), ""),  # smaller than any block
        (Rom(512, _words(16, 512)), ""),  # too shallow
        (Ram(32, 128), "ram_style"),
        (Ram(32, 128, registered=False), ""),  # block RAM has registered read ports only
    ],
)
def test_what_fills_a_block_is_marked_as_block_ram(component: Component, style: str) -> None:
    found = re.findall(r'\(\* (\w+) = "block" \*\) reg', _source(component).text)
    assert found == [style] * bool(style)


def test_a_memory_that_is_written_starts_undefined() -> None:
    assert "initial" not in _source(Ram(8, 16)).text


def test_yosys_elaborates_a_rom_of_200_000_words(tmp_path: Path) -> None:
    """One cell holds all contents; a cell for each word would take Yosys hours."""
    pytest.importorskip("pyosys")
    words = _words(200_000, 32)
    source = _source(Rom(32, words))
    (tmp_path / "top.v").write_text(source.text, encoding="utf-8")
    for name, text in source.memory_files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    passes = ("read_verilog top.v", "proc", "stat", "memory_collect", "write_rtlil top.il")
    script = f"from pyosys import libyosys\nfor each in {passes}: libyosys.run_pass(each)"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    (cells,) = re.findall(r"(\d+) +\$meminit_v2", done.stdout)
    assert int(cells) == 1
    (init,) = re.findall(r"parameter \\INIT 6400000'([01]+)", (tmp_path / "top.il").read_text(encoding="utf-8"))
    assert [int(init[len(init) - 32 * (k + 1) : len(init) - 32 * k], 2) for k in (0, 1, 199_999)] == [
        words[k] for k in (0, 1, 199_999)
    ]
