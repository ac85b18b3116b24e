"""A topology and a technology that the package does not know: one table row each, and all of the flow takes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from lmu_hw.analog import Tolerances, write_design
from lmu_hw.analog.circuit.devices import IdealOpAmp
from lmu_hw.analog.circuit.elements import OpAmp
from lmu_hw.analog.circuit.graph import Circuit
from lmu_hw.analog.design.technologies import TECHNOLOGIES
from lmu_hw.analog.design.technologies.base import Stage, StageBuilder
from lmu_hw.analog.design.technologies.gm_c import GmC
from lmu_hw.analog.export.manifest import Questions, manifest
from lmu_hw.analog.realisation.network import Readouts, Realisation, from_states
from lmu_hw.analog.realisation.topologies import TOPOLOGIES
from lmu_hw.core.legendre import input_vector, state_matrix
from tests.analog.helpers import MakeDesign, RunDeck
from tests.analog.test_technologies import DELAYS, transient_errors


def reversed_realisation(order: int, theta: float, readouts: Readouts) -> Realisation:
    """The Legendre coefficients in the opposite order."""
    mirror = np.eye(order)[::-1]
    matrix = mirror @ state_matrix(order) @ mirror
    return from_states("reversed", theta, matrix, mirror @ input_vector(order), mirror, readouts)


@dataclass(frozen=True)
class BufferedGmC(GmC):
    """gm-C with a follower behind every node, so that an output can be loaded."""

    style: ClassVar[str] = "gm-c-buffered"

    def build(self, circuit: Circuit, stage: Stage) -> None:
        signal = stage.signal
        builder = StageBuilder(circuit, stage, [coupling.source for coupling in stage.couplings], [signal])
        self.drive_node(builder, stage, "node")
        builder.add(OpAmp(f"X_buffer_{signal}", IdealOpAmp()), inp="node", inn=signal, out=signal)
        builder.place()


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TOPOLOGIES, "reversed", reversed_realisation)
    monkeypatch.setitem(TECHNOLOGIES, BufferedGmC.style, BufferedGmC)


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("topology", ["reversed", "ladder"])
@pytest.mark.parametrize("style", ["gm-c-buffered", "opamp-rc"])
def test_its_deck_runs_in_ngspice_and_follows_the_memory(
    make_design: MakeDesign, run_deck: RunDeck, rng: np.random.Generator, topology: str, style: str
) -> None:
    design = make_design(3, topology=topology, style=style, delays=DELAYS)
    assert max(transient_errors(design, run_deck, rng, count=200)) <= 1e-3


@pytest.mark.usefixtures("registered")
def test_its_files_are_written_and_judged(make_design: MakeDesign, tmp_path: Path) -> None:
    design = make_design(3, topology="reversed", style="gm-c-buffered")
    questions = Questions(error=0.05, tolerances=Tolerances(gm=0.01, capacitor=0.01))
    found = manifest(design, questions)
    assert (found["topology"], found["style"]) == ("reversed", "gm-c-buffered")
    assert found["predicted"]["nrmse"] < 1e-6
    assert found["requirement"]["gbw"] is None
    assert 0.005 < found["tolerance"]["median_nrmse"] < 0.1
    files = write_design(design, tmp_path, "command", questions)
    assert sorted(files) == ["bom", "kicad", "library", "manifest", "netlist", "schematic"]
    assert "X_buffer_x0" in files["kicad"].read_text(encoding="utf-8")
    assert "X_buffer_x0: ideal gain=100000000.0; inp node, inn x0, out x0" in files["schematic"].read_text("utf-8")
