"""What a generated module shows to the outside: its streams, and the Verilog with its files."""
