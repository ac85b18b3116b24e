"""Every device's library text, run by ngspice, does what its parameters say."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest

from lmu_hw.analog.circuit.devices import (
    CmosOta,
    DeviceModel,
    IdealDifferentialOpAmp,
    IdealOpAmp,
    IdealOta,
    MacroDifferentialOpAmp,
    MacroOpAmp,
    MacroOta,
    SinglePoleDifferentialOpAmp,
    SinglePoleOpAmp,
    describe,
    library,
)
from lmu_hw.errors import DesignError
from lmu_hw.sim.spice.deck import Vectors
from lmu_hw.sim.spice.engines import run_spice

SLOW = MacroOpAmp(
    gain=1e4,
    gbw=1e6,
    second_pole=1e12,
    slew=2e5,
    headroom_high=2.0,
    headroom_low=3.0,
    rout=100.0,
    cin=0.0,
    cdiff=0.0,
    offset=2e-3,
    noise=3e-8,
    psrr=1e9,
)
OTA = MacroOta(gm=2e-6, linear=0.2, gout=1e-8, cin=2e-12, cout=3e-12, offset=5e-3, noise=1e-7)
BALANCED = MacroDifferentialOpAmp(**SLOW.parameters)
MODELS: Sequence[DeviceModel] = [
    IdealOpAmp(),
    SinglePoleOpAmp(),
    SLOW,
    IdealDifferentialOpAmp(),
    SinglePoleDifferentialOpAmp(),
    BALANCED,
    IdealOta(),
    OTA,
    CmosOta(),
]


def run(model: DeviceModel, cards: str) -> Vectors:
    """A deck of `cards`, in which DEVICE stands for the model's name with its parameters."""
    device = " ".join([model.subcircuit, *(f"{key}={value!r}" for key, value in model.parameters.items())])
    if model.powered:  # the cards leave out the supply pins, which come after the inputs
        cards = re.sub(r"(?m)^(X1 \S+ \S+) (.*DEVICE)", r"\1 vcc vee \2", cards)
        cards = f"V_vcc vcc 0 5\nV_vee vee 0 -5\n{cards}"
    return run_spice(f"* device\n{library(model)}{cards.replace('DEVICE', device)}\n.options reltol=1e-6\n.end\n")


def open_loop(model: DeviceModel, analysis: str, *, source: str = "dc 0 ac 1", load: float = 1e9) -> Vectors:
    # A giant choke closes the loop at direct current alone, a giant capacitor grounds the input for signals.
    cards = f"V1 a 0 {source}\nX1 a b y DEVICE\nL1 y b 1e9\nC1 b 0 1e9\nR1 y 0 {load!r}\n{analysis}"
    return run(model, cards)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.subcircuit)
def test_the_library_has_the_pins_and_parameters_of_the_model(model: DeviceModel) -> None:
    (line,) = [line for line in library(model).splitlines() if line.startswith(".subckt")]
    names, _, parameters = line.partition(" params: ")
    assert names.split() == [".subckt", model.subcircuit, *model.pins]
    assert [word.split("=")[0] for word in parameters.split()] == list(model.parameters)
    assert describe(model).split()[0] == model.label
    remarks = " ".join(line for line in library(model).splitlines() if line.startswith("*"))
    assert all(re.search(rf"\b{name}\b", remarks) for name in model.parameters)


@pytest.mark.parametrize("model", [SLOW, SinglePoleOpAmp(gain=1e4, gbw=1e6, rout=100.0)], ids=["macro", "single-pole"])
def test_gain_pole_and_output_resistance_of_an_op_amp(model: MacroOpAmp | SinglePoleOpAmp) -> None:
    found = open_loop(model, ".ac dec 5 1 1e8", load=100.0)
    wanted = 0.5 * 1e4 / (1 + 1j * found["frequency"].real * 1e4 / 1e6)
    np.testing.assert_allclose(found["v(y)"], wanted, rtol=1e-3)


def test_slew_of_the_macro_model() -> None:
    found = run(SLOW, "V1 a 0 pwl(0 -1 1e-6 -1 2e-6 2.5)\nX1 a y y DEVICE\nR1 y 0 1e6\n.tran 1e-7 4e-5 0 1e-7")
    slope = np.gradient(found["v(y)"], found["time"])
    assert slope.max() == pytest.approx(2e5, rel=1e-2)
    assert found["v(y)"][-1] == pytest.approx(2.502, abs=2e-3)


def test_rails_of_the_macro_model_and_the_way_back() -> None:
    found = run(
        SLOW,
        "V1 a 0 pwl(0 0 1e-5 -1 1e-4 -1 1.1e-4 1 2e-4 1 2.1e-4 0.01 3e-4 0.01)\nX1 0 s y DEVICE\nR1 a s 1e4\n"
        "R2 s y 1e5\n.tran 1e-6 3e-4 0 1e-6",
    )
    assert found["v(y)"].max() == pytest.approx(3.0, rel=1e-2)
    assert found["v(y)"].min() == pytest.approx(-2.0, rel=1e-2)
    # It leaves the rail at once: 5 V at the slew rate take 25 µs.
    assert np.interp(1.4e-4, found["time"], found["v(y)"]) < -1.9
    assert found["v(y)"][-1] == pytest.approx(-10 * 0.01 + 11 * 2e-3, abs=2e-3)


def test_offset_and_noise_of_the_macro_model() -> None:
    follower = "V1 a 0 dc 0 ac 1\nX1 a y y DEVICE\nR1 y 0 1e12\n"
    assert run(SLOW, follower + ".op")["v(y)"][0] == pytest.approx(2e-3, rel=1e-3)
    found = run(SLOW, follower + ".noise v(y) V1 dec 2 1 1e3")
    np.testing.assert_allclose(found["onoise_spectrum"], 3e-8, rtol=1e-3)
    quiet = run(MacroOpAmp(), follower + ".noise v(y) V1 dec 2 1 1e3")
    assert quiet["onoise_spectrum"].max() < 1e-12


@pytest.mark.parametrize("gain", [1e8, 1e3])
def test_a_differential_op_amp_is_balanced(gain: float) -> None:
    cards = (
        "V1 a 0 0.3\nV2 b 0 -0.1\nX1 p n yp yn DEVICE\nR1 a p 1e4\nR2 b n 1e4\nR3 p yn 2e4\nR4 n yp 2e4\n"
        "R5 yp 0 1e3\n.op"
    )
    for model in (IdealDifferentialOpAmp(gain), SinglePoleDifferentialOpAmp(gain, rout=1e-3)):
        found = run(model, cards)
        wanted = 2 * 0.4 / (1 + 3 / gain)
        assert found["v(yp)"][0] - found["v(yn)"][0] == pytest.approx(wanted, rel=1e-5)
        assert found["v(yp)"][0] + found["v(yn)"][0] == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("model", [BALANCED, SinglePoleDifferentialOpAmp(gain=1e4, gbw=1e6, rout=100.0)])
def test_gain_pole_and_output_resistance_of_a_differential_op_amp(model: DeviceModel) -> None:
    # As in `open_loop`: chokes close the loop at direct current alone.
    loop = "L1 yn p 1e9\nL2 yp n 1e9\nC1 p a 1e9\nC2 n 0 1e9\n"
    found = run(model, f"V1 a 0 dc 0 ac 1\nX1 p n yp yn DEVICE\n{loop}R1 yp yn 200\n.ac dec 5 1 1e8")
    wanted = 0.5 * 1e4 / (1 + 1j * found["frequency"].real * 1e4 / 1e6)
    np.testing.assert_allclose(found["v(yp)"] - found["v(yn)"], wanted, rtol=1e-3)
    np.testing.assert_allclose(found["v(yp)"], -found["v(yn)"], rtol=1e-9)


def test_a_loaded_output_of_a_differential_op_amp_falls_alone() -> None:
    """Each output has its own resistance: a load on one side leaves the other as it is."""
    for model in (BALANCED, SinglePoleDifferentialOpAmp(gain=1e4, gbw=1e6, rout=100.0)):
        loop = "L1 yn p 1e9\nL2 yp n 1e9\nC1 p a 1e9\nC2 n 0 1e9\n"
        found = run(model, f"V1 a 0 dc 0 ac 1\nX1 p n yp yn DEVICE\n{loop}R1 yp 0 300\n.ac lin 1 1 1")
        assert found["v(yp)"][0] / -found["v(yn)"][0] == pytest.approx(0.75, rel=1e-6)


def balanced_inverter(gain: float) -> str:
    """V(a) to the difference of yp and yn by -`gain`; the input's common mode is at ground."""
    ohms = 1e4 * gain
    return (
        "E1 half 0 a 0 0.5\nE2 other 0 a 0 -0.5\nR1 half n 1e4\nR2 other p 1e4\n"
        f"R3 n yp {ohms!r}\nR4 p yn {ohms!r}\nX1 p n yp yn DEVICE\n"
    )


def test_slew_of_the_differential_macro_model() -> None:
    found = run(BALANCED, f"V1 a 0 pwl(0 -2 1e-6 -2 2e-6 3)\n{balanced_inverter(1.0)}.tran 1e-7 6e-5 0 1e-7")
    for net in ("v(yp)", "v(yn)"):
        assert np.abs(np.gradient(found[net], found["time"])).max() == pytest.approx(2e5, rel=1e-2)
    assert found["v(yp)"][-1] - found["v(yn)"][-1] == pytest.approx(-3.0 + 2 * 2e-3, rel=1e-3)


def test_the_nearer_rail_limits_both_outputs_of_the_differential_macro_model() -> None:
    steps = "V1 a 0 pwl(0 0 1e-5 1 1e-4 1 1.1e-4 -1 2e-4 -1 2.1e-4 0.01 3e-4 0.01)\n"
    found = run(BALANCED, f"{steps}{balanced_inverter(10.0)}.tran 1e-6 3e-4 0 1e-6")
    for net in ("v(yp)", "v(yn)"):  # SLOW's rails are 3 and -2 V
        assert found[net].max() == pytest.approx(2.0, rel=1e-2)
        assert found[net].min() == pytest.approx(-2.0, rel=1e-2)
    # It leaves the rail at once: 4 V at the slew rate take 20 µs.
    assert np.interp(1.35e-4, found["time"], found["v(yp)"]) > 1.9
    wanted = -10 * 0.01 + 11 * 2e-3
    assert found["v(yp)"][-1] - found["v(yn)"][-1] == pytest.approx(wanted, abs=2e-3)


def test_offset_and_noise_of_the_differential_macro_model() -> None:
    cards = (
        "V1 a 0 dc 0 ac 1\nG1 a n a n 1e-4\nG2 0 p 0 p 1e-4\nG3 n yp n yp 1e-4\nG4 p yn p yn 1e-4\n"
        "X1 p n yp yn DEVICE\n"
    )  # conductances without noise
    rest = run(BALANCED, cards + ".op")
    assert rest["v(yp)"][0] - rest["v(yn)"][0] == pytest.approx(2 * 2e-3, rel=1e-3)
    found = run(BALANCED, cards + ".noise v(yp,yn) V1 dec 5 1 1e6")
    # A pole at gbw / 2; what the feedback feeds past the outputs' resistance comes to 0.04 dB.
    wanted = 2 * 3e-8 / np.abs(1 + 2j * found["frequency"] / 1e6)
    np.testing.assert_allclose(20 * np.log10(found["onoise_spectrum"] / wanted), 0.0, atol=0.05)
    silent = run(MacroDifferentialOpAmp(), cards + ".noise v(yp,yn) V1 dec 2 1 1e3")
    assert silent["onoise_spectrum"].max() < 1e-12


def test_an_ideal_transconductor_pushes_its_current_out() -> None:
    found = run(IdealOta(3e-6), "V1 p 0 0.2\nV2 n 0 -0.1\nX1 p n y DEVICE\nR1 y 0 1e5\n.op")
    assert found["v(y)"][0] == pytest.approx(3e-6 * 0.3 * 1e5, rel=1e-6)


def test_saturation_of_the_macro_transconductor() -> None:
    found = run(OTA, "V1 p 0 0\nV2 n 0 0.1\nX1 p n y DEVICE\nV3 y 0 0\n.dc v1 -1 1 0.01")
    wanted = 2e-6 * 0.2 * np.tanh((found["sweep"] - 0.1 + 5e-3) / 0.2)
    np.testing.assert_allclose(found["i(v3)"], wanted, atol=1e-11)


def test_parasitics_and_noise_of_the_macro_transconductor() -> None:
    found = run(
        OTA,
        "V1 a 0 dc 0 ac 1\nR1 a p 1e9\nR2 0 n 1e9\nX1 p n y DEVICE\nI1 0 y dc 0 ac 1\nC1 y 0 1e-12\n.ac dec 5 1 1e6",
    )
    s = 2j * np.pi * found["frequency"].real
    entering = 1 / (1 + s * 1e9 * 2e-12)
    slope = 2e-6 / np.cosh(5e-3 / 0.2) ** 2
    np.testing.assert_allclose(found["v(p)"], entering, rtol=1e-3)
    np.testing.assert_allclose(found["v(y)"], (slope * entering + 1) / (1e-8 + s * 4e-12), rtol=1e-3)
    heard = run(OTA, "V1 p 0 dc 0 ac 1\nX1 p 0 y DEVICE\n.noise v(y) V1 dec 2 1 100")
    np.testing.assert_allclose(heard["inoise_spectrum"], 1e-7, rtol=1e-3)


def test_noise_of_the_macro_models_follows_the_temperature() -> None:
    hot = run(OTA, "V1 p 0 dc 0 ac 1\nX1 p 0 y DEVICE\n.options temp=125\n.noise v(y) V1 dec 2 1 100")
    np.testing.assert_allclose(hot["inoise_spectrum"], 1e-7 * np.sqrt(398.15 / 300.15), rtol=1e-3)


def test_a_cell_of_another_size() -> None:
    small = OTA.scaled(OTA.gm / 4)
    assert (small.gm, small.gout, small.cin, small.cout) == (5e-7, 2.5e-9, 5e-13, 7.5e-13)
    assert (small.linear, small.offset) == (OTA.linear, OTA.offset)
    assert small.noise == pytest.approx(2e-7)
    assert IdealOta().scaled(3e-6) == IdealOta(3e-6)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: MacroOpAmp(slew=0.0), "op-amp slew must be a positive finite number, got 0.0"),
        (lambda: MacroOpAmp(noise=-1e-9), "op-amp noise"),
        (lambda: MacroOpAmp(offset=float("nan")), "op-amp offset must be a finite number"),
        (lambda: MacroOpAmp(headroom_high=-0.1), "op-amp headroom_high must be a positive finite number"),
        (lambda: MacroOpAmp(second_pole=0.0), "op-amp second_pole must be a positive finite number"),
        (lambda: IdealDifferentialOpAmp(True), "op-amp gain"),
        (lambda: MacroOta(linear=float("inf")), "transconductor linear"),
        (lambda: MacroOta(cout=-1e-15), "transconductor cout"),
        (lambda: MacroOta().scaled(0.0), "transconductance"),
        (lambda: CmosOta(scale=-1.0), "transconductor scale"),
    ],
)
def test_models_refuse_what_no_device_has(make, words: str) -> None:
    with pytest.raises(DesignError, match=words):
        make()
