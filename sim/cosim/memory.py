"""Co-simulation of one memory: Verilog against integers, integers against floats, SPICE against floats."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.linalg import block_diag

from lmu_hw.analog.design.memory import AnalogDesign
from lmu_hw.analog.export.files import subcircuit_text
from lmu_hw.core.legendre import Array, readout
from lmu_hw.core.spec import Basis
from lmu_hw.core.steps import Discretization
from lmu_hw.errors import DesignError
from lmu_hw.fixed_point.formats import Overflow
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.reference.memory import FloatMemory
from lmu_hw.rtl.memory.verilog import VerilogDesign, generate_verilog
from lmu_hw.sim.hdl.runner import Simulator
from lmu_hw.sim.mixed.circuit import MixedCircuit, run_mixed_bench
from lmu_hw.sim.mixed.lockstep import CIRCUIT_INSTANCE, TOP, LockStep
from lmu_hw.sim.targets.memory import HarnessedMemory, Stimulus, run_streams


@dataclass(frozen=True)
class AnalogSetup:
    """The circuit that runs beside the Verilog.

    Attributes:
        circuit: of the same memory, in any topology and style.
        tolerance: largest NRMSE of states and readouts against the float reference.
        samples: how many samples the circuit is simulated for, from the start; SPICE takes its time.
        max_step: longest step of the circuit's simulator, s; a tenth of the sample period by default.
    """

    circuit: AnalogDesign
    tolerance: float = 0.01
    samples: int = 1000
    max_step: float | None = None


@dataclass(frozen=True)
class DigitalCheck:
    """Verilog against the integer model: samples sent, beats checked, and words that differ."""

    samples: int
    beats: int
    mismatches: int
    simulator: str
    messages: tuple[str, ...]
    passed: bool


@dataclass(frozen=True)
class BoundCheck:
    """Integer words against the float memory fed with the unrounded input.

    Attributes:
        bound: the plan's bound, of the state that comes closest to it.
        max_error: the largest deviation of that state.
        utilisation: max_error/bound of that state; above 1 the bound is broken.
    """

    bound: float
    max_error: float
    utilisation: float
    passed: bool


@dataclass(frozen=True)
class AnalogCheck:
    """The circuit against the float memory, beside the Verilog in the same simulation; None is not measured."""

    nrmse: float | None
    readout_nrmse: float | None
    worst_state_nrmse: float | None
    tolerance: float
    samples: int
    mismatches: int
    messages: tuple[str, ...]
    passed: bool


@dataclass(frozen=True)
class CosimResult:
    """Everything that one co-simulation found; arrays have shape (samples, order), in the plan's coordinates.

    `states_rtl` is None where the bench failed, `states_spice` where no circuit ran; the circuit covers the
    first `analog.samples` samples, and `readout_*`, shape (samples, readouts), are its outputs for them.
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
        """Every check held."""
        return self.digital.passed and self.fixed_vs_float.passed and (self.analog is None or self.analog.passed)

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain values."""
        return {
            "digital": _plain(self.digital),
            "fixed_vs_float": _plain(self.fixed_vs_float),
            "analog": None if self.analog is None else _plain(self.analog),
            "passed": self.passed,
        }


def cosimulate(
    plan: MemoryPlan,
    samples: Array,
    *,
    workdir: Path,
    simulator: Simulator | str = Simulator.VERILATOR,
    lanes: int = 1,
    seed: int = 0,
    gap: float = 0.1,
    stall: float = 0.1,
    analog: AnalogSetup | None = None,
    waves: bool = False,
    design: VerilogDesign | None = None,
) -> CosimResult:
    """Run all checks on one memory with one recording.

    Args:
        plan: the memory.
        samples: the recording, shape (T,), within [−1, 1]; each sample is one step.
        workdir: folder for builds, logs and recordings.
        simulator: verilator or icarus.
        lanes: multiplier lanes of the Verilog.
        seed: of gaps, stalls and cocotb.
        gap, stall: shares of cycles without a sample offered, or without a beat taken.
        analog: the circuit to run beside it; none by default.
        waves: record all signals.
        design: Verilog to check in place of the plan's own.

    Raises:
        DesignError: an argument is wrong.
        MissingToolError: a simulator is not installed.
    """
    u = np.asarray(samples, dtype=np.float64)
    if u.ndim != 1 or u.size == 0 or not np.all(np.abs(u) <= 1.0):
        raise DesignError("samples", "a non-empty sequence within [-1, 1]", f"shape {u.shape}")
    codes = plan.input_format.encode(u, overflow=Overflow.SATURATE)
    made = design or generate_verilog(plan, lanes=lanes)
    memory = HarnessedMemory(plan, Stimulus(codes[None, :], gap=gap, stall=stall, seed=seed), made)
    words = IntegerMemory(plan).run(codes)
    states_fixed = plan.output_format.decode(words)
    # +1 itself has no code: the declared range ends half a code below it, as the bound does.
    within = np.clip(u, -1.0, plan.input_format.decode(plan.input_format.high) + 0.5 * plan.input_format.lsb)
    states_float = FloatMemory(plan.spec).run(within)
    stream = run_streams(
        [memory],
        workdir=workdir / "digital",
        simulator=simulator,
        seed=seed,
        waves=waves,
        expected=[words[None]],
        references=[states_float[None]],
    )
    score = stream.scores[0] if stream.scores else None
    circuit = None
    if analog is not None:
        circuit = _run_circuit(plan, u, codes, words, made, analog, workdir / "analog", simulator, seed)
    return CosimResult(
        digital=DigitalCheck(
            samples=int(codes.size),
            beats=score.checked if score else 0,
            mismatches=score.mismatches if score else int(words.size),
            simulator=str(simulator),
            messages=stream.bench.messages,
            passed=stream.passed,
        ),
        fixed_vs_float=check_bound(plan, states_fixed, states_float),
        analog=circuit.check if circuit else None,
        time=plan.spec.dt * np.arange(1.0, u.size + 1.0),
        samples=u,
        states_float=states_float,
        states_fixed=states_fixed,
        states_rtl=plan.output_format.decode(stream.words[0][0]) if stream.passed else None,
        states_spice=circuit.states if circuit else None,
        readout_spice=circuit.readout if circuit else None,
        readout_float=circuit.readout_reference if circuit else None,
        waveform=stream.bench.waveform,
    )


def check_bound(plan: MemoryPlan, fixed: Array, reference: Array) -> BoundCheck:
    """Compare states of shape (…, order) with the plan's bound, state by state."""
    error = np.abs(fixed - reference).reshape(-1, plan.spec.order).max(axis=0)
    share = error / plan.error_bound
    worst = int(np.argmax(share))
    return BoundCheck(
        bound=float(plan.error_bound[worst]),
        max_error=float(error[worst]),
        utilisation=float(share[worst]),
        passed=bool(np.all(share <= 1.0)),
    )


@dataclass(frozen=True)
class _CircuitRun:
    check: AnalogCheck
    states: Array | None
    readout: Array | None
    readout_reference: Array


def _run_circuit(
    plan: MemoryPlan,
    u: Array,
    codes: Any,
    words: Any,
    digital: VerilogDesign,
    setup: AnalogSetup,
    workdir: Path,
    simulator: Simulator | str,
    seed: int,
) -> _CircuitRun:
    design, count = setup.circuit, min(u.size, setup.samples)
    _check_circuit(plan, design)
    circuit = mixed_circuit(design, plan.spec.dt, "lmu_hw.sim.cosimulate", max_step=setup.max_step)
    pair = LockStep(digital, circuit)
    workdir.mkdir(parents=True, exist_ok=True)
    (workdir / f"{digital.name}.v").write_text(digital.text, encoding="utf-8")
    (workdir / f"{TOP}.v").write_text(pair.verilog(), encoding="utf-8")
    # The circuit is continuous in time: what it should do is the zero-order hold, whatever the digital step is.
    held = FloatMemory(replace(plan.spec, discretization=Discretization.ZOH)).run(u[:count])
    readouts = held @ _output_rows(design).T
    vectors = workdir / "vectors.npz"
    np.savez(
        vectors,
        codes=codes[:count],
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
        sources=[workdir / f"{digital.name}.v", workdir / f"{TOP}.v"],
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


def mixed_circuit(design: AnalogDesign, period: float, command: str, *, max_step: float | None = None) -> MixedCircuit:
    """The circuit of a memory for a mixed simulation, its inputs set once per period.

    Args:
        design: of any topology and style; all its ports are exchanged.
        period: s.
        command: that the netlist is said to come from.
        max_step: longest step of ngspice, s; a tenth of the period by default.
    """
    nets = tuple(net for signal in design.signals for net in design.signal_nets(signal))
    return MixedCircuit(
        netlist=subcircuit_text(design, command),
        subcircuit=design.circuit.name,
        inputs=tuple(design.input_ports),
        outputs=nets,
        period=period,
        max_step=max_step,
    )


def decoding(design: AnalogDesign) -> Array:
    """What turns the voltages of a mixed circuit's outputs into Legendre states and readouts.

    Returns:
        Shape (order + outputs, nets).
    """
    order, n = design.realisation.legendre_map.shape
    rows = np.zeros((order + len(design.output_scaling), len(design.signals)))
    rows[:order, :n] = design.legendre_states(np.eye(n)).T
    rows[order:, n:] = np.diag(1.0 / design.output_scaling)
    legs = [np.array([[1.0, -1.0][: len(design.signal_nets(signal))]]) for signal in design.signals]
    decode: Array = rows @ block_diag(*legs)
    return decode


def _check_circuit(plan: MemoryPlan, design: AnalogDesign) -> None:
    if plan.spec.basis is not Basis.LEGENDRE:
        raise DesignError("basis", "legendre beside a circuit", plan.spec.basis)
    found = (design.specification["order"], design.specification["theta"])
    if found != (plan.spec.order, plan.spec.theta):
        wanted = f"of order {plan.spec.order} and window {plan.spec.theta!r} s, as the plan is"
        raise DesignError("circuit", wanted, f"{found[0]} and {found[1]!r} s")


def _output_rows(design: AnalogDesign) -> Array:
    """The circuit's outputs by the Legendre states, shape (outputs, order): "y<k>" delays, "m<i>" a state."""
    order, realisation = design.realisation.legendre_map.shape[0], design.realisation
    delays = readout(order, realisation.delays) if realisation.delays else np.zeros((0, order))
    rows = {"y": delays, "m": np.eye(order)}
    return np.array([rows[name[0]][int(name[1:])] for name in realisation.outputs]).reshape(-1, order)


def _plain(check: Any) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in vars(check).items()}
