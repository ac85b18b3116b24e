# A researcher has labelled sequences, and a model that was trained elsewhere, and wants both in hardware.
# At hand: x.npy (sequences, T), labels.npy, model.keras and its sequences x_model.npy.

# A network of the sequences, scored on what the training held out: in float64, in integers, at shorter weights.
lmu-hw train arrays --input x.npy --target labels.npy --theta 32 --dt 1 --order 6 --hidden 12 --epochs 60 --out trained
lmu-hw run trained/arrays_linear.npz --input x.npy --labels labels.npy
lmu-hw run trained/arrays_linear.npz --input x.npy --labels labels.npy --calibration x.npy --backend fixed --word-lengths 4,6,8 --out scores

# Into Verilog, and are its answers those of the integers?
lmu-hw verilog trained/arrays_linear.npz --calibration x.npy --clock 50MHz --out hardware
lmu-hw cosim trained/arrays_linear.npz --calibration x.npy --input x.npy --labels labels.npy --samples 2 --simulator icarus --out check

# The same with the model from elsewhere.
lmu-hw import model.keras --dt 1ms --name theirs --out imported
lmu-hw quantize imported/theirs.npz --calibration x_model.npy
lmu-hw cosim imported/theirs.npz --calibration x_model.npy --input x_model.npy --samples 2 --simulator icarus
