"""A network in Verilog, integers and floats: what a co-simulation tells of it."""

from __future__ import annotations

import numpy as np

from lmu_hw.networks.quantize.planner import plan_network
from lmu_hw.rtl.network import generate_network_verilog
from lmu_hw.sim.cosim.network import cosimulate_network
from tests.sim.networks import network


def test_cosimulation_tells_bit_errors_from_rounding(rng, tmp_path):
    made = network(rng)
    x = rng.uniform(-1, 1, (4, 10, 2))
    plan = plan_network(made, x)
    labels = np.zeros(4, dtype=np.int64)
    design = generate_network_verilog(plan, lanes=2)
    found = cosimulate_network(made, plan, design, x, workdir=tmp_path, labels=labels, simulator="icarus")
    assert found.passed
    assert found.digital.mismatches == 0
    assert 0.0 < found.fixed_vs_float.nrmse < 0.1
    np.testing.assert_array_equal(found.outputs_rtl, found.outputs_fixed)
    assert set(found.accuracy) == {"float", "fixed", "rtl"}
    assert found.accuracy["rtl"] == np.mean(np.argmax(found.outputs_rtl, axis=1) == 0)
