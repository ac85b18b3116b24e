"""The float reference: memory, layers, LMU cell and a classifier with a closed-form readout, in float64 NumPy."""
