"""Memories in integers: formats, increments, plans with their guarantees, the search, the bit-true model."""
