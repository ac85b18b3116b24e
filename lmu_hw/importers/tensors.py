"""State dicts: named tensors of a `.safetensors` or a `.pt` file, bounded and checked, and nothing else.

A `.pt` file is a zip file with a pickle. Before PyTorch sees it, the zip's directory is bounded and the pickle is
read as a list of instructions, none of which is carried out: it may name the few functions and types that tensors
are made of. PyTorch then loads it with `weights_only=True`, which keeps to such a list of its own.
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

from lmu_hw.archive import MAX_BYTES, MAX_HEADER_BYTES, MAX_MEMBERS
from lmu_hw.errors import DesignError, MissingToolError
from lmu_hw.importers.text import shown
from lmu_hw.importers.zips import ZipReader
from lmu_hw.legendre import Array

#: Under which names checkpoints keep the state dict itself.
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
        shape: its shape.
        kind: its type, in the words of the file.
        values: in float64; None where it holds no floating-point numbers of 16, 32 or 64 bits.
    """

    shape: tuple[int, ...]
    kind: str
    values: Array | None


def read_tensors(path: Path) -> Mapping[str, Tensor]:
    """The tensors in `path` by name.

    Raises:
        DesignError: it is no state dict, is damaged or too large; or a `.pt` that names other things than tensors.
        MissingToolError: safetensors or, for a `.pt`, torch is not installed.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise DesignError(path.name, "a file that can be read", error.strerror or str(error)) from None
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
    """Refuse a `.pt` whose sizes or pickle go beyond tensors."""
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
    """The dictionary of tensors in what was loaded, which may be a checkpoint around it."""
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
