"""cocotb bench: sequences for an analog memory, whose states go through a converter to a network that answers each."""

from __future__ import annotations

from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import Timer

from lmu_hw.core.metrics import nrmse
from lmu_hw.sim.hdl.runner import bench_parameters
from lmu_hw.sim.mixed.adc import Adc
from lmu_hw.sim.targets.scoreboard import register_words, require


@cocotb.test()
async def every_sequence_is_answered(dut: Any) -> None:
    """States follow the exact memory, codes are the converter model's, and each sequence has one answer in time."""
    parameters = bench_parameters()
    timing, adc = parameters["analog"], Adc(**parameters["adc"])
    with np.load(parameters["vectors"]) as archive:
        volts, reference, noise = (archive[key] for key in ("volts", "reference", "noise"))
    count, states = reference.shape
    steps, pace, outputs = parameters["steps"], parameters["pace"], parameters["outputs"]
    sampled, codes = np.full((count, states), np.nan), np.zeros((count, states), dtype=np.int64)
    words, classes = np.zeros((count, outputs), dtype=np.int64), np.zeros(count, dtype=np.int64)
    for k in range(count * pace + steps + 1):
        # The effect of a step is read at its end, an answer when the next sequence ends.
        await Timer(timing["period_ps"] + (timing["offset_ps"] if k == 0 else 0), "ps")
        if k and k % pace == steps % pace:
            n = (k - steps) // pace  # the sequence that has ended
            if n:
                answers, sent = int(dut.answers.value), int(dut.sent.value)
                require(answers == n and sent == n * states, f"{answers} answers to {sent} words of {n} sequences")
                codes[n - 1] = register_words(dut.codes, states, adc.bits)
                words[n - 1] = register_words(dut.words, outputs, parameters["word_bits"])
                classes[n - 1] = int(dut.digit.value)
            if n < count:
                for i, nets in enumerate(parameters["states"]):
                    legs = [float(getattr(dut, net).value) for net in nets]
                    sampled[n, i] = legs[0] if len(legs) == 1 else legs[0] - legs[1]
                dut.asked.value = n + 1
        if k < volts.size:
            for port, share in parameters["inputs"].items():
                getattr(dut, port).value = share * float(volts[k])
    np.savez("mixed.npz", volts=sampled, reference=reference, codes=codes, words=words, classes=classes)
    wrong = int(np.sum(codes != adc.convert(sampled, noise)))
    require(wrong == 0, f"{wrong} codes are not the converter's")
    error = nrmse(sampled, reference)
    require(error <= parameters["tolerance"], f"state_nrmse {error:.3g} exceeds {parameters['tolerance']:g}")
