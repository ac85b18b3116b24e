"""Images as sequences of pixels in one fixed random order, and random deformations of those to train on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lmu_hw.fixed_point.formats import IntArray
from lmu_hw.training.backend import jax, jnp

Tensor = jax.Array


def pixel_order(pixels: int, seed: int) -> IntArray:
    """The random order of the pixels, shape (pixels,): sample k of every sequence is pixel `pixel_order(...)[k]`.

    Pixels are counted row by row.
    """
    order: IntArray = np.random.default_rng(seed).permutation(pixels)
    return order


@dataclass(frozen=True)
class Deformation:
    """A random affine map of an image about its centre, by the largest magnitude of each of its parts.

    The parts are drawn uniformly.

    Attributes:
        shift: The shift in pixels, in both directions.
        turn: The rotation in degrees.
        stretch: The relative change of the size.
        shear: The horizontal shift in pixels for each pixel of vertical distance.
    """

    shift: float = 0.0
    turn: float = 0.0
    stretch: float = 0.0
    shear: float = 0.0

    def __call__(self, images: Tensor, key: Tensor) -> Tensor:
        """Deform images of shape (batch, height, width), which are zero outside, each by a map of its own."""
        batch, height, width = images.shape
        draw = jax.random.uniform(key, (5, batch), images.dtype, -1.0, 1.0)
        angle = math.radians(self.turn) * draw[0]
        size = 1.0 + self.stretch * draw[1]
        cosine, sine = (jnp.cos(angle) / size)[:, None, None], (jnp.sin(angle) / size)[:, None, None]
        y = jnp.arange(height, dtype=images.dtype)[None, :, None] - 0.5 * (height - 1)
        x = jnp.arange(width, dtype=images.dtype)[None, None, :] - 0.5 * (width - 1)
        slope = (self.shear * draw[2])[:, None, None]
        right, down = (self.shift * draw[3:])[:, :, None, None]
        # The deformed image has at (x, y) the value that the image has at (from_x, from_y).
        from_x = cosine * x + (sine + slope) * y + right + 0.5 * (width - 1)
        from_y = cosine * y - sine * x + down + 0.5 * (height - 1)
        return _interpolate(images, from_y, from_x)


def _interpolate(images: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """Bilinear interpolation at (y, x), shape (batch, height, width), in images that are zero outside."""
    batch, height, width = images.shape
    framed = jnp.pad(images, ((0, 0), (1, 1), (1, 1))).reshape(batch, -1)
    top, left = jnp.floor(y), jnp.floor(x)
    below, beside = y - top, x - left

    def at(row: Tensor, column: Tensor) -> Tensor:
        inside = (jnp.clip(row, -1, height) + 1) * (width + 2) + jnp.clip(column, -1, width) + 1
        flat = inside.astype(jnp.int32).reshape(batch, -1)
        return jnp.take_along_axis(framed, flat, axis=1).reshape(row.shape)

    upper = (1.0 - beside) * at(top, left) + beside * at(top, left + 1.0)
    lower = (1.0 - beside) * at(top + 1.0, left) + beside * at(top + 1.0, left + 1.0)
    return (1.0 - below) * upper + below * lower


@dataclass(frozen=True, eq=False)
class PixelSequences:
    """The conversion of images (batch, height, width) to sequences (batch, height·width, 1), as `fit` prepares batches.

    Attributes:
        order: The order of the pixels; see `pixel_order`.
        deformation: The random deformation of images in training.
        background: The value of the pixels around an image.
    """

    order: IntArray
    deformation: Deformation | None = None
    background: float = 0.0

    def deformed(self, images: Any, key: Tensor | None) -> Tensor:
        """The images in float32, deformed if there is a key."""
        pixels = jnp.asarray(images).astype("float32")
        if key is None or self.deformation is None:
            return pixels
        return self.deformation(pixels - self.background, key) + self.background

    def __call__(self, images: Any, key: Tensor | None) -> Tensor:
        """The sequences, in the unit of the images."""
        pixels = self.deformed(images, key)
        return pixels.reshape(pixels.shape[0], -1)[:, self.order, None]
