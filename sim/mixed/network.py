"""An analog memory, a converter and a digital network in one simulation of SPICE and Verilog.

A sequence is held at the circuit's input, one sample per dt. At the end of the last sample all states are sampled and
held; the converter takes them one after the other, and the network, which has no memory of its own, answers before
the next sequence ends. Integrators have no reset: between sequences the input stays at 0 V until the window is empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from lmu_hw.analog.design.memory import AnalogDesign
from lmu_hw.core.display import Displayed, number
from lmu_hw.core.legendre import Array
from lmu_hw.core.metrics import nrmse
from lmu_hw.errors import DesignError, check_integer
from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.networks.model import Output
from lmu_hw.networks.quantize.model import IntegerNetwork
from lmu_hw.networks.quantize.plan import NetworkPlan
from lmu_hw.rtl.interface.emission import VerilogDesign
from lmu_hw.sim.hdl.runner import BenchResult, Simulator
from lmu_hw.sim.mixed.adc import MODULE, Adc, bits_of
from lmu_hw.sim.mixed.analog_head import exact_volts, in_a_row
from lmu_hw.sim.mixed.circuit import MixedCircuit, run_mixed_bench
from lmu_hw.sim.targets.harness import connections

if TYPE_CHECKING:
    from lmu_hw.core.figures import Plot

TOP = "lmu_hw_mixed_network"
CIRCUIT_INSTANCE = f"{TOP}.circuit"
_SECONDS_PER_STEP = 1.0  # of wall time; only a limit, never a wait


@dataclass(frozen=True, eq=False, repr=False)
class MixedNetwork(Displayed):
    """A circuit, a converter and a network that are simulated together.

    Attributes:
        memory: The circuit; its input is up to ±1 times `memory.input_scaling` volts.
        adc: The converter of the states' voltages.
        plan: The network behind it, of layers without memories; it takes a word for each state, in the converter's
            format.
        head: The Verilog of the network; tests give it that of another plan.
        dt: The time for which a sample is held, s.
        steps: The number of samples of a sequence.
        blank: The time between two sequences, in steps.
        max_step: The longest step of the circuit's simulator, s; a tenth of dt by default.

    Raises:
        DesignError: The parts do not fit each other, or the clock would have to be too fast.
    """

    memory: AnalogDesign
    adc: Adc
    plan: NetworkPlan
    head: VerilogDesign
    dt: float
    steps: int
    blank: int
    max_step: float | None = None

    def __post_init__(self) -> None:
        check_integer("steps of a sequence", self.steps, 1)
        check_integer("blank steps", self.blank, 0)
        states = self.memory.realisation.states
        if self.plan.inputs != states:
            raise DesignError("inputs of the network", f"{states}, one for each state of the circuit", self.plan.inputs)
        if self.plan.input_format != self.adc.format:
            raise DesignError("input format", f"that of the converter, {self.adc.format}", str(self.plan.input_format))
        for layer in self.plan.layers:
            if layer.memory is not None or layer.recurrent:
                raise DesignError(layer.name, "dense and without feedback behind an analog memory", "one with a state")
        if self.plan.output is not Output.LAST or self.head.manifest["sequences"] != 1:
            raise DesignError("network", "of one output per sequence, for one sequence at a time", self.head.name)
        if self.half_clock_ps < 1:
            wanted = f"long enough for {self.cycles} clock cycles of 2 ps or more"
            raise DesignError("time from sequence to sequence", wanted, f"{self.pace * self.dt:g} s")

    @property
    def states(self) -> tuple[str, ...]:
        """The signals that are converted, in order."""
        return self.memory.signals[: self.memory.realisation.states]

    @property
    def pace(self) -> int:
        """The number of steps from the start of a sequence to that of the next."""
        return self.steps + self.blank

    @property
    def cycles(self) -> int:
        """The number of clock cycles per sequence, enough to convert all states and to answer."""
        manifest = self.head.manifest
        conversion = 2 * len(self.states)
        answer = int(manifest["latency_cycles"] + manifest["cycles_per_last_step"] + manifest["outputs"])
        return conversion + answer + 16

    @property
    def half_clock_ps(self) -> int:
        """Half a clock period, rounded down, ps."""
        return self.pace * round(self.dt * 1e12) // (2 * self.cycles)

    def circuit(self) -> MixedCircuit:
        """Return the circuit for the simulation."""
        return MixedCircuit.of_design(self.memory, self.dt, "lmu_hw.sim.mixed.network", max_step=self.max_step)

    def float_volts(self, sequences: Array) -> Array:
        """Return the voltages of an exact memory's states when they are sampled, V, shape (count, states).

        Args:
            sequences: The inputs u, shape (count, steps).
        """
        return exact_volts(self.memory, in_a_row(sequences, self.blank), self.dt)[self.steps - 1 :: self.pace]

    def verilog(self, conversions: int) -> str:
        """Return module `TOP`, in which a bench sets the circuit's inputs, and increments `asked` to sample the states.

        `codes` and `words` hold the last input and output words of the network, the first in the lowest bits. `sent`
        counts the input words and `answers` the complete outputs; `digit` is the class of the last output. If the
        converter has noise, noise.hex holds it for each state of each of the `conversions` samples.
        """
        manifest, circuit, count = self.head.manifest, self.circuit(), len(self.states)
        width = {port["name"]: port["width"] for port in manifest["ports"]}
        bits, word = width["in_data"], width["out_data"]
        results = ("out_valid", "out_data", "out_index", "out_argmax")
        signals = {name: name for name in ("clk", "rst", "in_valid", "in_ready", *results)}
        signals |= {"in_data": "code", "in_first": "1'b1", "in_last": "1'b1", "out_ready": "1'b1"}
        noise, samples = "", []
        if self.adc.noise:
            noise = f"""  reg [63:0] noise [0:{conversions * count - 1}];
  initial $readmemh("noise.hex", noise);
"""
        for k, signal in enumerate(self.states):
            volts = " - ".join(self.memory.signal_nets(signal))
            error = f" + $bitstoreal(noise[(asked - 1) * {count} + {k}])" if noise else ""
            samples.append(f"    held[{k}] = ({volts}){error};")
        held = "\n".join(samples)
        return f"""// An analog memory, a converter and a digital network.
module {TOP};
{circuit.declarations()}\
  reg clk = 0, rst = 1, in_valid = 0;
  reg [1:0] started = 0;
  reg [31:0] asked = 0, sent = 0, place = 0, answers = 0;
  reg [{count * bits - 1}:0] codes = 0;
  reg [{int(manifest["outputs"]) * word - 1}:0] words = 0;
  reg [{width["out_argmax"] - 1}:0] digit = 0;
  wire in_ready, out_valid;
  wire signed [{bits - 1}:0] code;
  wire [{word - 1}:0] out_data;
  wire [{width["out_index"] - 1}:0] out_index;
  wire [{width["out_argmax"] - 1}:0] out_argmax;
  reg armed = 0;
  wire due = !rst && sent != asked * {count};
  wire convert = due && armed && !in_valid;
  real held [0:{count - 1}];
  real volts;
{noise}\
  initial volts = {bits_of(0.0)};
  always #({self.half_clock_ps / 1000.0!r}) clk = ~clk;
  {circuit.subcircuit} circuit ({circuit.connections()});
  {MODULE} converter (.clk(clk), .convert(convert), .volts(volts), .code(code));
  {self.head.name} network ({connections(self.head, signals)});
  always @(asked) if (asked != 0) begin  // all states at once
{held}
  end
  always @(negedge clk) begin  // the multiplexer, at rest when the converter looks
    volts = held[place];
    armed <= due;
  end
  always @(posedge clk) begin
    rst <= started != 2;
    if (started != 2) started <= started + 1;
    if (convert) in_valid <= 1;
    if (in_valid && in_ready) begin
      in_valid <= 0;
      sent <= sent + 1;
      codes[place * {bits} +: {bits}] <= code;
      place <= place == {count - 1} ? 0 : place + 1;
    end
    if (!rst && out_valid) begin
      words[out_index * {word} +: {word}] <= out_data;
      if (out_index == {int(manifest["outputs"]) - 1}) begin
        answers <= answers + 1;
        digit <= out_argmax;
      end
    end
  end
endmodule
"""


@dataclass(frozen=True, eq=False, repr=False)
class MixedRun(Displayed):
    """The result of a simulation. The arrays are empty if the bench did not reach its end.

    Attributes:
        volts: The voltages of the states when they were sampled, V, shape (count, states).
        codes: The codes that the network took, shape (count, states).
        words, classes: The words and the class of each answer, shapes (count, outputs) and (count,).
        state_nrmse: The error of the voltages against the exact memory; None without voltages.
        code_mismatches: The number of codes that are not the converter model's for those volts.
        word_mismatches: The number of words and classes that are not the integer network's for those codes.
        seconds: The wall time, s.
        messages: The failures of the benches, a line each; empty if they passed.
    """

    volts: Array
    codes: IntArray
    words: IntArray
    classes: IntArray
    state_nrmse: float | None
    code_mismatches: int
    word_mismatches: int
    seconds: float
    messages: tuple[str, ...]

    def _facts(self) -> Iterable[tuple[str, str]]:
        yield "passed", str(self.passed)
        yield "sequences", str(self.classes.size)
        yield "wrong codes", f"{self.code_mismatches} of {self.codes.size}"
        yield "wrong words", f"{self.word_mismatches} of {self.words.size}"
        if self.state_nrmse is not None:
            yield "NRMSE of the states", number(self.state_nrmse)

    def plot(self) -> Plot:
        """Draw how often the voltages of the states occur."""
        from lmu_hw.core.figures import histogram_figure

        return histogram_figure("States when they were sampled", "voltage (V)", "samples", self.volts.ravel(), {})

    @property
    def passed(self) -> bool:
        """Whether the bench reached its end without a failure, and codes, words and classes are exact."""
        return not self.messages and self.classes.size > 0 and not (self.code_mismatches or self.word_mismatches)


def run_mixed_network(
    mixed: MixedNetwork,
    sequences: Array,
    *,
    workdir: str | Path,
    simulator: Simulator | str = Simulator.VERILATOR,
    tolerance: float = 0.001,
    workers: int = 1,
    seed: int = 0,
) -> MixedRun:
    """Simulate sequences one after the other; check codes, words and classes exactly, and states against floats.

    Args:
        mixed: The circuit, the converter and the network.
        sequences: The memory's input u within [−1, 1], shape (count, steps).
        workdir: The folder for builds, logs and recordings.
        simulator: The HDL simulator, verilator or icarus.
        tolerance: The largest NRMSE of the sampled states.
        workers: The number of simulations that share the sequences, side by side; each starts at rest.
        seed: The seed of the converter's noise, and of cocotb.

    Raises:
        DesignError: An argument is wrong.
        MissingToolError: A simulator is not installed.
    """
    workdir = Path(workdir)
    u = np.asarray(sequences, dtype=np.float64)
    if u.ndim != 2 or u.shape[1] != mixed.steps or u.size == 0 or not np.all(np.abs(u) <= 1.0):
        raise DesignError("sequences", f"of shape (count, {mixed.steps}) within [-1, 1]", f"shape {u.shape}")
    parts = np.array_split(np.arange(len(u)), min(check_integer("workers", workers, 1), len(u)))
    noise = mixed.adc.draw_noise((len(u), len(mixed.states)), seed)
    start = perf_counter()
    with ThreadPoolExecutor(len(parts)) as pool:
        jobs = [
            pool.submit(_run_part, mixed, u[rows], noise[rows], workdir / f"part_{k}", simulator, tolerance, seed)
            for k, rows in enumerate(parts)
        ]
        benches = [job.result() for job in jobs]
    return _scored(mixed, noise, benches, perf_counter() - start)


def _run_part(
    mixed: MixedNetwork, u: Array, noise: Array, workdir: Path, simulator: Simulator | str, tolerance: float, seed: int
) -> BenchResult:
    workdir.mkdir(parents=True, exist_ok=True)
    texts = {mixed.head.name: mixed.head.text, MODULE: mixed.adc.verilog(), TOP: mixed.verilog(len(u))}
    sources = []
    for name, text in texts.items():
        sources.append(workdir / f"{name}.v")
        sources[-1].write_text(text, encoding="utf-8")
    vectors = workdir / "vectors.npz"
    volts = in_a_row(u, mixed.blank) * mixed.memory.input_scaling
    np.savez(vectors, allow_pickle=False, volts=volts, reference=mixed.float_volts(u), noise=noise)
    periods = (len(u) + 1) * mixed.pace + 2
    patterns = noise.view(np.uint64).ravel().tolist()
    return run_mixed_bench(
        simulator,
        mixed.circuit(),
        periods,
        "lmu_hw.sim.mixed.bench_network",
        workdir / str(simulator),
        timeout_s=120.0 + _SECONDS_PER_STEP * periods,
        parameters={
            "vectors": str(vectors.absolute()),
            "inputs": mixed.memory.input_ports,
            "states": [mixed.memory.signal_nets(signal) for signal in mixed.states],
            "steps": mixed.steps,
            "pace": mixed.pace,
            "adc": asdict(mixed.adc),
            "outputs": mixed.plan.outputs,
            "word_bits": mixed.plan.output_format.width,
            "tolerance": tolerance,
        },
        seed=seed,
        sources=sources,
        files={**mixed.head.memory_files, "noise.hex": "".join(f"{pattern:016x}\n" for pattern in patterns)},
        top=TOP,
        instance=CIRCUIT_INSTANCE,
    )


def _scored(mixed: MixedNetwork, noise: Array, benches: Sequence[BenchResult], seconds: float) -> MixedRun:
    """Compare the results of the benches with the models; the file of each is complete or missing."""
    messages = tuple(message for bench in benches for message in bench.messages)
    files = [bench.run_dir / "mixed.npz" for bench in benches]
    if not all(file.is_file() for file in files):
        none = np.zeros((0, len(mixed.states)), dtype=np.int64)
        answers = np.zeros((0, mixed.plan.outputs), dtype=np.int64)
        return MixedRun(none.astype(np.float64), none, answers, answers[:, 0], None, 0, 0, seconds, messages)
    names = ("volts", "reference", "codes", "words", "classes")
    found: dict[str, Any] = {name: np.concatenate([np.load(file)[name] for file in files]) for name in names}
    expected = IntegerNetwork(mixed.plan).run(found["codes"][:, None, :])
    classes = np.argmax(expected, axis=1)
    return MixedRun(
        volts=found["volts"],
        codes=found["codes"],
        words=found["words"],
        classes=found["classes"],
        state_nrmse=nrmse(found["volts"], found["reference"]),
        code_mismatches=int(np.sum(found["codes"] != mixed.adc.convert(found["volts"], noise))),
        word_mismatches=int(np.sum(found["words"] != expected) + np.sum(found["classes"] != classes)),
        seconds=seconds,
        messages=messages,
    )
