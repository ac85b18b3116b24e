# An analog designer wants a 10 ms memory of six states from parts that are in the drawer.

# The circuit in the usual series, with parts within their limits.
lmu-hw spice --order 6 --theta 10ms --topology ladder --resistors E96 --capacitors E12 --resistor-tolerance 0.5% --capacitor-tolerance 1% --circuit-error 2% --seed 3 --out circuit

# The same with the cheapest op-amp that does, from 2.5 V.
lmu-hw spice --order 6 --theta 10ms --topology ladder --resistors E96 --capacitors E12 --supply 2.5V --opamp auto --opamp-offset 10mV --out bought

# It runs as it is.
ngspice -b circuit/lmu_memory.cir -o circuit.log

# The circuit beside the gates, in one simulation.
lmu-hw cosim --order 3 --theta 10ms --rate 10kHz --topology ladder --simulator icarus --samples 100 --out check

# How much of the error are the parts?
lmu-hw experiment analog-mismatch --help
