"""Synthesis and place-and-route of generated Verilog for devices of several families, with free tools."""
