"""What all hardware here is made of: arithmetic on words and pipelines that stall as a whole."""
