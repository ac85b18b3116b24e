"""SPICE simulators behind one interface: ngspice, the judge, and neospice, the fast one; and what they measure."""
