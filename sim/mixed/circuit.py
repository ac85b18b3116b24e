"""Run a SPICE circuit in lock-step inside an HDL simulation: ngspice by way of the spicebind plug-in.

The circuit becomes a Verilog module whose ports are real numbers, in volts. Once per period T, at k·T + offset
with k = 1, 2, …, a bench reads the outputs and then sets the inputs:

- ngspice has a breakpoint at every k·T, so what the bench reads is the solution at k·T itself;
- the offset (1/50 000 of the period) is shorter than ngspice's first step after a breakpoint, so new inputs hold
  from k·T on: the circuit sees a zero-order hold. Without the breakpoints the plug-in would delay or advance
  each change by up to one of ngspice's steps.

Inputs are 0 V until the bench sets them. The plug-in passes on changes of more than 1 nV.
"""

from __future__ import annotations

import ctypes.util
import importlib.util
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from lmu_hw.analog.design.memory import AnalogDesign
from lmu_hw.analog.export.files import subcircuit_text
from lmu_hw.analog.export.spice import OPTIONS
from lmu_hw.core.display import Displayed
from lmu_hw.errors import DesignError, MissingToolError
from lmu_hw.io.files import check_identifier, write_text
from lmu_hw.sim.hdl import runner
from lmu_hw.sim.hdl.runner import BenchResult, Simulator, run_bench
from lmu_hw.sim.spice.deck import cards
from lmu_hw.sim.spice.ngspice import first_problem

TOP = "mixed_top"
"""The module that a bench drives: one real variable for each port of the circuit."""

_INSTANCE = "circuit"
_SYNC = "period_sync"
_ENTRY = "_ZN9spice_vpi22register_vpi_callbacksEv"  # spice_vpi::register_vpi_callbacks(), as C++ exports it
_LONGEST_STEP = 1e-3  # s; the plug-in counts the picoseconds to ngspice's next step in 32 bits


@dataclass(frozen=True, repr=False)
class MixedCircuit(Displayed):
    """A subcircuit and how an HDL simulation exchanges values with it.

    Attributes:
        netlist: SPICE text that defines `subcircuit`, without analyses, .save, .control or .end.
        subcircuit: The name of the subcircuit; each of its pins is in `inputs`, `outputs` or `supplies`.
        inputs: The names of the pins whose voltages the bench sets.
        outputs: The names of the pins whose voltages the bench reads.
        period: The time between two exchanges of values, s, rounded to whole picoseconds; from 1e-9 to less than 1.
        max_step: The longest step of ngspice, s, from 1e-12 to 1e-3; by default a tenth of the period, at most 1e-3.
        options: The .options for ngspice; by default those of `analog.export.spice.OPTIONS`.
        supplies: The voltage at each pin of a supply, V.

    Raises:
        DesignError: A name is not an identifier, or not unique regardless of case; the pins are not those of the
            subcircuit; the netlist holds a forbidden card; or a time is out of range.
    """

    netlist: str
    subcircuit: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    period: float
    max_step: float | None = None
    options: Mapping[str, str | float] | None = None
    supplies: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (self.subcircuit, *self.inputs, *self.outputs, *self.supplies):
            check_identifier(name, "name in a mixed simulation")
        names = [name.lower() for name in (*self.inputs, *self.outputs, *self.supplies, _SYNC)]
        if len(set(names)) < len(names) or not self.inputs or not self.outputs:
            constraint = f"inputs and outputs of different names, not {_SYNC}, regardless of case"
            raise DesignError("ports", constraint, (self.inputs, self.outputs))
        if not 1e-9 <= self.period < 1.0:
            raise DesignError("period", "from 1e-9 s to less than 1 s", self.period)
        if self.max_step is not None and not 1e-12 <= self.max_step <= _LONGEST_STEP:
            raise DesignError("largest step", f"from 1e-12 s to {_LONGEST_STEP!r} s", self.max_step)
        for card in _cards(self.netlist):
            if re.fullmatch(r"\.(tran|ac|dc|op|noise|tf|pz|control|endc|end|save)", card[0]):
                raise DesignError("netlist of a subcircuit", "without analyses, .control, .save and .end", card[0])
        if set(self._pins) != set(names[:-1]):
            raise DesignError(f"ports of {self.subcircuit}", f"its pins {' '.join(self._pins)}", names[:-1])

    @classmethod
    def of_design(cls, design: AnalogDesign, period: float, command: str, *, max_step: float | None = None) -> Self:
        """Return the circuit of a memory, all of whose ports are exchanged.

        Args:
            design: A memory of any topology and style.
            period: The time between two exchanges, s.
            command: The command that made the netlist, for its header.
            max_step: The longest step of ngspice, s; a tenth of the period by default.

        Raises:
            DesignError: A time is out of range.
        """
        return cls(
            netlist=subcircuit_text(design, command),
            subcircuit=design.circuit.name,
            inputs=tuple(design.input_ports),
            outputs=tuple(net for signal in design.signals for net in design.signal_nets(signal)),
            period=period,
            max_step=max_step,
            supplies=design.supplies,
        )

    @property
    def _pins(self) -> tuple[str, ...]:
        for card in _cards(self.netlist):
            if card[:2] == [".subckt", self.subcircuit.lower()]:
                return tuple(word for word in card[2:] if "=" not in word and word != "params:")
        raise DesignError("netlist", f"one that defines .subckt {self.subcircuit}", "none of that name")

    @property
    def period_ps(self) -> int:
        """The time between two exchanges, ps."""
        return round(self.period * 1e12)

    @property
    def offset_ps(self) -> int:
        """The delay after k·period with which the bench exchanges values, ps."""
        return max(1, self.period_ps // 50_000)

    def deck(self, periods: int) -> str:
        """Return the SPICE deck of a simulation of `periods` periods, with a margin for a bench that lasts longer."""
        step = self.max_step or min(self.period / 10, _LONGEST_STEP)
        edge = max(1, self.period_ps // 100)
        options = OPTIONS if self.options is None else self.options
        lines = [
            f"* {self.subcircuit} in lock-step with an HDL simulation",
            self.netlist.strip(),
            *(f"V{name} {name} 0 external" for name in self.inputs),  # a DC value beside it crashes ngspice 39
            *(f"V{name} {name} 0 {volts!r}" for name, volts in self.supplies.items()),
            f"X{_INSTANCE} {' '.join(self._pins)} {self.subcircuit}",
            # Edges at k·period set the breakpoints. The pulse ends well before the period: where it fills the
            # period, ngspice loses its breakpoints to rounding.
            f"V{_SYNC} {_SYNC} 0 pulse(0 1 0 {edge}e-12 {edge}e-12 {edge}e-12 {self.period_ps}e-12)",
            f"R{_SYNC} {_SYNC} 0 1e6",
            ".options " + " ".join(f"{key}={value}" for key, value in options.items()),
            f".save {' '.join(f'v({name})' for name in (*self.inputs, *self.outputs))}",
            f".tran {step!r} {(2 * periods + 100) * self.period_ps}e-12 0 {step!r}",
            ".end",
        ]
        return "\n".join(lines) + "\n"

    def verilog(self) -> str:
        """Return the module that stands for the circuit, of the subcircuit's name, for a design to instantiate."""
        ports = [*(f"input real {name}" for name in self.inputs), *(f"output real {name}" for name in self.outputs)]
        # Inlined, the module would have no ports that the plug-in could find.
        return f"module {self.subcircuit}({', '.join(ports)});\n/* verilator no_inline_module */\nendmodule\n"

    def declarations(self) -> str:
        """Return the lines that declare a real variable for each port, with the inputs at 0 V."""
        reals = [f"  real {name};\n" for name in (*self.inputs, *self.outputs)]
        return "".join([*reals, *(f"  initial {name} = 0.0;\n" for name in self.inputs)])

    def connections(self) -> str:
        """Return the connections of an instance of the module to the variables of `declarations`."""
        return ", ".join(f".{name}({name})" for name in (*self.inputs, *self.outputs))

    def top_verilog(self) -> str:
        """Return module `TOP`, which holds the circuit alone."""
        instance = f"  {self.subcircuit} {_INSTANCE}({self.connections()});\n"
        return f"module {TOP};\n{self.declarations()}{instance}endmodule\n"


def available(simulator: Simulator | str) -> None:
    """Check that `simulator`, spicebind and ngspice's library are installed.

    Raises:
        DesignError: There is no such simulator, or the environment's path cannot be built in.
        MissingToolError: One of them is not installed.
    """
    runner.available(simulator)
    _plugin()
    if ctypes.util.find_library("ngspice") is None:
        raise MissingToolError("ngspice's library", "apt install libngspice0-dev")


def run_mixed_bench(
    simulator: Simulator | str,
    circuit: MixedCircuit,
    periods: int,
    bench_module: str,
    build_dir: str | Path,
    *,
    timeout_s: float,
    parameters: Mapping[str, Any] | None = None,
    seed: int = 0,
    waves: bool = False,
    sources: Sequence[str | Path] = (),
    files: Mapping[str, str] | None = None,
    top: str = TOP,
    instance: str = f"{TOP}.{_INSTANCE}",
) -> BenchResult:
    """Run a bench on `circuit` inside an HDL simulation.

    The bench finds ``{"period_ps", "offset_ps", "inputs", "outputs"}`` in its parameters under "analog".

    Args:
        simulator: The HDL simulator, verilator or icarus.
        circuit: The circuit and its timing.
        periods: The number of periods that the bench lasts.
        bench_module: The dotted name of the Python module of the bench.
        build_dir: The folder for all files of the build and of the run.
        timeout_s: The time limit of the simulation, s, without the build.
        parameters: Further parameters of the bench.
        seed: The seed of cocotb's and of the bench's `random`.
        waves: Whether every signal is recorded.
        sources: The Verilog files of a design around the circuit, which may hold delays (`#5`); without them, the
            circuit is alone in module `TOP`.
        files: The text of each file that the simulation finds in its working folder, by its name.
        top: The name of the module that the bench drives.
        instance: The path of the instance of module `circuit.subcircuit`, from `top` on.

    Returns:
        The result of `run_bench`. An error or warning of ngspice, and a circuit whose simulation ends before the
        bench, count as a failure, whose message comes first.

    Raises:
        DesignError: An argument is wrong, or `build_dir` is in use.
        MissingToolError: A simulator or a part of it is not installed.
    """
    build_dir = Path(build_dir)
    available(simulator)
    simulator = Simulator(simulator)
    if periods < 1:
        raise DesignError("periods", "at least 1", periods)
    modules = [write_text(build_dir / "verilog" / f"{circuit.subcircuit}.v", circuit.verilog())]
    if not sources:
        modules.append(write_text(build_dir / "verilog" / f"{TOP}.v", circuit.top_verilog()))
    timing = {
        "period_ps": circuit.period_ps,
        "offset_ps": circuit.offset_ps,
        "inputs": circuit.inputs,
        "outputs": circuit.outputs,
    }
    plugin = simulator.backend.plugin(_plugin(), _ENTRY)
    result = run_bench(
        simulator,
        [*modules, *sources],
        top,
        bench_module,
        build_dir,
        timeout_s=timeout_s,
        parameters={**(parameters or {}), "analog": timing},
        seed=seed,
        waves=waves,
        hdl_delays=bool(sources),
        # An empty .spiceinit keeps the user's own settings of ngspice out.
        extra_files={**(files or {}), "circuit.cir": circuit.deck(periods), ".spiceinit": ""},
        extra_build_args=plugin.build_args,
        extra_test_args=plugin.test_args,
        extra_env={**plugin.environment, "SPICE_NETLIST": "circuit.cir", "HDL_INSTANCE": instance, "VCC": "1.0"},
    )
    if result.log.parent != result.run_dir:
        return result  # the build failed: ngspice never ran
    trouble = _trouble(result.log, circuit)
    if trouble is None:
        return result
    messages = (f"ngspice: {trouble}", *result.messages)
    return replace(result, failures=len(messages), messages=messages)


def _plugin() -> Path:
    spec = importlib.util.find_spec("spicebind")
    path = None if spec is None or spec.origin is None else Path(spec.origin).parent / "spicebind_vpi.vpi"
    if path is None or not path.is_file():
        raise MissingToolError("spicebind", "apt install libngspice0-dev g++, then pip install spicebind==0.0.2")
    return path


def _cards(netlist: str) -> list[list[str]]:
    """Return the words of every card of a netlist without a title, see `deck.cards`."""
    return list(cards(f"\n{netlist}"))


def _trouble(log: Path, circuit: MixedCircuit) -> str | None:
    """Return what went wrong on the analog side according to the log of the simulation; None if nothing did."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
    printed = [match[1] for line in lines if (match := re.match(r"NGSPICE: (?:stdout|stderr)? ?(.*)", line))]
    if (problem := first_problem(printed)) is not None:
        return problem
    for line in lines:
        if (match := re.match(r"\*\* Error: (?:\S+\(\): )?(.*)|(ERROR.*)", line)) is not None:
            return " ".join((match[1] or match[2]).split())
    if any(line.startswith("No. of Data Rows") for line in printed):
        return "the circuit's simulation ended before the bench did, which lasts more periods than was said"
    for name in circuit.outputs:
        if not any(re.fullmatch(rf"\*\* Info: analog output {name} -> .*", line, re.I) for line in lines):
            return f"output {name} was never connected"
    return None
