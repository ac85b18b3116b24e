"""Memories in Verilog: the harness, runs against the integer model, co-simulation, random and long designs."""
