"""A Verilog writer for Amaranth designs: netlist → simplified cells → named modules → text.

Amaranth's own way to Verilog leads through Yosys, which keeps one wire per operation and per name and drops the names of
fields. This one keeps the names that the components give, writes registers and conditions as an engineer would, and
leaves out what nothing reads.
"""
