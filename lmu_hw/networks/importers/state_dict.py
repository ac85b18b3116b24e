"""PyTorch state dicts as networks, by a mapping or by the names that public LMUs give to their tensors.

A state dict is read from a `.safetensors` or a `.pt` file, and only its tensors. A `.pt` file is a zip file with a
pickle. Before PyTorch opens it, the directory of the zip file is checked against bounds, and the pickle is read as a
list of instructions, none of which is carried out: it may name only the few functions and types that tensors are made
of. PyTorch then loads it with `weights_only=True`, which enforces a list of its own.
"""

from __future__ import annotations

import importlib
import pickletools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lmu_hw.core.legendre import Array
from lmu_hw.core.registry import member
from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.system import discretize
from lmu_hw.errors import DesignError, MissingToolError, RequestError, check_positive
from lmu_hw.io.archive import MAX_BYTES, MAX_HEADER_BYTES, MAX_MEMBERS
from lmu_hw.networks.importers.assembly import Unit, assemble
from lmu_hw.networks.importers.mapping import ARRAYS, LayerMap, Source, StateDictMap, recognise
from lmu_hw.networks.importers.zips import ZipReader, shown
from lmu_hw.networks.model import Layer, Network, Output, error_about
from lmu_hw.reference.definition import check_activation
from lmu_hw.reference.layers import DenseParameters

#: The keys under which checkpoints keep the state dict itself.
_NESTED = ("state_dict", "model_state_dict", "model")

_FLOATS = ("F16", "F32", "F64")
_NAMED = re.compile(
    r"collections OrderedDict|torch\._utils (_rebuild_tensor_v2|_rebuild_parameter)|torch \w+Storage|torch Size"
)
_STACKED = frozenset({"STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4"})


@dataclass(frozen=True, eq=False)
class Tensor:
    """One tensor.

    Attributes:
        shape: The shape of the tensor.
        kind: The name of its type in the file.
        values: The values of the tensor in float64; None for any other type than floating-point numbers of 16, 32 or 64
            bits.
    """

    shape: tuple[int, ...]
    kind: str
    values: Array | None


def read_tensors(path: str | Path) -> Mapping[str, Tensor]:
    """The tensors in `path` by name.

    Raises:
        DesignError: The file is no state dict, is damaged or too large, or is a `.pt` that names anything but tensors.
        MissingToolError: The package safetensors or, for a `.pt`, torch is not installed.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
    except OSError as error:
        raise RequestError(f"cannot read {path}: {error.strerror or error}") from None
    if size > MAX_BYTES:
        raise DesignError(path.name, f"at most {MAX_BYTES} bytes large", size)
    tensors = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    if not 1 <= len(tensors) <= MAX_MEMBERS:
        raise DesignError(f"tensors in {path.name}", f"from 1 to {MAX_MEMBERS}", len(tensors))
    return tensors


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        raise MissingToolError("safetensors", "pip install 'lmu-hw[import]'") from None
    found = {}
    try:
        with safe_open(path, framework="numpy") as file:
            for name in file.keys():  # noqa: SIM118 — it is no dictionary
                part = file.get_slice(name)
                kind, shape = str(part.get_dtype()), tuple(part.get_shape())
                values = np.asarray(file.get_tensor(name), dtype=np.float64) if kind in _FLOATS else None
                found[name] = Tensor(shape, kind, values)
    except (SafetensorError, OSError, ValueError, TypeError, MemoryError) as error:
        raise DesignError(path.name, "a file of safetensors", f"a damaged one ({error})") from None
    return found


def _read_torch(path: Path) -> dict[str, Tensor]:
    _check_archive(path)
    try:
        torch: Any = importlib.import_module("torch")
    except ImportError:
        remedy = "pip install torch, or save a .safetensors file"
        raise MissingToolError("torch, which reads .pt files,", remedy) from None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever PyTorch's readers raise, the file is no state dict
        raise DesignError(path.name, "a state dict of tensors", f"{type(error).__name__}: {error}") from None
    return {name: _converted(torch, value) for name, value in _state_dict(torch, content, path).items()}


def _check_archive(path: Path) -> None:
    """Check that the sizes and the pickle of a `.pt` are those of tensors."""
    what = "a zip file, as torch.save writes it since 1.6"
    with ZipReader(path, what, lambda name: None, stored_only=True) as archive:
        pickles = [name for name in archive.sizes if name.endswith(".pkl")]
        if len(pickles) != 1 or not pickles[0].endswith("data.pkl"):
            raise DesignError(path.name, "a state dict, with one pickle data.pkl", ", ".join(pickles) or "none")
        text = archive.read(pickles[0], max_bytes=MAX_HEADER_BYTES)
    try:
        for code, argument, _ in pickletools.genops(text):
            if code.name in _STACKED or (code.name == "GLOBAL" and not _NAMED.fullmatch(str(argument))):
                got = f"one that names {str(argument or code.name).replace(' ', '.')}"
                raise DesignError(f"pickle in {path.name}", "of tensors only", got)
    except DesignError:
        raise
    except Exception:  # pickletools says of none what it raises for damaged pickles
        raise DesignError(f"pickle in {path.name}", "undamaged", "a damaged one") from None


def _state_dict(torch: Any, content: Any, path: Path) -> dict[str, Any]:
    """The dictionary of tensors in the loaded content, which may be a checkpoint that contains it."""
    if isinstance(content, dict):
        for key in _NESTED:
            if isinstance(content.get(key), dict):
                content = content[key]
                break
    if not isinstance(content, dict):
        raise DesignError(path.name, "a state dict", type(content).__name__)
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise DesignError(f"{shown(str(name))} in {path.name}", "a tensor under a text", type(value).__name__)
    return content


def _converted(torch: Any, tensor: Any) -> Tensor:
    shape, kind = tuple(int(n) for n in tensor.shape), str(tensor.dtype).removeprefix("torch.")
    floats = kind in ("float16", "float32", "float64") and tensor.layout == torch.strided
    # A view may repeat the entries that are stored: its own size counts.
    if not floats or tensor.is_quantized or 8 * tensor.numel() > MAX_BYTES:
        return Tensor(shape, kind, None)
    return Tensor(shape, kind, np.array(tensor.detach().to(torch.float64).numpy()))


#: The largest deviation of a stored Ā or B̄ from what θ and the method give, relative to the largest entry of Ā − I
#: or B̄.
TOLERANCE = 1e-3
_ROUNDING = 1e-6  # the rounding of float32 in entries of about 1

_ENCODERS = ("input_encoder", "hidden_encoder", "memory_encoder")


@dataclass(frozen=True)
class NamedCell:
    """What a state dict with known names does not contain.

    Attributes:
        theta: The window θ in seconds; None where the file has theta_inv.
        dt: The step in seconds.
        discretization: The time-stepping method.
        activation: The activation of the hidden part; None for that of the public code with these names.
        output: Whether there is an output per step, or one after the last step.
    """

    theta: float | None = None
    dt: float = 1.0
    discretization: str = "zoh"
    activation: str | None = None
    output: Output = Output.LAST


def import_state_dict(
    path: str | Path,
    given: StateDictMap | NamedCell | None = None,
    *,
    theta: float | None = None,
    dt: float = 1.0,
    discretization: str = "zoh",
    activation: str | None = None,
    output: Output | str = Output.LAST,
) -> Network:
    """The network whose arrays are in a `.safetensors` or `.pt` file.

    Args:
        path: The file.
        given: A mapping, or what is missing for names that `lmu_hw.networks.importers.mapping` knows; by default a
            `NamedCell` of the arguments that follow, which count only then.
        theta: The window of the memory in seconds; None where the file has it.
        dt: The step in seconds.
        discretization: The time-stepping method.
        activation: The activation of the hidden part; None for tanh, or relu where nothing is fed back.
        output: Whether there is an output after each step ("sequence"), or after the last one ("last").

    Raises:
        DesignError: The file is damaged or hostile, its tensors are not those of the mapping or have unknown names,
            or a stored Ā or B̄ differs from that of the memory; the message names the layer.
        MissingToolError: The package safetensors or torch is not installed.
    """
    path = Path(path)
    if given is None:
        given = NamedCell(theta, dt, discretization, activation, member(Output, output, "output"))
    tensors = read_tensors(path)
    if isinstance(given, NamedCell):
        values = {"dt": given.dt, "discretization": given.discretization}
        values |= {} if given.theta is None else {"theta": given.theta}
        values |= {} if given.activation is None else {"activation": given.activation}
        found = recognise({name: tensor.shape for name, tensor in tensors.items()}, values, path.name)
        given = StateDictMap(found.layers, given.output, found.ignore)
    reading = _Reading(tensors, path.name)
    layers: list[Layer] = []
    for k, entry in enumerate(given.layers):
        layers += reading.layers(f"layer {k} ({entry.type})", entry)
    unused = [name for name in tensors if name not in reading.used and name not in given.ignore]
    if unused:
        raise DesignError(f"tensors in {path.name}", "used by a layer, or listed under ignore", unused[0])
    return Network(tuple(layers), given.output, notes={"imported": path.name})


class _Reading:
    """The conversion of tensors to layers.

    Attributes:
        used: The names of the tensors that were used.
    """

    def __init__(self, tensors: Mapping[str, Tensor], label: str) -> None:
        self._tensors, self._label = tensors, label
        self.used: set[str] = set()

    def layers(self, label: str, entry: LayerMap) -> tuple[Layer, ...]:
        """The layers of the network that one layer of a mapping stands for.

        Raises:
            DesignError: A tensor is missing, of another type or shape, or not finite; or a value is out of range.
        """
        with error_about(label):
            if entry.type == "dense":
                kernel = self._matrix("kernel", entry)
                bias = np.zeros(kernel.shape[0]) if "bias" not in entry.arrays else self._vector("bias", entry)
                return (DenseParameters(kernel, bias, check_activation(entry.values.get("activation", "identity"))),)
            spec = self._spec(entry)
            self._compare(spec, entry)
            arrays: dict[str, Any] = {
                name: self._vector(name, entry) if name in ("bias", "input_bias") else self._matrix(name, entry)
                for name in ARRAYS["lmu"]
                if name in entry.arrays
            }
            default = "tanh" if "memory_kernel" in arrays else "identity"
            unit = Unit(
                spec,
                activation=check_activation(entry.values.get("activation", default)),
                encoder_activation=check_activation(entry.values.get("encoder_activation", "identity")),
                **arrays,
            )
        return assemble(label, unit)

    def _spec(self, entry: LayerMap) -> LMUSpec:
        values = entry.values
        dt = check_positive("dt", values.get("dt", 1.0), "seconds")
        theta = values.get("theta")
        if "theta_inv" in entry.arrays:
            inverse = self._sum("theta_inv", entry)
            if inverse.size != 1:
                raise DesignError("theta_inv", "one number", inverse.shape)
            theta = dt / check_positive("theta_inv", float(inverse.reshape(())))
        return LMUSpec(
            values["order"],
            check_positive("theta", theta, "seconds"),
            dt,
            values.get("discretization", "zoh"),
            values.get("basis", "legendre"),
        )

    def _compare(self, spec: LMUSpec, entry: LayerMap) -> None:
        """Check that a stored Ā or B̄ is that of `spec`; Ā may be transposed, and stored as Ā − I."""
        if not {"transition", "input"}.intersection(entry.arrays):
            return
        system = discretize(spec)
        if system.input.size != spec.order:
            raise DesignError("transition", f"left out for {spec.discretization}, which has more states", "given")
        eye = np.eye(spec.order)
        increment = system.transition - eye
        if "transition" in entry.arrays:
            given = self._sum("transition", entry)
            if given.shape != eye.shape:
                raise DesignError("transition", f"of shape {eye.shape}", given.shape)
            forms = (given, given.T, given + eye, given.T + eye)
            self._judge("transition", min(float(np.abs(a - eye - increment).max()) for a in forms), increment, spec)
        if "input" in entry.arrays:
            vector = self._vector("input", entry)
            if vector.shape != system.input.shape:
                raise DesignError("input", f"of shape {system.input.shape}", vector.shape)
            self._judge("input", float(np.abs(vector - system.input).max()), system.input, spec)

    @staticmethod
    def _judge(name: str, deviation: float, wanted: Array, spec: LMUSpec) -> None:
        if deviation > TOLERANCE * np.abs(wanted).max() + _ROUNDING:
            given = f"what theta {spec.theta:g} s, dt {spec.dt:g} s and {spec.discretization} give"
            raise DesignError(name, given, f"one that is {deviation:.2g} away (trained, or of another window)")

    def _matrix(self, name: str, entry: LayerMap) -> Array:
        array = self._sum(name, entry)
        if array.ndim == 1 and name in _ENCODERS:
            array = array[None, :]
        if array.ndim != 2:
            raise DesignError(name, "a matrix", f"shape {array.shape}")
        return array

    def _vector(self, name: str, entry: LayerMap) -> Array:
        array = self._sum(name, entry)
        if array.size != max(array.shape, default=0):
            raise DesignError(name, "a vector", f"shape {array.shape}")
        return array.reshape(-1)

    def _sum(self, name: str, entry: LayerMap) -> Array:
        parts = [self._part(name, source) for source in entry.arrays[name]]
        if any(part.shape != parts[0].shape for part in parts):
            raise DesignError(name, "a sum of tensors of one shape", [part.shape for part in parts])
        total = np.asarray(sum(parts[1:], parts[0]))
        if not np.all(np.isfinite(total)):
            raise DesignError(name, "finite in every entry", "NaN or infinity")
        return total

    def _part(self, name: str, source: Source) -> Array:
        tensor = self._tensors.get(source.tensor)
        if tensor is None:
            raise DesignError(name, f"a tensor in {self._label}", f"none of the name {source.tensor}")
        if tensor.values is None:
            kind = f"{tensor.kind} of shape {tensor.shape}"
            raise DesignError(name, "of floating-point numbers of 16, 32 or 64 bits, and not too many", kind)
        self.used.add(source.tensor)
        array = tensor.values.T if source.transpose else tensor.values
        if source.columns is not None:
            if array.ndim != 2 or source.columns[1] > array.shape[1]:
                raise DesignError(name, f"a matrix of at least {source.columns[1]} columns", array.shape)
            array = array[:, slice(*source.columns)]
        return array
