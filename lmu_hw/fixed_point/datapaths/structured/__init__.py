"""The zero-order hold in fewer multiplications than a dense matrix takes, with a proved deviation."""
