"""The outside of a generated module: its streams, its flat ports, its Verilog text and the files that go with it."""
