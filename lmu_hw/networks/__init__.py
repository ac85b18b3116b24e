"""Networks with Legendre memories: the model, importers, quantisation, and the networks of the package."""
