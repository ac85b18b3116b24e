"""What a circuit leaves behind: SPICE deck, KiCad netlist, schematic, bill of materials, manifest."""
