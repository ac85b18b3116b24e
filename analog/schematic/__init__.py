"""A schematic as SVG: one drawing per stage, joined by net names rather than by wires."""
