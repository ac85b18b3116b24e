"""The memory as an analog circuit: realisation, circuit graph, electrical rules, SPICE, schematic."""
