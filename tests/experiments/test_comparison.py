"""What datapaths cost at equal fidelity: the printed designs are those that the search finds."""

from __future__ import annotations

import json

from click.testing import CliRunner

from lmu_hw.core.spec import LMUSpec
from lmu_hw.experiments.comparison import CASES, main
from lmu_hw.fixed_point.fidelity import Band
from lmu_hw.fixed_point.search import search


def test_each_datapath_gets_its_cheapest_design_or_says_how_near_it_comes() -> None:
    called = CliRunner().invoke(main, ["--order", "6", "--target-nrmse", "1e-3", "--json"])
    assert called.exit_code == 0
    order = json.loads(called.stdout)["orders"]["6"]
    found = search(LMUSpec(6, CASES[6], 1.0), Band(6 / (8 * CASES[6])), structured_error=3e-4)
    assert len(order["designs"]) == len(found.by_datapath) == 4
    for design in order["designs"]:
        group = next(g for (rule, _), g in found.by_datapath.items() if rule == design["discretization"])
        good = [each for each in group if each.nrmse <= 1e-3]
        assert design["reached"] is bool(good)
        if good:
            assert design["state_bits"] == good[0].state_bits
            assert design["nrmse"] <= 1e-3
        else:
            assert design["nrmse"] == min(each.nrmse for each in group) > 1e-3
