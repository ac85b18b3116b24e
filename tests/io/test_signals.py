"""Recordings from files, against SciPy's and NumPy's own reading, and stimuli made from a seed."""

from __future__ import annotations

import contextlib
import struct
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io.wavfile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lmu_hw.errors import DesignError
from lmu_hw.io import recordings
from lmu_hw.io.signals import band_limited_noise, read_signal

Array = NDArray[np.float64]


def error_of(path: Path, **options: Any) -> str:
    with pytest.raises(DesignError) as caught:
        read_signal(path, **options)
    text = str(caught.value)
    assert "\n" not in text
    return text


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def wav_format(tag: int = 1, channels: int = 1, rate: int = 8000, bits: int = 16, frame: int = 0) -> bytes:
    frame = frame or channels * bits // 8
    return struct.pack("<HHIIHH", tag, channels, rate, rate * frame, frame, bits)


# --- .wav


@pytest.mark.parametrize("kind", ["uint8", "int16", "int32", "float32", "float64"])
def test_wav_is_what_scipy_wrote(kind: str, tmp_path: Path, rng: np.random.Generator) -> None:
    path = tmp_path / "recording.wav"
    values = rng.uniform(-1, 1, (100, 2))
    if kind == "uint8":
        codes: NDArray[Any] = rng.integers(0, 256, (100, 2)).astype(np.uint8)
        values = codes / 128 - 1
    elif kind.startswith("int"):
        info = np.iinfo(kind)
        codes = rng.integers(info.min, info.max, (100, 2), endpoint=True).astype(kind)
        values = codes / -float(info.min)
    else:
        codes = values.astype(kind)
        values = codes.astype(np.float64)
    scipy.io.wavfile.write(path, 22050, codes)
    for channel in (0, 1):
        signal = read_signal(path, channel=channel)
        assert signal.rate == 22050.0
        assert signal.samples.dtype == np.float64
        np.testing.assert_array_equal(signal.samples, values[:, channel])


def test_wav_of_24_bits_is_what_the_standard_library_wrote_and_scipy_reads(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    path = tmp_path / "recording.wav"
    codes = np.concatenate([[-(2**23), -1, 0, 1, 2**23 - 1], rng.integers(-(2**23), 2**23, 60)])
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(3)
        file.setframerate(48000)
        file.writeframes(b"".join(int(c).to_bytes(3, "little", signed=True) for c in codes))
    samples = read_signal(path).samples
    np.testing.assert_array_equal(samples, codes / 2**23)
    np.testing.assert_array_equal(samples, scipy.io.wavfile.read(path)[1] / 2**31)


def test_wav_with_extensible_header_odd_chunks_and_a_tail(tmp_path: Path) -> None:
    path = tmp_path / "odd.WAV"
    guid = struct.pack("<H", 1) + bytes.fromhex("000000001000800000aa00389b71")
    extensible = wav_format(0xFFFE) + struct.pack("<HHI", 22, 16, 4) + guid
    data = struct.pack("<3h", -32768, 0, 16384)
    path.write_bytes(riff((b"LIST", b"odd"), (b"fmt ", extensible), (b"data", data), (b"id3 ", b"x")) + b"\0\0\0")
    np.testing.assert_array_equal(read_signal(path).samples, [-1.0, 0.0, 0.5])


def test_wav_with_two_channels_and_none_chosen(tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    scipy.io.wavfile.write(path, 8000, np.zeros((10, 2), dtype=np.int16))
    assert error_of(path) == "stereo.wav has 2 channels; choose one of 0 to 1 with --input-channel"
    assert error_of(path, channel=2) == "stereo.wav has no channel 2; there are 0 to 1"
    assert error_of(path, channel="left") == "stereo.wav has no channel left; there are 0 to 1"
    assert error_of(path, channel=-1) == "stereo.wav has no channel -1; there are 0 to 1"
    assert error_of(path, channel=True) == "stereo.wav has no channel True; there are 0 to 1"
    assert read_signal(path, channel="1").samples.size == 10


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "x.wav is empty"),
        (b"RIFX" + bytes(40), "x.wav must be a RIFF WAVE file"),
        (riff((b"fmt ", wav_format())), "x.wav must be a .wav file with a format and data, got ['fmt ']"),
        (riff((b"data", b"\0\0")), "x.wav must be a .wav file with a format and data, got ['data']"),
        (riff((b"fmt ", b"\1\0"), (b"data", b"")), "x.wav must be a .wav file with a format and data"),
        (
            riff((b"fmt ", wav_format()), (b"data", bytes(100)))[:-1],
            "x.wav must be a whole .wav file, got chunk b'data' cut off after 143 bytes",
        ),
        (
            riff((b"fmt ", wav_format(tag=6, bits=8)), (b"data", bytes(2))),
            "x.wav must be PCM of 8, 16, 24 or 32 bits or float of 32 or 64, got tag 6, 8 bits",
        ),
        (
            riff((b"fmt ", wav_format(bits=12)), (b"data", bytes(2))),
            "x.wav must be PCM of 8, 16, 24 or 32 bits or float of 32 or 64, got tag 1, 12 bits",
        ),
        (
            riff((b"fmt ", wav_format(frame=4)), (b"data", bytes(4))),
            "x.wav must be whole frames at a rate, got 1 channel(s), 4 bytes a frame, 8000 Hz",
        ),
        (riff((b"fmt ", wav_format()), (b"data", bytes(3))), "x.wav must be whole frames at a rate"),
        (riff((b"fmt ", wav_format(rate=0)), (b"data", bytes(2))), "x.wav must be whole frames at a rate"),
        (riff((b"fmt ", wav_format(channels=0, frame=2)), (b"data", bytes(2))), "x.wav must be whole frames"),
        (riff((b"fmt ", wav_format()), (b"data", b"")), "x.wav must be a recording of at least one sample, got none"),
        (
            riff((b"fmt ", wav_format(3, bits=32)), (b"data", struct.pack("<2f", 0.5, -1.5))),
            "x.wav must be within [-1, 1], got a peak of 1.5; --normalize scales it",
        ),
        (
            riff((b"fmt ", wav_format(3, bits=32)), (b"data", struct.pack("<2f", 0.5, float("nan")))),
            "x.wav must be finite in every sample, got nan at sample 1",
        ),
    ],
)
def test_wav_refuses(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(content)
    assert error_of(tmp_path / "x.wav").startswith(message)


@given(content=st.binary(max_size=120), cut=st.integers(0, 200), at=st.integers(0, 60))
def test_damaged_wav_is_read_or_refused_but_never_worse(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, cut: int, at: int
) -> None:
    good = riff((b"fmt ", wav_format()), (b"data", bytes(64)))
    path = tmp_path_factory.getbasetemp() / "damaged.wav"
    path.write_bytes((good[:at] + content + good[at:])[:cut])
    with contextlib.suppress(DesignError):
        assert read_signal(path).samples.size > 0


# --- .npy


@pytest.mark.parametrize("kind", ["<f4", ">f8", "<f2", "i1"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_is_what_numpy_wrote(kind: str, order: Any, tmp_path: Path, rng: np.random.Generator) -> None:
    values = rng.integers(-1, 2, (50, 3)).astype(kind)
    path = tmp_path / "recording.npy"
    np.save(path, np.array(values, order=order))
    signal = read_signal(path, channel=2)
    np.testing.assert_array_equal(signal.samples, values[:, 2].astype(np.float64))
    assert signal.samples.dtype == np.float64
    assert signal.rate is None
    np.save(path, values[:, 0])
    np.testing.assert_array_equal(read_signal(path).samples, values[:, 0])
    np.save(path, values[:, :1])
    np.testing.assert_array_equal(read_signal(path).samples, values[:, 0])


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 2, 2)), "x.npy must be an array of shape (T,) or (T, channels), got (2, 2, 2)"),
        (np.float64(1.0), "x.npy must be an array of shape (T,) or (T, channels), got ()"),
        (np.zeros((5, 2)), "x.npy has 2 channels; choose one of 0 to 1 with --input-channel"),
        (np.zeros(0), "x.npy must be a recording of at least one sample, got none"),
        (np.zeros(3, complex), "x.npy must be an array of real numbers, got complex128"),
        (np.array(["a"]), "x.npy must be an array of real numbers, got <U1"),
        (np.array([0.0, np.inf]), "x.npy must be finite in every sample, got inf at sample 1"),
        (np.array([0, -3]), "x.npy must be within [-1, 1], got a peak of 3; --normalize scales it"),
    ],
)
def test_npy_refuses(array: Any, message: str, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", array)
    assert error_of(tmp_path / "x.npy") == message


def test_npy_never_unpickles(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    message = "x.npy must be an array of numbers (nothing pickled is loaded), got Python objects"
    assert error_of(tmp_path / "x.npy") == message


def test_npy_promises_are_checked_before_anything_is_allocated(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (10**15,)})
    assert error_of(path) == "x.npy must be at most 33554432 samples long, got 1000000000000000"
    with path.open("wb") as file:
        np.lib.format.write_array_header_2_0(file, {"descr": "<f8", "fortran_order": False, "shape": (1000, 10**12)})
    assert error_of(path) == "x.npy must be a whole .npy file, with 8000000000000000 bytes of data, got 0"


@pytest.mark.parametrize("cut", [0, 5, 9, 60, 127, 130])
def test_npy_cut_off_is_refused(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.zeros(4))
    path.write_bytes(path.read_bytes()[:cut])
    assert error_of(path).startswith("x.npy must be a whole .npy file" if cut else "x.npy is empty")


def test_npy_of_an_unknown_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.zeros(4))
    content = bytearray(path.read_bytes())
    content[6] = 9
    path.write_bytes(content)
    assert error_of(path) == "x.npy must be a whole .npy file, got version (9, 0)"


# --- .csv


@pytest.mark.parametrize(
    ("text", "channel", "expected"),
    [
        ("0.5\n-0.25\n", None, [0.5, -0.25]),
        ("signal\n0.5\n-1e-1", None, [0.5, -0.1]),
        ("\ufefftime,signal\r\n0,0.5\r\n1,0.25\r\n", "signal", [0.5, 0.25]),
        ("time;signal\n0;0.5\n1;0.25\n", "1", [0.5, 0.25]),
        ("0\t0.5\n1\t0.25\n", 1, [0.5, 0.25]),
        ('# from a scope\n\n"time, s" , "u"\n0,0.5\n# a note\n1,0.25\n', "u", [0.5, 0.25]),
        ("b,0\n", "b", None),
        ("1,0,x\n", 0, None),
        ("7,8\n0.1,0.2\n", "7", None),
        ("0\t0.5\n\t0.5\n", 1, [0.5, 0.5]),
    ],
)
def test_csv_columns(text: str, channel: Any, expected: list[float] | None, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(text.encode())
    if expected is None:
        error_of(path, channel=channel)
    else:
        signal = read_signal(path, channel=channel)
        np.testing.assert_array_equal(signal.samples, expected)
        assert signal.rate is None


def test_csv_is_what_numpy_wrote(tmp_path: Path, rng: np.random.Generator) -> None:
    values = rng.uniform(-1, 1, (50, 2))
    np.savetxt(tmp_path / "x.csv", values, delimiter=",", header="time,signal")  # the names become a comment
    np.testing.assert_array_equal(read_signal(tmp_path / "x.csv", channel=1).samples, values[:, 1])


@pytest.mark.parametrize(
    ("text", "channel", "message"),
    [
        ("", None, "x.csv is empty"),
        ("signal\n", None, "x.csv must be a recording of at least one sample, got none"),
        ("0.1\nabc\n", None, "x.csv line 2 must be a number in column 0, got abc"),
        ("t,u\n0,0.1\n1,\n", "u", "x.csv line 3 must be a number in column u, got "),
        ("0.1\n0.1,0.2\n", None, "x.csv line 2 must be 1 column(s) as before, got 2"),
        ("0.1,abc\n0.2,1\n", 0, "x.csv line 1 must be all numbers or all names, got 0.1, abc"),
        ("t,u\n0,0.1\n", None, "x.csv has 2 channels; choose one of t, u with --input-channel"),
        ("t,u\n0,0.1\n", "w", "x.csv has no channel w; there are t, u"),
        ("u,u\n0,0.1\n", "u", "x.csv has no channel u; there are u, u"),
        ("0,0.1\n", "9" * 5000, "x.csv has no channel 999"),
        ("0.1\nnan\n", None, "x.csv must be finite in every sample, got nan at sample 1"),
        ("0.1\n-1.25\n", None, "x.csv must be within [-1, 1], got a peak of 1.25; --normalize scales it"),
        ("a" * 200_000, None, "x.csv must be a table of numbers, got field larger than field limit (131072)"),
    ],
)
def test_csv_refuses(text: str, channel: Any, message: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(text, encoding="utf-8")
    assert error_of(tmp_path / "x.csv", channel=channel).startswith(message)


def test_csv_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes("0.1\n".encode("utf-16"))
    assert error_of(tmp_path / "x.csv") == "x.csv must be text in UTF-8, got other bytes"


# --- any file


def test_normalize_scales_the_peak_to_one(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.array([1.0, -4.0, 2.0]))
    np.testing.assert_array_equal(read_signal(path, normalize=True).samples, [0.25, -1.0, 0.5])
    np.save(path, np.zeros(3))
    message = "x.npy must be different from zero somewhere to be normalised, got only zeros"
    assert error_of(path, normalize=True) == message


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    missing = tmp_path / "x.npy"
    assert error_of(missing).startswith("there is no file ")
    assert error_of(tmp_path / "x.mp3").endswith("x.mp3 is not of a kind that is read here; there are .npy, .csv, .wav")
    assert error_of(tmp_path / "x").endswith("/x is not of a kind that is read here; there are .npy, .csv, .wav")
    (tmp_path / "d.csv").mkdir()
    assert error_of(tmp_path / "d.csv").startswith("there is no file ")


def test_files_without_permission_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.csv"
    path.write_text("0.1\n", encoding="utf-8")

    def denied(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)  # a superuser may read anything
    assert error_of(path).startswith("cannot read ")


def test_lengths_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.csv"
    path.write_text("0.1\n" * 9, encoding="utf-8")
    monkeypatch.setattr(recordings, "MAX_SAMPLES", 8)
    assert error_of(path) == "x.csv must be at most 8 samples long, got 9"
    scipy.io.wavfile.write(tmp_path / "x.wav", 8000, np.zeros(9, dtype=np.int16))
    assert error_of(tmp_path / "x.wav") == "x.wav must be at most 8 samples long, got 9"
    monkeypatch.setattr(recordings, "MAX_FILE_BYTES", 35)
    assert error_of(path) == "x.csv must be at most 35 bytes, got 36"


# --- stimuli


@given(
    samples=st.integers(2, 500),
    dt=st.floats(1e-6, 10.0),
    share=st.floats(0.0, 1.0),
    seed=st.integers(0, 2**32 - 1),
)
def test_noise_ends_at_its_cutoff_and_peaks_at_one(samples: int, dt: float, share: float, seed: int) -> None:
    least, most = 1 / (samples * dt), 0.5 / dt
    cutoff = least + share * (most - least)
    noise = band_limited_noise(samples, dt, cutoff, seed)
    assert noise.shape == (samples,)
    assert np.abs(noise).max() == 1.0
    power = np.abs(np.fft.rfft(noise)) ** 2
    frequency = np.fft.rfftfreq(samples, dt)
    outside = (frequency > cutoff * (1 + 1e-9)) | (frequency == 0)
    assert power[outside].sum() <= 1e-20 * power.sum()
    np.testing.assert_array_equal(band_limited_noise(samples, dt, cutoff, seed), noise)


def test_noise_is_white_up_to_the_cutoff() -> None:
    power = np.mean(
        [np.abs(np.fft.rfft(band_limited_noise(400, 0.001, 250.0, seed))[1:101]) ** 2 for seed in range(400)],
        axis=0,
    )
    assert power[:50].mean() == pytest.approx(power[50:].mean(), rel=0.05)
    assert power.max() < 2.0 * power.mean()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, 0.1, 1.0, 0), "samples must be an integer from 2 to 33554432, got 1"),
        ((10, 0.0, 1.0, 0), "dt must be a positive number of seconds, got 0.0"),
        ((10, 0.1, 5.1, 0), "Hz, got 5.1"),
        ((10, 0.1, 0.0, 0), "must be a positive number of Hz, got 0.0"),
        ((10, 0.1, float("nan"), 0), "must be a positive number of Hz, got nan"),
        ((10, 0.1, 2.0, -1), "seed must be an integer of at least 0, got -1"),
    ],
)
def test_noise_refuses(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(DesignError) as caught:
        band_limited_noise(*arguments)
    assert message in str(caught.value)


def test_noise_needs_a_frequency_that_fits() -> None:
    with pytest.raises(DesignError, match=r"cutoff must be from 1 to 5 Hz, got 0\.5"):
        band_limited_noise(10, 0.1, 0.5, 0)
