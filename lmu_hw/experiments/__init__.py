"""The measurements behind this project's documents: `lmu-hw experiment` lists and runs them."""
