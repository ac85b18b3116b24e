"""Spiking memories in hardware: neurons that take turns on shared lanes, with their parameters in block RAM."""

from __future__ import annotations
