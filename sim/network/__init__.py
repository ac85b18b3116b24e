"""Networks in Verilog: the harness, runs against the integer model, co-simulation, checks and random networks."""
