"""The delay network in fixed point: small errors that shrink with the words, and a broken memory's that do not."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from lmu_hw.core.steps import Discretization
from lmu_hw.experiments import delay_network
from lmu_hw.experiments.delay_network import main, measure
from lmu_hw.fixed_point.model import IntegerMemory


@pytest.mark.parametrize("rule", list(Discretization))
def test_sixteen_bits_are_far_below_the_chips(rule: Discretization) -> None:
    assert measure(rule, 16) <= 0.003
    assert measure(rule, 16) < 0.05 * measure(rule, 10)


def test_a_memory_that_forgets_its_input_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = IntegerMemory.run
    monkeypatch.setattr(delay_network.IntegerMemory, "run", lambda model, codes: whole(model, np.zeros_like(codes)))
    assert measure(Discretization.ZOH, 16) == pytest.approx(1.0)


def test_the_command_prints_every_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delay_network, "SECONDS", 1.0)
    called = CliRunner().invoke(main, ["--json"])
    assert called.exit_code == 0
    assert set(json.loads(called.stdout)["nrmse"]) == {str(rule) for rule in Discretization}
