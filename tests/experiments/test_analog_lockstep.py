"""A circuit in lock-step beside its Verilog, as the experiment measures it."""

from __future__ import annotations

from lmu_hw.experiments.analog_lockstep import measure, recording


def test_a_circuit_is_measured(tmp_path):
    u = recording(60, 0)
    assert u.shape == (60,)
    assert abs(u).max() == 1.0
    check = measure(3, "ladder", "gm-c", u, workdir=tmp_path)
    assert check.samples == 60
    assert check.nrmse < 1e-4
