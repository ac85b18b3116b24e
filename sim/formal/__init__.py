"""Formal proof that a generated memory never overflows: `python -m lmu_hw.sim.formal --order 2 --state-bits 5`."""
