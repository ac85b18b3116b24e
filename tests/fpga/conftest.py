"""Programs that take the place of Yosys and nextpnr, so that what is around them is tested without them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

_YOSYS = """
import json, pathlib, sys
if "--version" in sys.argv: print("Yosys 1"); sys.exit()
pathlib.Path("yosys.calls").open("a").write(sys.argv[-1] + "\\n")
cells = {**{f"l{k}": {"type": "LUT4"} for k in range(7)}, "c": {"type": "CCU2C"}, "f": {"type": "TRELLIS_FF"},
         **{f"m{k}": {"type": "MULT18X18D"} for k in range(MULTIPLIERS)}}
name = [p.stem for p in pathlib.Path().glob("*.v") if p.stem != "lmu_hw_fpga"][0]
pathlib.Path("design.json").write_text(json.dumps({"modules": {name: {"cells": cells}}})[:LENGTH])
"""
_NEXTPNR = """
import json, pathlib, sys
if "--version" in sys.argv: print("nextpnr 1"); sys.exit()
value = lambda flag: sys.argv[sys.argv.index(flag) + 1]
seed = int(value("--seed"))
pathlib.Path("nextpnr.calls").open("a").write(" ".join(sys.argv[1:]) + "\\n")
if FAILS: print("Info: x"); print("ERROR: no room"); print("1 warning, 1 error"); sys.exit(1)
stretch = lambda delay, cell, net="": {"delay": delay, "to": {"cell": cell}, **({"net": net} if net else {})}
path = [stretch(0.5, "dut.a.x_TRELLIS_FF_Q_3"), stretch(1.0, "b", "dut.a.x[3]"), stretch(0.25, "$abc$12"),
        stretch(2.0, "dut.a.sum_CCU2C_S0_A1")]
report = {"fmax": {"clk": {"achieved": 100.0 + 10 * (seed % 3)}}, "critical_paths": [
    {"from": "<async>", "to": "posedge clk", "path": []}, {"from": "posedge clk", "to": "posedge clk", "path": path}]}
pathlib.Path(value("--report")).write_text(json.dumps(report))
"""


@pytest.fixture
def fake_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeTools:
    """Yosys and nextpnr-ecp5 by which every design takes the same cells and every seed has its own clock."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "bin").mkdir()
    return FakeTools(tmp_path)


class FakeTools:
    """The programs that were put in place.

    Args:
        folder: The folder of the test.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.put()

    def put(self, *, multipliers: int = 1, length: int = 1 << 30, fails: bool = False) -> None:
        """Write the programs.

        Args:
            multipliers: The number of multipliers that a design takes.
            length: The number of characters after which a netlist is cut off.
            fails: Whether place and route fails.
        """
        settings = {"MULTIPLIERS": str(multipliers), "LENGTH": str(length), "FAILS": str(fails)}
        for name, text in (("yosys", _YOSYS), ("nextpnr-ecp5", _NEXTPNR)):
            for key, value in settings.items():
                text = text.replace(key, value)
            program = self.folder / "bin" / name
            program.write_text(f"#!{sys.executable}\n{text}", encoding="utf-8")
            program.chmod(0o755)

    def calls(self, tool: str) -> list[str]:
        """The arguments of each call of a program, `--version` apart."""
        return [
            line
            for path in sorted(self.folder.rglob(f"{tool}.calls"))
            for line in path.read_text(encoding="utf-8").splitlines()
        ]
