"""Co-simulation: one recording through Verilog, integers, floats, and circuit or spikes."""
