"""Thermal noise: the constants of 4 k T R."""

from __future__ import annotations

BOLTZMANN = 1.380649e-23
"""J/K, exact by definition."""

TEMPERATURE = 300.15
"""K: 27 °C, at which SPICE simulates if it isn't told otherwise."""
