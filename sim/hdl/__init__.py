"""HDL simulators: what each of them needs, and how a bench is built and run."""
