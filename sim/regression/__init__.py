"""Many runs: random designs, a long window, the networks of the package on real data."""
