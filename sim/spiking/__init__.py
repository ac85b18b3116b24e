"""Spiking memories in Verilog: the harness, runs against the integer model, co-simulation, random designs."""
