"""Simulation: runners for the HDL and SPICE simulators, cocotb benches, and their reports."""

from __future__ import annotations
