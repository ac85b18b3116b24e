"""The memory in real numbers: specification, continuous system, time-stepping methods, stability, bounds."""
