"""The memory in real numbers: specification, continuous system, time-stepping rules, stability, bounds."""
