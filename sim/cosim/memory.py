"""Co-simulation of a memory: Verilog against integers, integers against floats, SPICE against floats."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lmu_hw.analog.design.memory import AnalogDesign
from lmu_hw.analog.realisation.network import Readouts
from lmu_hw.core.display import number
from lmu_hw.core.legendre import Array
from lmu_hw.core.spec import Basis, LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import IntArray, Overflow
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.io.files import working_folder
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.rtl.interface.emission import VerilogDesign
from lmu_hw.rtl.memory.verilog import generate_verilog
from lmu_hw.sim.cosim.base import Cosim, DigitalCheck, simulate
from lmu_hw.sim.hdl.runner import Simulator
from lmu_hw.sim.mixed.circuit import MixedCircuit, run_mixed_bench
from lmu_hw.sim.mixed.lockstep import CIRCUIT_INSTANCE, TOP, LockStep
from lmu_hw.sim.targets.memory import HarnessedMemory, Stimulus

if TYPE_CHECKING:
    from lmu_hw.core.figures import Plot


@dataclass(frozen=True)
class AnalogSetup:
    """A circuit to run beside the Verilog.

    Attributes:
        circuit: A circuit of the same memory, in any topology and style.
        tolerance: The largest NRMSE of the outputs (of the states, where there are none) against the float reference.
        samples: The number of samples, from the start, for which the circuit is simulated, as SPICE is slow.
        max_step: The longest step of the circuit's simulator, s; a tenth of the sample period by default.
    """

    circuit: AnalogDesign
    tolerance: float = 0.01
    samples: int = 1000
    max_step: float | None = None


@dataclass(frozen=True)
class BoundCheck:
    """The words of the integer model against the states of the float memory, whose input is not rounded.

    Attributes:
        bound: The plan's bound for the state that comes closest to its bound, in units of the state.
        max_error: The largest deviation of that state.
        utilisation: The ratio max_error/bound of that state; above 1 the bound is broken.
        passed: Whether every state keeps its bound.
    """

    bound: float
    max_error: float
    utilisation: float
    passed: bool


@dataclass(frozen=True)
class AnalogCheck:
    """The circuit against the float memory, beside the Verilog in the same simulation.

    Attributes:
        nrmse: The NRMSE of all states together; like the next two, None if it was not measured.
        readout_nrmse: The NRMSE of the circuit's outputs.
        worst_state_nrmse: The largest NRMSE of a single state.
        tolerance: The largest NRMSE that passes.
        samples: The number of samples that were compared.
        mismatches: The number of words of the Verilog that differ from the integer model.
        messages: The failures of the bench and the errors of ngspice, a line each.
        passed: Whether the circuit keeps the tolerance and the Verilog is exact.
    """

    nrmse: float | None
    readout_nrmse: float | None
    worst_state_nrmse: float | None
    tolerance: float
    samples: int
    mismatches: int
    messages: tuple[str, ...]
    passed: bool


@dataclass(frozen=True, eq=False, repr=False)
class CosimResult(Cosim):
    """The result of the co-simulation of a memory. States have the shape (samples, order), in its coordinates.

    Attributes:
        digital: Verilog against the integer model.
        fixed_vs_float: The integer model against the float memory.
        analog: The circuit against the float memory; None without a circuit.
        time: The end of each sample, s, shape (samples,).
        samples: The recording, shape (samples,).
        states_float: The states of the float memory.
        states_fixed: The states of the integer model.
        states_rtl: The states of the Verilog; None if the bench failed.
        states_spice: The states of the circuit for the first `AnalogSetup.samples` samples; None without a circuit.
        readout_spice: The outputs of the circuit for the same samples, shape (samples, readouts).
        readout_float: The same outputs of the float memory.
        waveform: The file with all signals; None if none was recorded.
    """

    digital: DigitalCheck
    fixed_vs_float: BoundCheck
    analog: AnalogCheck | None
    time: Array
    samples: Array
    states_float: Array
    states_fixed: Array
    states_rtl: Array | None
    states_spice: Array | None
    readout_spice: Array | None
    readout_float: Array | None
    waveform: Path | None

    @property
    def passed(self) -> bool:
        return self.digital.passed and self.fixed_vs_float.passed and (self.analog is None or self.analog.passed)

    def _facts(self) -> Iterable[tuple[str, str]]:
        yield from super()._facts()
        yield "samples", str(self.digital.samples)
        yield "mismatches", f"{self.digital.mismatches} in {self.digital.beats} beats"
        yield "error", f"{number(self.fixed_vs_float.max_error)} of at most {number(self.fixed_vs_float.bound)}"
        if self.analog is not None and self.analog.nrmse is not None:
            yield "NRMSE of the circuit", number(self.analog.nrmse)

    def plot(self) -> Plot:
        """Draw the first six states over time in every form, as far as the circuit was simulated, if there is one."""
        from lmu_hw.core.figures import states_figure

        forms = {"float": self.states_float, "fixed": self.states_fixed}
        if self.states_spice is not None:
            forms["SPICE"] = self.states_spice
        shown = min(len(states) for states in forms.values())
        return states_figure(self.time[:shown], {form: states[:shown] for form, states in forms.items()})

    @property
    def figures(self) -> Mapping[str, Any]:
        return {"digital": self.digital, "fixed_vs_float": self.fixed_vs_float, "analog": self.analog}


def cosimulate(
    plan: MemoryPlan,
    samples: Array,
    *,
    workdir: str | Path | None = None,
    simulator: Simulator | str = Simulator.VERILATOR,
    lanes: int = 1,
    seed: int = 0,
    gap: float = 0.1,
    stall: float = 0.1,
    runs: int = 1,
    analog: AnalogSetup | None = None,
    waves: bool | int = False,
    bench_dir: str | Path | None = None,
    design: VerilogDesign | None = None,
) -> CosimResult:
    """Check a memory with a recording: Verilog, integer model and, if wanted, a circuit.

    Args:
        plan: The memory in fixed point.
        samples: The recording, shape (T,), within [−1, 1], one sample per step.
        workdir: The folder for builds, logs and recordings; by default a temporary one, which is removed.
        simulator: The HDL simulator, verilator or icarus.
        lanes: The number of multiplier lanes of the Verilog.
        seed: The seed of gaps, stalls and cocotb.
        gap, stall: The shares of cycles in which no sample is offered, and in which no beat is taken, 0 … 0.9.
        runs: The number of runs of the Verilog, each with other gaps and stalls; further ones have the seeds after
            `seed`. The circuit runs once.
        analog: The circuit to run beside the Verilog; none by default.
        waves: Whether all signals are recorded; or of how many samples from the beginning, in a run of its own.
        bench_dir: The folder that gets Verilog, stimulus and testbench, see `lmu_hw.sim.targets.standalone`.
        design: The Verilog to check; by default that of the plan.

    Raises:
        DesignError: An argument is wrong.
        MissingToolError: A simulator is not installed.
    """
    if waves and workdir is None:
        raise DesignError("workdir", "given with waves, so that the waveform stays", None)
    u = checked_recording(samples)
    made = design or generate_verilog(plan, lanes=lanes)
    memory, states_float = fixed_target(plan, u, made, gap=gap, stall=stall, seed=seed)
    words = memory.model_words()
    states_fixed = plan.output_format.decode(words[0])
    with working_folder(workdir) as folder:
        done = simulate(
            [memory],
            [words],
            workdir=folder / "digital",
            simulator=simulator,
            seed=seed,
            runs=runs,
            waves=waves,
            bench_dir=bench_dir,
        )
        run = done.kept
        states_rtl = plan.output_format.decode(run.words[0][0]) if run.passed else None
        circuit = None
        if analog is not None:
            circuit = _run_circuit(memory, u, words[0], analog, folder / "analog", simulator, seed)
    return CosimResult(
        digital=DigitalCheck.of_runs(done, words.size, simulator),
        fixed_vs_float=check_bound(plan, states_fixed, states_float),
        analog=circuit.check if circuit else None,
        time=plan.spec.dt * np.arange(1.0, u.size + 1.0),
        samples=u,
        states_float=states_float,
        states_fixed=states_fixed,
        states_rtl=states_rtl,
        states_spice=circuit.states if circuit else None,
        readout_spice=circuit.readout if circuit else None,
        readout_float=circuit.readout_reference if circuit else None,
        waveform=done.waveform,
    )


def checked_recording(samples: Array) -> Array:
    """Return the samples as an array of shape (T,).

    Raises:
        DesignError: They are not a non-empty sequence within [−1, 1].
    """
    u = np.asarray(samples, dtype=np.float64)
    if u.ndim != 1 or u.size == 0 or not np.all(np.abs(u) <= 1.0):
        raise DesignError("samples", "a non-empty sequence within [-1, 1]", f"shape {u.shape}")
    return u


def fixed_target(
    plan: MemoryPlan, u: Array, design: VerilogDesign, *, gap: float, stall: float, seed: int
) -> tuple[HarnessedMemory, Array]:
    """Return a fixed-point memory as a target, and the states of the float memory for the same recording.

    Args:
        plan: The memory in fixed point.
        u: The recording, shape (T,), within [−1, 1]; it is the only sequence of the stimulus.
        design: The Verilog of the memory.
        gap, stall: The shares of cycles in which no sample is offered, and in which no beat is taken.
        seed: The seed of gaps and stalls.

    Returns:
        The target, and the states, shape (T, order).
    """
    codes = plan.input_format.encode(u, overflow=Overflow.SATURATE)
    # +1 itself has no code: the range for which the bound is proved ends half a code below it.
    within = np.clip(u, -1.0, plan.input_format.decode(plan.input_format.high) + 0.5 * plan.input_format.lsb)
    stimulus = Stimulus(codes[None], gap=gap, stall=stall, seed=seed)
    states = FloatMemory(plan.spec).run(within)
    return HarnessedMemory(plan, stimulus, design, states[None]), states


def check_bound(plan: MemoryPlan, fixed: Array, reference: Array) -> BoundCheck:
    """Compare the deviation of the states `fixed` from `reference`, both of shape (…, order), with the plan's bound."""
    error = np.abs(fixed - reference).reshape(-1, plan.spec.order).max(axis=0)
    share = error / plan.error_bound
    worst = int(np.argmax(share))
    return BoundCheck(
        bound=float(plan.error_bound[worst]),
        max_error=float(error[worst]),
        utilisation=float(share[worst]),
        passed=bool(np.all(share <= 1.0)),
    )


@dataclass(frozen=True, eq=False)
class _CircuitRun:
    """The check of a circuit, with its states and outputs as simulated, and its outputs as they should be."""

    check: AnalogCheck
    states: Array | None
    readout: Array | None
    readout_reference: Array


def _run_circuit(
    memory: HarnessedMemory,
    u: Array,
    words: IntArray,
    setup: AnalogSetup,
    workdir: Path,
    simulator: Simulator | str,
    seed: int,
) -> _CircuitRun:
    """Run the circuit beside the memory's Verilog, which has the same input and must have the same words as before."""
    plan, digital = memory.plan, memory.design
    design, count = setup.circuit, min(u.size, setup.samples)
    _check_circuit(plan, design)
    circuit = MixedCircuit.of_design(design, plan.spec.dt, "lmu_hw.sim.cosimulate", max_step=setup.max_step)
    pair = LockStep(digital, circuit)
    workdir.mkdir(parents=True, exist_ok=True)
    source = digital.write_source(workdir)
    (workdir / f"{TOP}.v").write_text(pair.verilog(), encoding="utf-8")
    held, readouts = circuit_reference(design, plan.spec, u[:count])
    vectors = workdir / "vectors.npz"
    np.savez(
        vectors,
        codes=memory.stimulus.codes[0, :count],
        volts=u[:count] * design.input_scaling,
        words=words[:count],
        reference=np.column_stack([held, readouts]),
        decode=decoding(design),
    )
    bench = run_mixed_bench(
        simulator,
        circuit,
        count + 2,
        "lmu_hw.sim.mixed.bench_lockstep",
        workdir / str(simulator),
        timeout_s=120.0 + 0.5 * count,
        parameters={
            "vectors": str(vectors.absolute()),
            "inputs": design.input_ports,
            "state_bits": plan.state_format.width,
            "input_bits": plan.input_format.width,
            "beats_per_sample": digital.manifest["beats_per_sample"],
            "tolerance": setup.tolerance,
        },
        seed=seed,
        sources=[source, workdir / f"{TOP}.v"],
        files=digital.memory_files,
        top=TOP,
        instance=CIRCUIT_INSTANCE,
    )
    file, result = bench.run_dir / "lockstep.json", {}
    states = delayed = None
    if file.is_file():
        result = json.loads(file.read_text(encoding="utf-8"))
        with np.load(bench.run_dir / "analog.npz") as archive:
            states, delayed = np.split(archive["measured"], [plan.spec.order], axis=1)
    check = AnalogCheck(
        nrmse=result.get("state_nrmse"),
        readout_nrmse=result.get("readout_nrmse"),
        worst_state_nrmse=result.get("worst_state_nrmse"),
        tolerance=setup.tolerance,
        samples=int(result.get("checked", 0)),
        mismatches=int(result.get("mismatches", 0)),
        messages=bench.messages,
        passed=bench.passed,
    )
    return _CircuitRun(check, states, delayed, readouts)


def circuit_reference(design: AnalogDesign, spec: LMUSpec, u: Array) -> tuple[Array, Array]:
    """Return what a circuit should do beside a memory.

    The circuit is continuous in time, and its input is held: it should do the zero-order hold, whatever method the
    digital memory uses.

    Args:
        design: The circuit.
        spec: The memory.
        u: The samples, shape (T,).

    Returns:
        The states, shape (T, order), and the outputs, shape (T, readouts), both without units.
    """
    held = FloatMemory(replace(spec, discretization=Discretization.ZOH)).run(u)
    outputs = Readouts(design.realisation.delays, design.specification["coefficient_outputs"])
    return held, held @ outputs.rows(spec.order).T


def decoding(design: AnalogDesign) -> Array:
    """Return the matrix from the voltages of a mixed circuit's outputs to Legendre states and readouts.

    Returns:
        The matrix, 1/V, shape (order + readouts, nets).
    """
    order, n = design.realisation.legendre_map.shape
    rows = np.zeros((order + len(design.output_scaling), len(design.signals)))
    rows[:order, :n] = design.legendre_states(np.eye(n)).T
    rows[order:, n:] = np.diag(1.0 / design.output_scaling)
    nets = [net for signal in design.signals for net in design.signal_nets(signal)]
    _, combinations = design.at_ports((), nets, design.signals)
    decode: Array = rows @ combinations
    return decode


def _check_circuit(plan: MemoryPlan, design: AnalogDesign) -> None:
    if plan.spec.basis is not Basis.LEGENDRE:
        raise DesignError("basis", "legendre beside a circuit", plan.spec.basis)
    found = (design.specification["order"], design.specification["theta"])
    if found != (plan.spec.order, plan.spec.theta):
        wanted = f"of order {plan.spec.order} and window {plan.spec.theta!r} s, as the plan is"
        raise DesignError("circuit", wanted, f"{found[0]} and {found[1]!r} s")
