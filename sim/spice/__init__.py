"""SPICE: one interface to ngspice, whose results count, and to the faster neospice; and measurements with them."""
