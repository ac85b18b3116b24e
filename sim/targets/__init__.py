"""Targets, the designs that can be simulated: memories, networks and spiking memories.

A target (`base`) is a generated design with its streams, its integer model and, if wanted, its float reference.
Everything else works on any target: the Verilog around it (`harness`), the run (`run`), the cocotb bench (`bench`) and
the comparison (`scoreboard`). A new kind of design is a new subclass of `Target`.
"""
