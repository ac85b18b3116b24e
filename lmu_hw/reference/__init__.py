"""The float reference: memory, cell and closed-form readout in float64 NumPy."""
