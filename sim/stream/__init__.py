"""Streams of words through Verilog in a simulator, and the comparison of every beat without tolerance."""
