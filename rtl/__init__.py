"""Amaranth components and Verilog emission for planned Legendre memories."""
