"""Realisations: the memory as a network of integrators and sums, in several state coordinates."""
