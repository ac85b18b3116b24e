"""Formal proof that a generated memory never overflows: `lmu-hw regression formal`."""
