"""A Verilog writer for Amaranth designs: netlist → simplified cells → named modules → text.

Amaranth's own way to Verilog leads through Yosys, which has a wire for every operation and every alias, and drops the
names of fields. This writer keeps the names that the components give, writes registers and conditions as an engineer
would, and leaves out what nothing reads.
"""
