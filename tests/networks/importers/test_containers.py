"""Files from strangers: whatever is in them, the answer is a network or one line, and nothing large is made."""

from __future__ import annotations

import io
import json
import pickle
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from safetensors.numpy import save_file

from lmu_hw.errors import DesignError, MissingToolError
from lmu_hw.io.archive import MAX_BYTES
from lmu_hw.networks.importers import NamedCell, import_keras, import_state_dict
from lmu_hw.networks.importers.keras_weights import Hdf5Reader
from lmu_hw.networks.importers.state_dict import read_tensors
from tests.networks.importers.files import Cell, Entry, dense, model, save, save_archive, weights_file

ENTRIES = [dense("d", np.ones((2, 3)), np.zeros(3))]


def refused(path: Path, message: str) -> None:
    reader: Callable[[Path], Any] = import_keras
    if path.suffix in (".pt", ".safetensors"):
        reader = read_tensors
    with pytest.raises(DesignError, match=message) as caught:
        reader(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_names_in_a_file_cannot_break_the_line(tmp_path: Path) -> None:
    name = "a\nb\x1b[2J" + 300 * "c"
    for kind, layer, message in (
        ("Conv1D", name[:200], r"layer ''a\\nb\\x1b\[2Jccc+…' \(Conv1D\) must be of class"),
        ("Conv1D", name, "layer 1 in m.h5 must be a class with a configuration and a name, got Conv1D"),
        ("Conv\n1D", "c", "layer 1 in m.h5 must be a class with a configuration and a name, got dict"),
    ):
        path = tmp_path / "m.h5"
        with h5py.File(path, "w") as file:
            file.attrs["model_config"] = json.dumps(model([Entry(kind, layer)]))
        refused(path, message)
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(model(ENTRIES))
        file[f"model_weights/d/{name}"] = h5py.SoftLink("/x")
    refused(path, r"'model_weights/d/a\\nb\\x1b\[2Jcc+… in m.h5 must be in the file itself, got a SoftLink")
    save_file({f"{name}.W_m": np.ones((2, 2, 2)), f"{name}.e_x": np.ones((1, 2))}, tmp_path / "m.safetensors")
    with pytest.raises(DesignError) as caught:
        import_state_dict(tmp_path / "m.safetensors", NamedCell(20.0))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


# Zip files.


def test_members_of_a_keras_file_are_the_three_that_keras_writes(tmp_path: Path) -> None:
    text, weights = model(ENTRIES), weights_file(ENTRIES)
    wanted = "members of m.keras must be config.json, metadata.json and model.weights.h5, got "
    for name in ("nested.zip", "code.pkl", "../evil", "assets/words.txt", "model.weights.json"):
        refused(save_archive(tmp_path / "m.keras", text, weights, **{name: b"PK"}), wanted + name)


def test_two_members_of_one_name_and_too_many_are_refused(tmp_path: Path) -> None:
    path = save_archive(tmp_path / "m.keras", model(ENTRIES), weights_file(ENTRIES))
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("config.json", "{}")
    refused(path, "m.keras must be without two members of one name, got config.json")
    many = {f"m/data/{k}": b"" for k in range(4096)}
    refused(torch_file(tmp_path / "m.pt", b"", **many), "m.pt must be of at most 4096 members, got 4098")


def test_a_zip_in_place_of_the_weights_is_refused(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(1 << 20))
    path = save_archive(tmp_path / "m.keras", model(ENTRIES), inner.getvalue())
    refused(path, "model.weights.h5 in m.keras must be an HDF5 file, got something else")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", json.dumps(model(ENTRIES)))
        with archive.open("model.weights.h5", "w") as member:
            for _ in range(17):
                member.write(bytes(1 << 24))
    assert path.stat().st_size < 1 << 20
    refused(path, f"m.keras must be at most {MAX_BYTES} bytes large once unpacked, got")


def test_a_long_configuration_is_refused(tmp_path: Path) -> None:
    path = save_archive(tmp_path / "m.keras", b" " * ((1 << 22) + 1), b"")
    refused(path, "config.json in m.keras must be at most 4194304 bytes large, got 4194305")


def test_a_size_that_the_directory_understates_is_refused(tmp_path: Path) -> None:
    path = save_archive(tmp_path / "m.keras", model(ENTRIES), weights_file(ENTRIES))
    data = bytearray(path.read_bytes())
    directory = data.rindex(b"PK\x01\x02", 0, data.rindex(b"model.weights.h5"))
    struct.pack_into("<II", data, directory + 20, 100, 100)
    path.write_bytes(data)
    refused(path, "model.weights.h5 in m.keras must be an undamaged member, got Bad CRC-32")


def test_a_file_that_is_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    for suffix in (".keras", ".h5", ".safetensors"):
        path = tmp_path / f"m{suffix}"
        if suffix == ".safetensors":
            save_file({"W": np.ones((20, 30), np.float32)}, path)
        else:
            save(path, ENTRIES)
        data = path.read_bytes()
        for size in (0, 1, 10, len(data) // 3, len(data) - 1):
            path.write_bytes(data[:size])
            refused(path, path.name)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for name in ("m.keras", "m.h5", "m.pt", "m.safetensors"):
        refused(tmp_path / name, "cannot read")
        (tmp_path / name).mkdir()
        refused(tmp_path / name, name)


def test_flipped_bytes_end_in_a_network_or_in_one_line(rng: np.random.Generator, tmp_path: Path) -> None:
    """In a process of its own, since a library might take more than a Python error from it."""
    cell = Cell(rng, flags=("hidden_to_memory",))
    for suffix in (".keras", ".h5"):
        save(tmp_path / f"m{suffix}", [cell.entry(), *[dense("d", np.ones((3, 2)))]])
    program = """
import sys
from pathlib import Path
import numpy as np
from lmu_hw.errors import DesignError
from lmu_hw.networks.importers import import_keras
rng = np.random.default_rng(5)
networks = errors = 0
for path in map(Path, sys.argv[1:]):
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    for _ in range(100):
        bad = whole.copy()
        bad[rng.integers(bad.size, size=4)] = rng.integers(256, size=4)
        path.write_bytes(bad.tobytes())
        try:
            import_keras(path)
            networks += 1
        except DesignError as error:
            errors += 1
            assert len(str(error).splitlines()) == 1
print(networks + errors, errors > 0)
"""
    paths = [str(tmp_path / f"m{suffix}") for suffix in (".keras", ".h5")]
    done = subprocess.run([sys.executable, "-c", program, *paths], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["200", "True"], done.stderr


# HDF5 files.

Change = Callable[[h5py.File], None]
KERNEL = "model_weights/d/d/kernel"


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((2, 3), np.float32)
    layout[:] = h5py.VirtualSource("other.h5", "x", (2, 3))
    file.create_virtual_dataset(KERNEL, layout)


def external(file: h5py.File) -> None:
    file.create_dataset(KERNEL, (2, 3), np.float32, external=[("other.bin", 0, 24)])


def cycle(file: h5py.File) -> None:
    file[KERNEL] = np.ones((2, 3))
    file["model_weights/d/d/again"] = file["model_weights"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (virtual, r"kernel of layer 'd' \(Dense\) must be stored in the file as it is, in one piece"),
        (external, r"kernel of layer 'd' \(Dense\) must be stored in the file as it is, in one piece"),
        (
            lambda f: f.create_dataset(KERNEL, (1 << 20, 1 << 20), np.float32, chunks=(64, 64), compression="gzip"),
            r"kernel of layer 'd' \(Dense\) must be stored in the file as it is, in one piece",
        ),
        (
            lambda f: f.create_dataset(KERNEL, (1 << 20, 1 << 20), np.float32),
            r"kernel of layer 'd' \(Dense\) must be of as many bytes as are stored, got shape \(1048576, 1048576\)",
        ),
        (
            lambda f: f.create_dataset(KERNEL, data=["a", "b"], dtype=h5py.string_dtype()),
            r"kernel of layer 'd' \(Dense\) must be of floating-point numbers of 16, 32 or 64 bits, got object",
        ),
        (
            lambda f: f.create_dataset(KERNEL, data=np.ones(2, [("a", "f4"), ("b", "f4")])),
            r"kernel of layer 'd' \(Dense\) must be of floating-point numbers",
        ),
        (
            lambda f: f.create_dataset(KERNEL, data=np.full((2, 3), np.nan)),
            r"kernel of layer 'd' \(Dense\) must be finite in every entry, got NaN or infinity",
        ),
        (
            lambda f: f.create_dataset(KERNEL, data=h5py.Empty("f4")),
            r"kernel of layer 'd' \(Dense\) must be an array with a shape, got an empty one",
        ),
        (
            lambda f: f.__setitem__(KERNEL, h5py.SoftLink("/elsewhere")),
            "model_weights/d/d/kernel in m.h5 must be in the file itself, got a SoftLink",
        ),
        (
            lambda f: f.__setitem__(KERNEL, h5py.ExternalLink("other.h5", "/x")),
            "model_weights/d/d/kernel in m.h5 must be in the file itself, got a ExternalLink",
        ),
        (
            lambda f: f.__setitem__(KERNEL, np.dtype("f4")),
            "model_weights/d/d/kernel in m.h5 must be a group or an array, got Datatype",
        ),
        (cycle, "in m.h5 must be at most 12 groups deep and small, got more"),
    ],
)
def test_only_plain_arrays_of_the_file_itself_are_read(change: Change, message: str, tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(model([dense("d", np.ones((2, 3)))]))
        change(file)
    refused(path, message)


def test_arrays_together_are_bounded(tmp_path: Path) -> None:
    """Hard links make one stored array many."""
    path = tmp_path / "m.h5"
    with h5py.File(path, "w") as file:
        file["a"] = np.ones(1000)
        file["b"] = file["a"]
    reader = Hdf5Reader(path, "m.h5", max_bytes=12_000)
    assert reader.array("a", "a").size == 1000
    with pytest.raises(DesignError, match=r"b must be within the bounds of all arrays together, got shape \(1000,\)"):
        reader.array("b", "b")
    with pytest.raises(DesignError, match=r"m\.h5 must be at most 1000 bytes large, got"):
        Hdf5Reader(path, "m.h5", max_bytes=1000)


def test_a_configuration_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    for value in (3.0, np.zeros(4), np.array(["a", "b"], dtype=object)):
        with h5py.File(path, "w") as file:
            file.attrs["model_config"] = value
        refused(path, "attribute model_config of m.h5 must be one text of at most 4194304 bytes")


# State dicts.


def torch_file(path: Path, text: bytes, method: int = zipfile.ZIP_STORED, **more: bytes) -> Path:
    """A `.pt` around a pickle."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in {"m/data.pkl": text, "m/version": b"3\n", **more}.items():
            archive.writestr(name, content)
    return path


class Call:
    """What unpickles to a call."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.function, self.arguments


@pytest.mark.parametrize("protocol", [0, 1, 2, 4])
def test_a_pickle_that_names_anything_but_tensors_is_refused_and_not_run(protocol: int, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    for call in (Call(Path.touch, marker), Call(eval, "1"), Call(bytearray, 1 << 40), Call(np.ones, 3)):
        path = torch_file(tmp_path / "m.pt", pickle.dumps({"W": call}, protocol))
        refused(path, "pickle in m.pt must be of tensors only, got one that names ")
    assert not marker.exists()


def test_what_else_is_no_state_dict_is_refused(tmp_path: Path) -> None:
    harmless = pickle.dumps({}, 2)
    refused(torch_file(tmp_path / "m.pt", harmless[:-1]), "pickle in m.pt must be undamaged, got a damaged one")
    refused(torch_file(tmp_path / "m.pt", b""), "pickle in m.pt must be undamaged, got a damaged one")
    path = torch_file(tmp_path / "m.pt", harmless, **{"m/constants.pkl": harmless})
    refused(path, "m.pt must be a state dict, with one pickle data.pkl, got m/data.pkl, m/constants.pkl")
    path = torch_file(tmp_path / "m.pt", harmless, zipfile.ZIP_DEFLATED)
    refused(path, "m/data.pkl in m.pt must be stored as it is, got another storage")
    (tmp_path / "m.pt").write_bytes(pickle.dumps({"W": 1.0}))
    refused(tmp_path / "m.pt", r"m.pt must be a zip file, as torch.save writes it since 1.6, got no zip file")


def test_without_torch_a_pt_file_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(
        MissingToolError, match=r"torch, which reads .pt files, is not installed; pip install torch, or"
    ):
        read_tensors(torch_file(tmp_path / "m.pt", pickle.dumps({}, 2)))


def test_without_h5py_and_safetensors_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keras = save(tmp_path / "m.keras", ENTRIES)
    save_file({"W": np.ones(3)}, tmp_path / "m.safetensors")
    for name in ("h5py", "safetensors"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(
        MissingToolError, match=r"h5py, which reads HDF5 files, is not installed; pip install 'lmu-hw\[import\]'"
    ):
        import_keras(keras)
    with pytest.raises(MissingToolError, match=r"safetensors is not installed; pip install 'lmu-hw\[import\]'$"):
        read_tensors(tmp_path / "m.safetensors")


def test_types_without_an_exact_number_are_named_where_they_are_used(tmp_path: Path) -> None:
    arrays = {"e_x": np.ones((1, 2)), "W_m": np.ones((3, 4), np.int64), "e_m": np.ones((1, 4))}
    save_file(arrays, tmp_path / "m.safetensors")
    with pytest.raises(DesignError, match=r"memory_kernel of layer 0 \(lmu\) must be of floating-.*, got I64 of shape"):
        import_state_dict(tmp_path / "m.safetensors", NamedCell(20.0))


def test_a_header_of_safetensors_that_lies_is_refused(tmp_path: Path) -> None:
    for shape, end in (([1 << 40], 4), ([1], 1 << 40), ([-1], 4)):
        header = json.dumps({"W": {"dtype": "F32", "shape": shape, "data_offsets": [0, end]}}).encode()
        path = tmp_path / "m.safetensors"
        path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
        refused(path, "m.safetensors must be a file of safetensors, got a damaged one")
    path.write_bytes(struct.pack("<Q", 1 << 60) + b"{}")
    refused(path, "m.safetensors must be a file of safetensors, got a damaged one")


def test_layers_whose_weights_are_not_there_are_named(tmp_path: Path) -> None:
    entry = Entry("Dense", "d", {"units": 3, "activation": "linear", "use_bias": True})
    for suffix in (".keras", ".h5"):
        refused(
            save(tmp_path / f"m{suffix}", [entry]), r"weights of layer 'd' \(Dense\) must be 2 arrays \(kernel, bias\)"
        )
