"""Circuits in SPICE beside Verilog, in one simulation: lock-step, converters, and networks behind an analog memory."""
