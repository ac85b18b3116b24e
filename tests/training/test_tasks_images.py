"""Images as sequences: their order, and deformations against SciPy's interpolation."""

from __future__ import annotations

import math

import numpy as np
import scipy.ndimage

from lmu_hw.training.backend import jax, jnp
from lmu_hw.training.tasks.images import Deformation, PixelSequences, pixel_order


def test_the_order_is_a_permutation_by_its_seed() -> None:
    order = pixel_order(784, 0)
    assert sorted(order.tolist()) == list(range(784))
    assert np.array_equal(order, np.random.default_rng(0).permutation(784))
    assert not np.array_equal(order, pixel_order(784, 1))


def test_a_sequence_is_the_pixels_in_that_order(rng: np.random.Generator) -> None:
    images = rng.integers(0, 256, (3, 5, 4), dtype=np.uint8)
    order = pixel_order(20, 2)
    sequences = np.asarray(PixelSequences(order)(images, jax.random.key(0)))
    assert sequences.shape == (3, 20, 1)
    for k in range(20):
        row, column = divmod(int(order[k]), 4)
        assert np.array_equal(sequences[:, k, 0], images[:, row, column])


def test_no_deformation_leaves_images_as_they_are(rng: np.random.Generator) -> None:
    images = rng.random((4, 8, 9)).astype(np.float32)
    assert np.allclose(jax.jit(Deformation())(jnp.asarray(images), jax.random.key(1)), images, atol=1e-6)


def test_a_deformation_is_an_affine_map() -> None:
    """Against SciPy at the coordinates that the definition gives, for the same draws."""
    rng = np.random.default_rng(5)
    images, key = rng.random((6, 12, 10)), jax.random.key(3)
    deformation = Deformation(shift=2.0, turn=25.0, stretch=0.2, shear=0.3)
    result = np.asarray(jax.jit(deformation)(jnp.asarray(images), key))
    turn, stretch, shear, right, down = np.asarray(jax.random.uniform(key, (5, 6), jnp.float64, -1.0, 1.0))
    y, x = np.meshgrid(np.arange(12) - 5.5, np.arange(10) - 4.5, indexing="ij")
    for k in range(6):
        angle, size = math.radians(25.0 * turn[k]), 1.0 + 0.2 * stretch[k]
        matrix = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]]) / size
        from_x = matrix[0, 0] * x + (matrix[0, 1] + 0.3 * shear[k]) * y + 2.0 * right[k] + 4.5
        from_y = matrix[1, 0] * x + matrix[1, 1] * y + 2.0 * down[k] + 5.5
        expected = scipy.ndimage.map_coordinates(images[k], [from_y, from_x], order=1, mode="grid-constant")
        assert np.allclose(result[k], expected, atol=1e-12)


def test_only_training_deforms_and_the_background_stays(rng: np.random.Generator) -> None:
    images = np.full((2, 6, 6), -1.0)
    images[:, 2:4, 2:4] = rng.random((2, 2, 2))
    pixels = PixelSequences(np.arange(36), Deformation(shift=3.0, turn=40.0), background=-1.0)
    assert np.array_equal(np.asarray(pixels(images, None))[..., 0], images.reshape(2, 36).astype(np.float32))
    deformed = np.asarray(jax.jit(pixels)(images, jax.random.key(0)))
    assert not np.allclose(deformed[..., 0], images.reshape(2, 36))
    assert deformed.min() >= -1.0 - 1e-6
    assert np.allclose(deformed[:, [0, 35]], -1.0, atol=0.6)
