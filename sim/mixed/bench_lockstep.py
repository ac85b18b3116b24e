"""cocotb bench: the same samples for a digital and an analog memory, of which the digital one must be exact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import Timer

from lmu_hw.core.metrics import nrmse
from lmu_hw.io.files import write_json
from lmu_hw.sim.hdl.runner import bench_parameters
from lmu_hw.sim.targets.scoreboard import register_words, require


@cocotb.test()
async def both_memories_follow_the_reference(dut: Any) -> None:
    """Words equal the integer model's; outputs stay within the tolerance of the float reference.

    Of a circuit without outputs, the states do.
    """
    parameters = bench_parameters()
    analog = parameters["analog"]
    with np.load(parameters["vectors"]) as archive:
        codes, volts, words, reference = (archive[key] for key in ("codes", "volts", "words", "reference"))
        decode = archive["decode"]
    order, width = int(words.shape[1]), int(parameters["state_bits"])
    seen = np.full((codes.size, len(analog["outputs"])), np.nan)
    sent = checked = mismatches = 0
    for k in range(codes.size + 1):
        # Exchanges are one period apart; at each, the answer to the last sample can be read.
        await Timer(analog["period_ps"] + (analog["offset_ps"] if k == 0 else 0), "ps")
        if k:
            seen[k - 1] = [float(getattr(dut, name).value) for name in analog["outputs"]]
            mismatches += int(np.sum(register_words(dut.states, order, width) != words[k - 1]))
            checked += 1
        if k < codes.size:
            dut.rst.value = 0
            dut.sample.value = int(codes[k]) & ((1 << int(parameters["input_bits"])) - 1)
            dut.first.value = int(k == 0)
            for port, share in parameters["inputs"].items():
                getattr(dut, port).value = share * float(volts[k])
            dut.sent.value = k + 1
            sent += 1
    beats, taken = int(dut.beats.value), int(dut.taken.value)
    measured = seen @ decode.T
    np.savez("analog.npz", measured=measured, reference=reference)
    states, outputs = np.s_[:, :order], np.s_[:, order:]
    result = {
        "sent": sent,
        "checked": checked,
        "mismatches": mismatches,
        "beats": beats,
        "state_nrmse": nrmse(measured[states], reference[states]),
        "readout_nrmse": nrmse(measured[outputs], reference[outputs]) if len(decode) > order else None,
        "worst_state_nrmse": max(nrmse(measured[:, i], reference[:, i]) for i in range(order)),
        "tolerance": parameters["tolerance"],
    }
    write_json(Path("lockstep.json"), result)
    require(sent == checked == codes.size == taken, f"{sent} sent, {taken} taken, {checked} checked")
    require(beats == codes.size * parameters["beats_per_sample"], f"{beats} beats came")
    require(mismatches == 0, f"{mismatches} words differ from the integer model")
    what = "state_nrmse" if result["readout_nrmse"] is None else "readout_nrmse"
    require(result[what] <= parameters["tolerance"], f"{what} {result[what]:.3g} exceeds {parameters['tolerance']:g}")
