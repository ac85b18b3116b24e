# A verification engineer wants to know how well a memory was tested, and to run it again.

# Twice, with long gaps and stalls, other ones each time, and with a waveform.
lmu-hw cosim --order 6 --theta 10ms --rate 10kHz --no-analog --simulator icarus --samples 120 --gap 50% --stall 70% --runs 2 --seed 7 --wave-samples 20 --out bench

# The same bench again in a plain Verilog simulator, and the page to file.
sh bench/bench/run.sh
test -s bench/report.html

# Random designs in random streams, and a list of the other long checks.
lmu-hw regression memory --designs 2 --samples 100 --order 8 --seed 7 --simulator icarus
lmu-hw regression

# Verilog as a program: a file in, words out.
lmu-hw run --order 6 --theta 10ms --rate 10kHz --backend rtl --simulator icarus --input pulse.npy --out answer
