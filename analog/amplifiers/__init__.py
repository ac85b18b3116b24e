"""Real amplifiers: their figures, as data files, and the models that these make."""
