"""Figures that this project states of its memories: `python -m lmu_hw.experiments.NAME`."""
