"""HDL simulators: how a bench is built and run, the stream harness, the scoreboard."""
