# An FPGA engineer wants the last 20 ms of a 48 kHz signal in a design with a 100 MHz clock.
# At hand: recording.wav.

# How many states does the band need, and where does the readout stop being good?
lmu-hw derive --order 12 --theta 20ms --rate 48kHz --discretization ab2

# The cheapest word lengths for 1 %, and whether it fits the clock.
lmu-hw quantize --order 12 --theta 20ms --rate 48kHz --discretization ab2 --target-nrmse 1% --clock 100MHz --out plan

# The choice as a file, and its Verilog.
printf 'order = 12\ntheta = "20ms"\nrate = "48kHz"\ndiscretization = "ab2"\ndelays = ["5ms", "20ms"]\n' > memory.toml
lmu-hw verilog --design memory.toml --name window --clock 100MHz --out hardware

# A simulator of one's own takes it.
iverilog -g2012 -Wall -o window.vvp hardware/window.v

# Is it right, on the recording?
lmu-hw cosim --design memory.toml --name window --no-analog --simulator icarus --samples 200 --input recording.wav --normalize --out check
