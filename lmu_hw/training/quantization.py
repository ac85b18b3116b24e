"""Quantisation-aware training: the values of the hardware forwards, the gradient of the float layer backwards.

This is the straight-through estimator (Bengio, Léonard and Courville, 2013): a rounded value passes the gradient on as
if it had not been rounded, and a saturated one passes none. Memories are computed by `lmu_hw.fixed_point.model` itself,
which JAX calls on the host, so their words are the hardware's bit for bit; their gradient is that of the float memory
with the same input. A sum of products of words is exact as long as it has 53 bits in float64, or 24 in float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmu_hw.errors import check_integer
from lmu_hw.fixed_point.formats import QFormat
from lmu_hw.fixed_point.model import IntegerMemory
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.reference.definition import Activation, CellWeights, Step, advance, drive, react, read
from lmu_hw.training.backend import jax, jnp

Tensor = jax.Array

MIN_WEIGHT_BITS, MAX_WEIGHT_BITS = 2, 32


@dataclass(frozen=True, eq=False)
class LayerQuantization:
    """The word lengths of one layer. None leaves the numbers in question as they are.

    Attributes:
        weight_bits: The word length of encoders and kernels, 2 … 32 with the sign. An array is rounded to the finest
            power-of-two grid that holds its largest entry. Biases, which wide accumulators add, stay as they are.
        memory: The plan of the layer's memories. Drives are rounded to its input format and saturate; the states that
            the layer sees are its output words.
        output: The format of the layer's outputs, and of h where h feeds back. Outputs saturate.

    Raises:
        DesignError: `weight_bits` is out of its range.
    """

    weight_bits: int | None = None
    memory: MemoryPlan | None = None
    output: QFormat | None = None

    def __post_init__(self) -> None:
        if self.weight_bits is not None:
            check_integer("weight_bits", self.weight_bits, MIN_WEIGHT_BITS, MAX_WEIGHT_BITS)

    def weights(self, arrays: dict[str, Any]) -> dict[str, Any]:
        """The arrays of a layer, with its encoders and kernels rounded."""
        if self.weight_bits is None:
            return arrays
        bits = self.weight_bits
        return {n: a if n == "bias" or n == "input_bias" else round_weights(a, bits) for n, a in arrays.items()}

    def round_output(self, y: Tensor) -> Tensor:
        """The layer's output `y`, rounded to the format of outputs."""
        return y if self.output is None else round_to(y, self.output)


NO_QUANTIZATION = LayerQuantization()


@jax.custom_jvp
def straight_through(value: Tensor, surrogate: Tensor) -> Tensor:
    """`value`, with the gradient of `surrogate`."""
    return value


@straight_through.defjvp
def _straight_through_jvp(primals: Any, tangents: Any) -> tuple[Tensor, Tensor]:
    return primals[0], tangents[1]


def codes_of(x: Tensor, target: QFormat) -> Tensor:
    """The codes of x in int64, rounded to nearest with ties up and saturated: `QFormat.encode` in JAX."""
    scaled = x.astype("float64") * 2.0**target.fraction
    below = jnp.floor(scaled)
    return jnp.clip(below + (scaled - below >= 0.5), target.low, target.high).astype("int64")


def clipped(x: Tensor, target: QFormat) -> Tensor:
    """x, saturated to the range of `target`."""
    return jnp.clip(x, target.low * target.lsb, target.high * target.lsb)


def round_to(x: Tensor, target: QFormat) -> Tensor:
    """x, rounded and saturated to `target`; the gradient is passed on within the range, and is 0 beyond."""
    value = (jax.lax.stop_gradient(codes_of(x, target)).astype("float64") * target.lsb).astype(x.dtype)
    return straight_through(value, clipped(x, target))


def round_weights(w: Tensor, bits: int) -> Tensor:
    """w, rounded to `bits` bits on the finest power-of-two grid that holds its largest entry.

    The gradient is passed on. The grid and the rounding (ties to even) are those of `LinearReadout.quantize`.
    """
    exact = jax.lax.stop_gradient(w).astype("float64")
    largest = jnp.max(jnp.abs(exact))
    # largest = mantissa·2^exponent with a mantissa in [½, 1), so this many fractional bits fill the word's top bit,
    fraction = bits - 1 - jnp.frexp(largest)[1]
    top = 2 ** (bits - 1) - 1
    fraction = fraction - (jnp.rint(jnp.ldexp(largest, fraction)) > top)  # unless it rounds up to a power of two
    return straight_through(jnp.ldexp(jnp.rint(jnp.ldexp(exact, fraction)), -fraction).astype(w.dtype), w)


def integer_states(plan: MemoryPlan, u: Tensor, surrogate: Tensor, *, last: bool) -> Tensor:
    """The states m of memories without feedback: those of the integer model, with the gradient of `surrogate`.

    Args:
        plan: The plan of each memory.
        u: The drives, shape (batch, T, channels).
        surrogate: The states of the float memory, shape (batch, T, channels, order), or (batch, channels, order).
        last: Whether to give the states after the last step only.
    """
    codes = jax.lax.stop_gradient(codes_of(u, plan.input_format))
    shape = jax.ShapeDtypeStruct(surrogate.shape, jnp.dtype("float64"))
    words = jax.pure_callback(partial(_run, plan, last), shape, codes, vmap_method="sequential")
    return straight_through(jax.lax.stop_gradient(words).astype(u.dtype), surrogate)


def scan_quantized(
    weights: CellWeights,
    system: Step,
    activation: Activation,
    quantization: LayerQuantization,
    x: Tensor,
    *,
    last: bool = False,
) -> Tensor:
    """Compute h of a quantised LMU cell from a zero state; `weights` are rounded already.

    The other arguments and the result are those of `lmu_hw.training.recurrent.scan_cell`. A float memory runs beside
    the integer one, on the same drives, for the gradient.
    """
    batch, channels, hidden = x.shape[0], weights.input_encoder.shape[0], weights.bias.shape[0]
    plan = quantization.memory
    z = jnp.zeros((batch, channels, system.input.shape[0]), x.dtype)
    h = jnp.zeros((batch, hidden), x.dtype)
    m = jnp.zeros((batch, channels, system.output.shape[0]), x.dtype)
    zero = () if plan is None else vars(IntegerMemory(plan).zero_state(batch * channels)).values()
    registers = tuple(map(jnp.asarray, zero))

    def step(state: Any, sample: Tensor) -> Any:
        z, h, m, registers = state
        u = drive(weights, sample, h, m)
        if plan is None:
            z = advance(system, z, u)
            m = read(system, z)
        else:
            z = advance(system, z, clipped(u, plan.input_format))
            codes = jax.lax.stop_gradient(codes_of(u, plan.input_format))
            forms = tuple(jax.ShapeDtypeStruct(r.shape, r.dtype) for r in registers)
            result = (jax.ShapeDtypeStruct(m.shape, jnp.dtype("float64")), forms)
            words, registers = jax.pure_callback(
                partial(_step, plan), result, codes, *registers, vmap_method="sequential"
            )
            m = straight_through(jax.lax.stop_gradient(words).astype(x.dtype), read(system, z))
        h = quantization.round_output(react(weights, activation, sample, h, m))
        return (z, h, m, registers), None if last else h

    (_, h, _, _), sequence = jax.lax.scan(step, (z, h, m, registers), jnp.swapaxes(x, 0, 1))
    return h if last else jnp.swapaxes(sequence, 0, 1)


def _run(plan: MemoryPlan, last: bool, codes: Any) -> NDArray[np.float64]:
    """Run the integer model on the host: codes (batch, T, channels) to decoded words (batch, [T,] channels, order)."""
    batch, steps, channels = codes.shape
    memory = IntegerMemory(plan)
    each = np.moveaxis(np.asarray(codes), 2, 1).reshape(batch * channels, steps)
    if last:
        return memory.decode(memory.final(each)).reshape(batch, channels, -1)
    return np.moveaxis(memory.decode(memory.run(each)).reshape(batch, channels, steps, -1), 1, 2)


def _step(plan: MemoryPlan, codes: Any, *registers: Any) -> tuple[NDArray[np.float64], tuple[Any, ...]]:
    """Make one step of the integer model on the host: codes (batch, channels) to decoded words and registers."""
    batch, channels = codes.shape
    memory = IntegerMemory(plan)
    state = memory.zero_state(batch * channels)
    for name, register in zip(vars(state), registers, strict=True):
        setattr(state, name, np.array(register))
    memory.step(state, np.asarray(codes).reshape(-1))
    words = memory.decode(np.ascontiguousarray(state.output.T)).reshape(batch, channels, -1)
    return words, tuple(vars(state).values())
