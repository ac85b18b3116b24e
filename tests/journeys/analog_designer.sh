# An analog designer wants a 10 ms memory of six states from parts that are in the drawer.

# The circuit in the usual series, with deviating parts.
lmu-hw spice --order 6 --theta 10ms --topology ladder --resistors E96 --capacitors E12 --resistor-sigma 0.5% --capacitor-sigma 1% --seed 3 --out circuit

# It runs as it is.
ngspice -b circuit/lmu_memory.cir -o circuit.log

# The circuit beside the gates, in one simulation.
lmu-hw cosim --order 3 --theta 10ms --rate 10kHz --topology ladder --simulator icarus --samples 100 --out check

# How much of the error are the parts?
lmu-hw experiment analog-mismatch --help
