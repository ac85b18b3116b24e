"""A generated module as next-state functions over integers and solver terms: Verilog → Yosys → BTOR2 → steps.

BTOR2 (Niemetz, Preiner, Wolf and Biere, CAV 2018) lists a circuit word by word, each line computed from earlier ones.
A word here is an int if its value is known, and a term of Bitwuzla otherwise. With known control signals, the terms of
a step are just the arithmetic on unknown data.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lmu_hw.errors import CheckFailed, MissingToolError
from lmu_hw.sim.formal.solver import OPERATIONS, Bits, Solver

_YOSYS = "import sys\nfrom pyosys import libyosys\nfor command in sys.argv[1:]: libyosys.run_pass(command)"
_TIMEOUT_S = 300


@dataclass(frozen=True)
class Register:
    """A register of a netlist.

    Attributes:
        width: The number of bits.
        line: The line of its present word.
        start: The line of its word after configuration; 0 if none is given.
        next: The line of its word after the next clock edge.
    """

    width: int
    line: int
    start: int
    next: int


@dataclass(frozen=True)
class Netlist:
    """A synchronous circuit.

    Attributes:
        lines: The operation, the width and the arguments of each line, by its number.
        inputs: The line of each input, by name; unknown values inside the circuit ('x) are inputs without a name.
        outputs: The line of each output's word, by name.
        registers: The registers by hierarchical name.
    """

    lines: Mapping[int, tuple[str, int, tuple[Any, ...]]]
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]
    registers: Mapping[str, Register]

    def width(self, line: int) -> int:
        """Return the width of the word on a line, in bits."""
        return self.lines[line][1]

    def start(self, blank: Callable[[int, str], Bits]) -> dict[str, Bits]:
        """Return the words of the registers after configuration; `blank(width, name)` makes those not given."""
        words: dict[int, Bits] = {}
        for number, line in self.lines.items():
            if line[0] == "const":
                words[number] = line[2][0]
        return {name: words[r.start] if r.start else blank(r.width, name) for name, r in self.registers.items()}

    def step(
        self,
        solver: Solver,
        state: Mapping[str, Bits],
        inputs: Mapping[str, Bits],
        blank: Callable[[int, str], Bits],
    ) -> tuple[dict[str, Bits], dict[str, Bits]]:
        """Compute the outputs and the next state of a clock cycle.

        Args:
            solver: The solver that makes the terms.
            state: The word of every register.
            inputs: The words of the inputs by name.
            blank: A function that makes the word of a missing input from its width and name.

        Returns:
            The words of the outputs in this cycle, and those of the registers after it, by name.
        """
        words: dict[int, Bits] = {}
        given = {line: inputs[name] for name, line in self.inputs.items() if name in inputs}
        held = {register.line: state[name] for name, register in self.registers.items()}
        for number, (operation, width, arguments) in self.lines.items():
            if operation == "const":
                word = arguments[0]
            elif operation == "state":
                word = held[number]
            elif operation == "input":
                word = given[number] if number in given else blank(width, f"input_{number}")
            elif operation == "slice":
                word = solver.slice(words[arguments[0]], arguments[2], width)
            elif operation in ("uext", "sext"):
                source = arguments[0]
                word = solver.extend(words[source], self.width(source), width, operation == "sext")
            elif operation == "ite":
                condition, yes, no = (words[a] for a in arguments)
                word = solver.choose(condition, yes, no, width)
            else:
                values = [words[a] for a in arguments]
                word = solver.apply(operation, [self.width(a) for a in arguments], values, width)
            words[number] = word
        outputs = {name: words[line] for name, line in self.outputs.items()}
        return outputs, {name: words[register.next] for name, register in self.registers.items()}


def read_netlist(verilog: str, top: str, memory_files: Mapping[str, str] | None = None) -> Netlist:
    """Return the netlist of a module, flattened by Yosys; memories become registers.

    Args:
        verilog: The source text.
        top: The name of the module.
        memory_files: The text of each file that the source reads with `$readmemh`, by its name.

    Raises:
        MissingToolError: Yosys is not installed.
        CheckFailed: Yosys reports an error, or writes a line that is not known here.
    """
    try:
        import pyosys  # noqa: F401 - it runs in a process of its own, which an error of Yosys ends
    except ImportError:
        raise MissingToolError("pyosys", "pip install 'lmu-hw[formal]'") from None
    with tempfile.TemporaryDirectory(prefix="lmu_hw_") as folder:
        source, target = Path(folder) / "top.v", Path(folder) / "top.btor"
        source.write_text(verilog, encoding="utf-8")
        for name, text in (memory_files or {}).items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        commands = [
            f"read_verilog -sv {source}",
            f"hierarchy -check -top {top}",
            "proc",
            "flatten",
            "memory -nomap",
            "memory_map",
            "opt_clean",
            "dffunmap",
            f"write_btor {target}",
        ]
        done = subprocess.run(
            [sys.executable, "-c", _YOSYS, *commands],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        if done.returncode or not target.is_file():
            last = (done.stderr or done.stdout).strip().splitlines()[-1:]
            raise CheckFailed(f"Yosys refuses the Verilog: {' '.join(last)}")
        return parse_btor(target.read_text(encoding="utf-8"))


def parse_btor(text: str) -> Netlist:
    """Return the netlist that a BTOR2 text without arrays describes.

    Raises:
        CheckFailed: A line is of a kind that is not known here.
    """
    sorts: dict[int, int] = {}
    lines: dict[int, tuple[str, int, tuple[Any, ...]]] = {}
    inputs: dict[str, int] = {}
    outputs: dict[str, int] = {}
    names: dict[int, str] = {}
    starts: dict[int, int] = {}
    following: dict[int, int] = {}
    for row in text.splitlines():
        fields = row.split(";", 1)[0].split()
        if not fields:
            continue
        number, kind, rest = int(fields[0]), fields[1], fields[2:]
        if kind == "sort" and rest[0] == "bitvec":
            sorts[number] = int(rest[1])
        elif kind in ("input", "state"):
            lines[number] = (kind, sorts[int(rest[0])], ())
            name = rest[1] if len(rest) > 1 else f"${kind}_{number}"
            if kind == "state":
                names[number] = name
            elif len(rest) > 1:
                inputs[name] = number
        elif kind == "output":
            outputs[rest[1]] = int(rest[0])
        elif kind == "init":
            starts[int(rest[1])] = int(rest[2])
        elif kind == "next":
            following[int(rest[1])] = int(rest[2])
        elif kind in ("const", "constd", "consth"):
            value = int(rest[1], {"const": 2, "constd": 10, "consth": 16}[kind])
            lines[number] = ("const", sorts[int(rest[0])], (value,))
        elif kind in ("zero", "one", "ones"):
            width = sorts[int(rest[0])]
            lines[number] = ("const", width, ({"zero": 0, "one": 1, "ones": (1 << width) - 1}[kind],))
        elif kind == "slice":
            arguments = tuple(int(field) for field in rest[1:4])
            lines[number] = (kind, sorts[int(rest[0])], arguments)
        elif kind in ("uext", "sext"):
            lines[number] = (kind, sorts[int(rest[0])], (int(rest[1]),))
        elif kind == "ite" or kind in OPERATIONS:
            count = 3 if kind == "ite" else _arity(kind)
            lines[number] = (kind, sorts[int(rest[0])], tuple(int(field) for field in rest[1 : 1 + count]))
        else:
            raise CheckFailed(f"BTOR2 line not understood: {row}")
    registers = {
        names[line]: Register(lines[line][1], line, starts.get(line, 0), following.get(line, line)) for line in names
    }
    return Netlist(lines, inputs, outputs, registers)


def _arity(operation: str) -> int:
    return 1 if operation in ("not", "neg", "inc", "dec", "redand", "redor", "redxor") else 2
