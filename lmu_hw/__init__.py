"""Legendre Memory Units as hardware that is known to be right."""
