"""Spiking memories in hardware: neurons that take turns, over block RAM."""

from __future__ import annotations
