"""Prove a memory from the command line: `python -m lmu_hw.sim.formal --order 2 --state-bits 5`.

`lmu_hw.sim.formal.proof` tells how. `--cut accumulator --by 2` takes bits off a format, to see a proof fail. Prints one
JSON object; exit status 1 where nothing is proved.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from lmu_hw.core.spec import LMUSpec
from lmu_hw.core.steps import Discretization
from lmu_hw.errors import CheckFailed, DesignError
from lmu_hw.fixed_point.plan import MemoryPlan
from lmu_hw.fixed_point.planner import plan_memory
from lmu_hw.sim.formal.proof import CUTS, Verdict, cut, prove


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; prints one JSON object and exits with 1 where nothing is proved."""
    parser = argparse.ArgumentParser(
        prog="lmu_hw.sim.formal", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--order", type=int, default=2)
    parser.add_argument("--ratio", type=float, default=8.0, help="theta/dt")
    parser.add_argument("--discretization", choices=[str(rule) for rule in Discretization], default="euler")
    parser.add_argument("--datapath")
    parser.add_argument("--input-bits", type=int, default=4)
    parser.add_argument("--state-bits", type=int, default=5)
    parser.add_argument("--lanes", type=int, default=1)
    parser.add_argument("--error-feedback", action=argparse.BooleanOptionalAction)
    parser.add_argument("--cut", choices=CUTS, help="take head bits off this format before the proof")
    parser.add_argument("--by", type=int, default=1, help="how many")
    options = parser.parse_args(argv)
    try:
        plan = plan_memory(
            LMUSpec(options.order, options.ratio, 1.0, options.discretization),
            input_bits=options.input_bits,
            state_bits=options.state_bits,
            error_feedback=options.error_feedback,
            datapath=options.datapath,
        )
        if options.cut:
            plan = cut(plan, options.cut, options.by)
        verdict = prove(plan, lanes=options.lanes)
    except DesignError as error:
        print(error, file=sys.stderr)
        return 2
    except CheckFailed as error:
        print(json.dumps({"proved": False, "failure": str(error)}))
        return 1
    print(json.dumps(_plain(plan, verdict)))
    return 0 if verdict.proved else 1


def _plain(plan: MemoryPlan, verdict: Verdict) -> dict[str, Any]:
    return {
        "spec": plan.spec.to_dict(),
        "datapath": str(plan.datapath),
        "formats": {what: str(getattr(plan, f"{what}_format")) for what in ("input", *CUTS)},
        **vars(verdict),
        "overflow": None if verdict.overflow is None else vars(verdict.overflow),
    }


if __name__ == "__main__":
    sys.exit(main())
