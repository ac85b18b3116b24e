"""The child process of `lmu_hw.sim.hdl.runner.run_bench`: it builds a design and runs a bench with cocotb's runner.

The child is the leader of its own process group and kills the whole group when a time limit has passed, so a
simulator that hangs and ignores signals ends even if the process that started the child is gone.

It runs as ``python -m lmu_hw.sim.hdl.launch JOB.json``. It prints `BUILT` once the build is done and `LATE` when a
limit has passed; everything else goes to log files. The exit status is 0 if both steps ended well, otherwise 1.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

BUILT = "built"
LATE = "late"


def _kill_group(_signal: int, _frame: FrameType | None) -> None:
    print(LATE, flush=True)
    os.killpg(0, signal.SIGKILL)


def main(job_file: str) -> int:
    """Carry out the job that `run_bench` wrote to `job_file`; return the exit status."""
    from cocotb_tools.runner import get_runner

    job: dict[str, Any] = json.loads(Path(job_file).read_text(encoding="utf-8"))
    signal.signal(signal.SIGALRM, _kill_group)
    runner = get_runner(job["simulator"])
    model = Path(job["model_dir"])
    try:
        if job["build"] is not None:
            build = job["build"]
            signal.setitimer(signal.ITIMER_REAL, build["timeout_s"])
            stage = Path(build["stage_dir"])
            runner.build(
                hdl_toplevel=job["top"],
                build_args=build["args"],
                build_dir=stage / "model",
                cwd=stage,
                timescale=("1ns", "1ps"),
                waves=job["waves"],
                log_file=build["log"],
            )
            if stage / "model" != model:
                model.mkdir()
                shutil.copy2(stage / "model" / build["product"], model)
            print(BUILT, flush=True)
        signal.setitimer(signal.ITIMER_REAL, job["timeout_s"])
        runner.test(
            job["bench_module"],
            job["top"],
            hdl_toplevel_lang="verilog",
            build_dir=model,
            test_dir=job["run_dir"],
            results_xml=job["results"],
            seed=job["seed"],
            test_args=job["test_args"],
            plusargs=job["plusargs"],
            waves=job["waves"],
            log_file=job["log"],
        )
    except (RuntimeError, SystemExit) as problem:
        # This is how cocotb's runner reports a command that failed; the reason is in the command's log.
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
