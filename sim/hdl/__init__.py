"""HDL simulators: their requirements, and the build and run of a bench."""
