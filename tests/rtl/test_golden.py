"""The Verilog of small designs, word by word."""

from __future__ import annotations

import pytest

from tests.rtl.golden import DESIGNS, GOLDEN, golden_path


@pytest.mark.parametrize("name", DESIGNS)
def test_the_text_is_the_golden_one(name: str) -> None:
    assert DESIGNS[name]().text == golden_path(name).read_text(encoding="utf-8")


def test_every_golden_file_has_a_design() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {golden_path(name).name for name in DESIGNS}
