"""Regressions: random designs, a long window, and the networks of the package on real data."""
