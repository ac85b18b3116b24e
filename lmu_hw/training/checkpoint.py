"""Checkpoints: all that a training needs in order to go on as if it had never stopped.

A checkpoint is an archive (`lmu_hw.archive`). Its header holds the progress in plain numbers and what defines
the training, so that it is not resumed as another one; its arrays are the leaves of the state, in JAX's order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmu_hw.archive import ArchiveReader, Form, write_archive
from lmu_hw.errors import DesignError
from lmu_hw.training.backend import jax, jnp

FORMAT, VERSION = "lmu_hw checkpoint", 1
MAX_BYTES = 1 << 32
Tree = Any


@dataclass
class Progress:
    """How far a training is.

    Attributes:
        epoch: complete epochs.
        step: complete steps of the epoch under way.
        losses: one per step of the epoch under way.
        best_epoch: complete epochs when the best parameters were validated; 0 before.
        best_value: their metric on the validation set.
        history: a row for each complete epoch.
    """

    epoch: int = 0
    step: int = 0
    losses: list[float] = field(default_factory=list)
    best_epoch: int = 0
    best_value: float | None = None
    history: list[dict[str, float]] = field(default_factory=list)


def save_checkpoint(path: Path, setup: Mapping[str, Any], progress: Progress, state: Tree) -> Path:
    """Replace `path` by this state, whole or not at all."""
    values: dict[str, NDArray[Any]] = {str(k): np.asarray(leaf) for k, leaf in enumerate(jax.tree.leaves(state))}
    header = {"format": FORMAT, "version": VERSION, "setup": setup, "progress": vars(progress)}
    return write_archive(path, header, values)


def load_checkpoint(path: Path, setup: Mapping[str, Any], like: Tree) -> tuple[Progress, Tree]:
    """The progress and state in `path`.

    Args:
        path: of a checkpoint.
        setup: what defines the training; it must be the one that the checkpoint was written by.
        like: a state of the same structure, shapes and types.

    Raises:
        DesignError: it is no checkpoint, is damaged, or belongs to another training.
    """
    leaves, structure = jax.tree.flatten(like)

    def check(leaf: Any, form: Form) -> str | None:
        wanted = (leaf.shape, np.dtype(leaf.dtype).newbyteorder("<").str)
        return None if form == wanted else f"of shape {wanted[0]} and type {wanted[1]}"

    with ArchiveReader(path, max_bytes=MAX_BYTES) as archive:
        header = archive.header
        if (header.get("format"), header.get("version")) != (FORMAT, VERSION):
            got = f"{header.get('format')} {header.get('version')}"
            raise DesignError(f"checkpoint {path.name}", f"a {FORMAT} of version {VERSION}", got)
        written = header.get("setup")
        if written != setup:
            raise DesignError(
                f"checkpoint {path.name}",
                "of this training (remove it to begin anew)",
                f"one with another {_difference(setup, written)}",
            )
        values = archive.read({str(k): partial(check, leaf) for k, leaf in enumerate(leaves)})
        written = header.get("progress")
        if not isinstance(written, dict) or set(written) != set(vars(Progress())):
            raise DesignError(f"progress in {path.name}", "an object with " + ", ".join(vars(Progress())), written)
    return Progress(**written), jax.tree.unflatten(structure, [jnp.asarray(values[str(k)]) for k in range(len(leaves))])


def _difference(wanted: Mapping[str, Any], got: Any) -> str:
    """The first key in which two set-ups differ."""
    if not isinstance(got, dict):
        return "setup"
    for key in [*wanted, *got]:
        here, there = wanted.get(key), got.get(key)
        if here != there:
            return f"{key}.{_difference(here, there)}" if isinstance(here, Mapping) else str(key)
    return "setup"
