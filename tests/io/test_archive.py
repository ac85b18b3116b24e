"""Archives of arrays: the same bytes each time, readable by NumPy, and nothing read that is too large or odd."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmu_hw.errors import DesignError
from lmu_hw.io import archive as module
from lmu_hw.io.archive import ArchiveReader, Form, write_archive

HEADER = {"format": "a test", "n": 3}


def anything(_: Form) -> None:
    return None


def npy(array: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array), **options)
    return buffer.getvalue()


def pack(path: Path, members: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def header(value: Any = HEADER) -> bytes:
    return npy(np.frombuffer(json.dumps(value).encode(), dtype=np.uint8))


def test_what_is_written_is_read_and_numpy_reads_it_too(tmp_path: Path, rng: np.random.Generator) -> None:
    arrays = {
        "a": rng.normal(size=(3, 4)),
        "b.c": rng.normal(size=5).astype(np.float32),
        "scalar": np.array(7, dtype=np.int64),
        "bits": np.array([True, False]),
        "turned": np.asfortranarray(rng.normal(size=(2, 3))),
    }
    path = write_archive(tmp_path / "x.npz", HEADER, arrays)
    with ArchiveReader(path) as archive:
        assert archive.header == HEADER
        read = archive.read(dict.fromkeys(arrays, anything))
    with np.load(path, allow_pickle=False) as loaded:
        assert json.loads(loaded["header"].tobytes()) == HEADER
        for name, array in arrays.items():
            np.testing.assert_array_equal(read[name], array)
            np.testing.assert_array_equal(loaded[name], array)
            assert read[name].dtype == array.dtype


def test_the_same_content_is_the_same_bytes(tmp_path: Path) -> None:
    one = write_archive(tmp_path / "1.npz", HEADER, {"a": np.arange(3.0)})
    two = write_archive(tmp_path / "2.npz", HEADER, {"a": np.arange(3.0)})
    assert one.read_bytes() == two.read_bytes()


def test_numpy_can_write_one(tmp_path: Path) -> None:
    text = np.frombuffer(json.dumps(HEADER).encode(), dtype=np.uint8)
    np.savez_compressed(tmp_path / "x.npz", header=text, a=np.ones((2, 2)))
    with ArchiveReader(tmp_path / "x.npz") as archive:
        np.testing.assert_array_equal(archive.read({"a": anything})["a"], np.ones((2, 2)))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"a.npy": npy(1.0)}, "x.npz must be an archive with a member header.npy, got"),
        ({"header.npy": header(), "inner.zip": b""}, "x.npz must be of plain .npy members only, got inner.zip"),
        ({"header.npy": header(), "../a.npy": npy(1.0)}, r"x.npz must be of plain .npy members only, got \.\./a.npy"),
        ({"header.npy": header([1])}, "header of x.npz must be a JSON object, got list"),
        ({"header.npy": npy(np.ones(3))}, r"header in x.npz must be one-dimensional of type uint8, got \(3,\)"),
        ({"header.npy": npy(np.array([255], np.uint8))}, "header of x.npz must be JSON in UTF-8, got something else"),
        ({"header.npy": b"\x93NUMPY"}, "header in x.npz must be a .npy array of format 1.0 or 2.0, got something"),
        ({"header.npy": npy(np.frombuffer(b"[" * 100_000, np.uint8))}, "header of x.npz must be JSON in UTF-8"),
    ],
)
def test_what_is_no_archive_is_refused(tmp_path: Path, members: Mapping[str, bytes], message: str) -> None:
    path = pack(tmp_path / "x.npz", members)
    with pytest.raises(DesignError, match=message):
        ArchiveReader(path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (npy(np.array([None])), "a in x.npz must be numbers in C order, got type |O"),
        (npy(np.ones((2, 2), order="F")), "a in x.npz must be numbers in C order, got Fortran order, type <f8"),
        (npy(np.ones(3, dtype=">f8")), "a in x.npz must be numbers in C order, got type >f8"),
        (npy(np.ones(3))[:-1], "a in x.npz must be 24 bytes, as its shape says, got "),
        (npy(np.ones(3)) + b"x", "a in x.npz must be 24 bytes, as its shape says, got 25"),
        (npy(np.ones(1)).replace(b"(1,), ", b"(9**9,"), "a in x.npz must be a .npy array of format 1.0 or 2.0"),
    ],
)
def test_odd_arrays_are_refused(tmp_path: Path, data: bytes, message: str) -> None:
    path = pack(tmp_path / "x.npz", {"header.npy": header(), "a.npy": data})
    with ArchiveReader(path) as archive, pytest.raises(DesignError, match=message):
        archive.read({"a": anything})


def test_a_shape_beyond_the_member_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    huge = npy(np.ones(1)).replace(b"(1,), }          ", b"(999999999999,), }")
    assert b"999999999999" in huge
    path = pack(tmp_path / "x.npz", {"header.npy": header(), "a.npy": huge})
    with (
        ArchiveReader(path) as archive,
        pytest.raises(DesignError, match=r"a in x.npz must be 7999999999992 bytes, as its shape says, got "),
    ):
        archive.read({"a": anything})


def test_sizes_are_bounded_by_the_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = pack(tmp_path / "bomb.npz", {"header.npy": header(), "a.npy": npy(np.zeros(1 << 18))})
    assert bomb.stat().st_size < 1 << 14
    with pytest.raises(DesignError, match=r"bomb.npz must be at most 1048576 bytes large once unpacked, got 2097"):
        ArchiveReader(bomb, max_bytes=1 << 20)
    plain = pack(tmp_path / "plain.npz", {"header.npy": header(), "a.npy": npy(np.zeros(1 << 12))}, zipfile.ZIP_STORED)
    monkeypatch.setattr(module, "MAX_MEMBERS", 1)
    with pytest.raises(DesignError, match=r"plain.npz must be at most \d+ bytes large, got"):
        ArchiveReader(plain, max_bytes=1 << 10)
    with pytest.raises(DesignError, match=r"bomb.npz must be of at most 1 members, got 2"):
        ArchiveReader(bomb)
    monkeypatch.setattr(module, "MAX_MEMBERS", 10)
    monkeypatch.setattr(module, "MAX_HEADER_BYTES", 10)
    with pytest.raises(DesignError, match=r"header of bomb.npz must be at most 10 bytes, got"):
        ArchiveReader(bomb)


def test_duplicate_members_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("header.npy", header())
        with pytest.warns(UserWarning, match="Duplicate name"):
            file.writestr("header.npy", header())
    with pytest.raises(DesignError, match=r"x.npz must be without two members of one name, got header.npy"):
        ArchiveReader(path)


def test_missing_surplus_and_wrong_arrays(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "x.npz", HEADER, {"a": np.ones(2), "b": np.ones(2)})
    with ArchiveReader(path) as archive:
        with pytest.raises(DesignError, match=r"c must be an array in x.npz, got none of that name"):
            archive.read({"a": anything, "b": anything, "c": anything})
        with pytest.raises(DesignError, match=r"arrays in x.npz must be those that its header accounts for, got b"):
            archive.read({"a": anything})
        with pytest.raises(DesignError, match=r"a in x.npz must be something else, got \(2,\) of type <f8"):
            archive.read({"a": lambda _: "something else", "b": anything})


@given(cut=st.floats(0.0, 0.999), flip=st.integers(0, 10_000))
def test_damage_never_gets_through(tmp_path_factory: pytest.TempPathFactory, cut: float, flip: int) -> None:
    folder = tmp_path_factory.mktemp("damage")
    arrays = {"a": np.arange(40.0), "b": np.ones((3, 3))}
    data = write_archive(folder / "x.npz", HEADER, arrays).read_bytes()
    short = folder / "short.npz"
    short.write_bytes(data[: int(cut * len(data))])
    with pytest.raises(DesignError, match=r"short\.npz"):
        ArchiveReader(short)
    changed = bytearray(data)
    changed[flip % len(data)] ^= 0x10
    damaged = folder / "damaged.npz"
    damaged.write_bytes(changed)
    with contextlib.suppress(DesignError), ArchiveReader(damaged) as archive:
        for name, array in archive.read(dict.fromkeys(arrays, anything)).items():
            np.testing.assert_array_equal(array, arrays[name])  # a bit that means nothing, such as a date


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(DesignError, match=r"cannot read none.npz: No such file or directory"):
        ArchiveReader(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(DesignError, match=r"text.npz must be an archive of arrays \(.npz\), got no zip file"):
        ArchiveReader(tmp_path / "text.npz")
