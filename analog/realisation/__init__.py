"""State coordinates for a network of integrators: dense, chain and ladder."""
