"""MNIST from folders and downloads: every container, every damage."""

from __future__ import annotations

import functools
import gzip
import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmu_hw.errors import DesignError
from lmu_hw.training.tasks import mnist
from lmu_hw.training.tasks.mnist import Mnist, cache_folder, load_mnist

Arrays = dict[str, Any]
KEYS = ("x_train", "y_train", "x_test", "y_test")
IMAGES = "train-images-idx3-ubyte"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> Arrays:
    """A few images in place of the official ones, with their checksums."""
    shapes = {part.key: (7 if "train" in part.key else 4, *part.shape[1:]) for part in mnist.PARTS}
    arrays = {key: rng.integers(0, 256, shape, dtype=np.uint8) for key, shape in shapes.items()}
    parts = []
    for part in mnist.PARTS:
        content = idx(arrays[part.key])
        sums = (hashlib.sha256(each).hexdigest() for each in (content, packed(content)))
        parts.append(mnist._Part(part.key, part.stem, arrays[part.key].shape, *sums))
    monkeypatch.setattr(mnist, "PARTS", tuple(parts))
    return arrays


def idx(array: Any) -> bytes:
    """The IDX format, by its description: magic number with type 8 and the dimensions, sizes, bytes."""
    sizes = b"".join(int(n).to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def packed(content: bytes) -> bytes:
    """The same bytes for the same content: without the time."""
    return gzip.compress(content, mtime=0)


def write_idx(folder: Path, arrays: Arrays, *, compressed: bool = False) -> None:
    folder.mkdir(exist_ok=True)
    for part in mnist.PARTS:
        content = idx(arrays[part.key])
        (folder / (part.stem + ".gz" * compressed)).write_bytes(packed(content) if compressed else content)


def check(data: Mnist, arrays: Arrays) -> None:
    fields = (data.train_images, data.train_labels, data.test_images, data.test_labels)
    for key, array in zip(KEYS, fields, strict=True):
        assert np.array_equal(array, arrays[key])


def test_plain_files(small: Arrays, tmp_path: Path) -> None:
    write_idx(tmp_path, small)
    check(load_mnist(tmp_path), small)


def test_compressed_files(small: Arrays, tmp_path: Path) -> None:
    write_idx(tmp_path, small, compressed=True)
    check(load_mnist(tmp_path), small)


def test_archives_of_any_name_and_integer(small: Arrays, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=small["x_train"], y_train=small["y_train"].astype(np.int64))
    np.savez_compressed(tmp_path / "b.npz", x_test=small["x_test"], y_test=small["y_test"])
    check(load_mnist(tmp_path), small)


def test_the_official_sizes_and_names() -> None:
    assert [(p.stem, p.size) for p in mnist.PARTS] == [
        ("train-images-idx3-ubyte", 47_040_016),
        ("train-labels-idx1-ubyte", 60_008),
        ("t10k-images-idx3-ubyte", 7_840_016),
        ("t10k-labels-idx1-ubyte", 10_008),
    ]


def _missing(folder: Path) -> None:
    (folder / IMAGES).unlink()


def _changed(folder: Path) -> None:
    content = bytearray((folder / IMAGES).read_bytes())
    content[100] ^= 1
    (folder / IMAGES).write_bytes(content)


def _short(folder: Path) -> None:
    (folder / IMAGES).write_bytes((folder / IMAGES).read_bytes()[:-1])


def _long(folder: Path) -> None:
    (folder / IMAGES).write_bytes((folder / IMAGES).read_bytes() + b"x")


def _cut_archive(folder: Path) -> None:
    content = gzip.compress((folder / IMAGES).read_bytes())
    (folder / IMAGES).unlink()
    (folder / f"{IMAGES}.gz").write_bytes(content[: len(content) // 2])


def _bomb(folder: Path) -> None:
    (folder / IMAGES).unlink()
    (folder / f"{IMAGES}.gz").write_bytes(gzip.compress(bytes(1 << 24)))


def _wrong_shape(folder: Path) -> None:
    (folder / IMAGES).unlink()
    np.savez(folder / "x.npz", x_train=np.zeros((7, 28, 27), np.uint8))


def _objects(folder: Path) -> None:
    (folder / IMAGES).unlink()
    np.savez(folder / "x.npz", x_train=np.array([{}], dtype=object))


def _no_archive(folder: Path) -> None:
    (folder / IMAGES).unlink()
    (folder / "x.npz").write_bytes(b"PK\x03\x04 nothing")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_missing, "x_train must be in the folder as train-images-idx3-ubyte"),
        (_changed, "the official data"),
        (_short, "an IDX file of 7 × 28 × 28 bytes"),
        (_long, "an IDX file of 7 × 28 × 28 bytes"),
        (_cut_archive, "a whole gzip file"),
        (_bomb, "an IDX file of 7 × 28 × 28 bytes"),
        (_wrong_shape, "integers of shape (7, 28, 28)"),
        (_objects, "integers of shape (7, 28, 28)"),
        (_no_archive, "a whole .npz file"),
    ],
)
def test_damage_is_named(small: Arrays, tmp_path: Path, damage: Callable[[Path], None], said: str) -> None:
    write_idx(tmp_path, small)
    damage(tmp_path)
    with pytest.raises(DesignError) as error:
        load_mnist(tmp_path)
    assert said in str(error.value)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DesignError, match="a folder with the MNIST files"):
        load_mnist(tmp_path / "nowhere")


class _Server(SimpleHTTPRequestHandler):
    """Files of a folder; those in `cut` end early."""

    cut: frozenset[str] = frozenset()

    def copyfile(self, source: Any, outputfile: Any) -> None:
        content = source.read()
        outputfile.write(content[: len(content) // 2] if Path(self.path).name in self.cut else content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose files the only source serves, and an empty cache."""
    folder = tmp_path / "served"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Server, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(mnist, "SOURCES", (f"http://127.0.0.1:{server.server_port}/",))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield folder
    server.shutdown()
    server.server_close()


def test_a_download_is_kept(small: Arrays, served: Path) -> None:
    write_idx(served, small, compressed=True)
    check(load_mnist(), small)
    for path in served.iterdir():
        path.unlink()
    check(load_mnist(), small)  # from the cache


def test_an_interrupted_download_leaves_nothing_and_is_taken_up(
    small: Arrays, served: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_idx(served, small, compressed=True)
    monkeypatch.setattr(_Server, "cut", frozenset({"t10k-images-idx3-ubyte.gz"}))
    with pytest.raises(DesignError, match=r"within reach.*(the connection ended|IncompleteRead)"):
        load_mnist()
    kept = {path.name for path in cache_folder().iterdir()}
    assert kept == {"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"}
    monkeypatch.setattr(_Server, "cut", frozenset())
    check(load_mnist(), small)


def test_a_damaged_cache_is_fetched_again(small: Arrays, served: Path) -> None:
    write_idx(served, small, compressed=True)
    load_mnist()
    path = cache_folder() / f"{IMAGES}.gz"
    path.write_bytes(path.read_bytes()[:-20])
    check(load_mnist(), small)


def test_what_is_not_there_is_said(small: Arrays, served: Path) -> None:
    with pytest.raises(DesignError, match=r"within reach, got .*404.*; a folder with it can be given by --data"):
        load_mnist()


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"Content-Length": "1000000000"}, "an answer of 1000000000 bytes"),
        ({}, "an answer of unknown bytes"),
        ({"Content-Length": "9", "Content-Encoding": "gzip"}, "an answer of 9 bytes as gzip"),
    ],
)
def test_a_download_of_more_than_the_official_data_is_refused_unread(
    small: Arrays, served: Path, monkeypatch: pytest.MonkeyPatch, header: dict[str, str], said: str
) -> None:
    def answer(self: _Server) -> None:
        self.send_response(200)
        for name, value in header.items():
            self.send_header(name, value)
        self.end_headers()  # and not one byte

    monkeypatch.setattr(_Server, "do_GET", answer)
    with pytest.raises(DesignError, match=said):
        load_mnist()
    assert not any(cache_folder().iterdir())


def test_a_download_of_something_else_is_refused(small: Arrays, served: Path) -> None:
    write_idx(served, small | {"y_train": small["y_train"][::-1].copy()}, compressed=True)
    with pytest.raises(DesignError, match="the official data"):
        load_mnist()
    assert not (cache_folder() / "train-labels-idx1-ubyte.gz").exists()
