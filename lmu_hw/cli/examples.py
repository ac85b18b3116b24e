"""The command lines that `--help` shows, three for each subcommand; `tests/cli/test_help.py` tries them all."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

#: Examples by the path of the command.
EXAMPLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "lmu-hw": (
            "lmu-hw derive --order 6 --theta 10ms --rate 48kHz",
            "lmu-hw verilog --order 6 --theta 10ms --rate 48kHz --lanes 2 --out build",
            "lmu-hw demo --out build",
        ),
        "lmu-hw derive": (
            "lmu-hw derive --order 6 --theta 10ms --rate 48kHz",
            "lmu-hw derive --order 16 --theta 1 --dt 0.001 --discretization ab2 --out build",
            "lmu-hw derive --order 6 --theta 480/48kHz --dt 1/48000 --json",
        ),
        "lmu-hw quantize": (
            "lmu-hw quantize --order 6 --theta 10ms --rate 48kHz --state-bits 14",
            "lmu-hw quantize --order 6 --theta 1 --dt 1ms --target-nrmse 1% --bandwidth 3Hz --clock 100MHz",
            "lmu-hw quantize digits_linear --calibration x.npy --weight-bits 6 --out build",
        ),
        "lmu-hw verilog": (
            "lmu-hw verilog --order 6 --theta 10ms --rate 48kHz --lanes 3 --out build",
            "lmu-hw verilog --order 6 --theta 1 --dt 1ms --discretization ab2 --delays 500ms,100% --out build",
            "lmu-hw verilog digits_linear --calibration x.npy --lanes 16 --out build",
        ),
        "lmu-hw fpga": (
            "lmu-hw fpga --order 6 --theta 10ms --rate 48kHz --device up5k --seeds 2",
            "lmu-hw fpga --order 6 --theta 1 --dt 1ms --discretization ab2 --clock 100MHz --out build",
            "lmu-hw fpga digits_linear --calibration x.npy --lanes 2 --device ecp5-25k --seeds 1",
        ),
        "lmu-hw spice": (
            "lmu-hw spice --order 6 --theta 10ms --topology ladder --out build",
            "lmu-hw spice --order 6 --theta 10ms --resistors E96 --resistor-tolerance 1% --gbw 3MHz --supply 2.5V",
            "lmu-hw spice --order 4 --theta 10ms --style gm-c --ota macro --gm 2uS --delays 2ms,100%",
        ),
        "lmu-hw cosim": (
            "lmu-hw cosim --order 6 --theta 10ms --rate 20kHz --out build",
            "lmu-hw cosim --order 6 --theta 10ms --input recording.wav --no-analog --runs 5 --out build",
            "lmu-hw cosim digits_linear --input x.npy --labels y.npy --lanes 4 --out build",
        ),
        "lmu-hw run": (
            "lmu-hw run --order 6 --theta 10ms --input recording.wav --input-channel 0 --delays 2ms,50% --out build",
            "lmu-hw run --order 6 --theta 0.5 --dt 1ms --input x.csv --backend spiking --neurons 600 --out build",
            "lmu-hw run digits_linear --input x.npy --backend fixed --out build",
        ),
        "lmu-hw train": (
            "lmu-hw train digits --out build",
            "lmu-hw train arrays --input x.npy --target y.npy --order 16 --out build",
            "lmu-hw train psmnist --memory recurrent --epochs 20 --out build",
        ),
        "lmu-hw train capacity": (
            "lmu-hw train capacity --lstm-steps 0",
            "lmu-hw train capacity --steps 100,1000 --order 50 --lstm-steps 0",
            "lmu-hw train capacity --steps 100 --epochs 100 --out build",
        ),
        "lmu-hw train mackey-glass": (
            "lmu-hw train mackey-glass --out build",
            "lmu-hw train mackey-glass --models lmu --seeds 3",
            "lmu-hw train mackey-glass --models lmu --spiking 50,100 --spiking-sequences 8",
        ),
        "lmu-hw train psmnist": (
            "lmu-hw train psmnist --epochs 20 --out build",
            "lmu-hw train psmnist --memory recurrent --out build",
            "lmu-hw train psmnist --no-deform --data mnist",
        ),
        "lmu-hw train digits": (
            "lmu-hw train digits --out build",
            "lmu-hw train digits --memory recurrent --seeds 3",
            "lmu-hw train digits --spiking 50,100 --tau 50ms",
        ),
        "lmu-hw train delay": (
            "lmu-hw train delay --out build",
            "lmu-hw train delay --delay 50ms",
            "lmu-hw train delay --order 8 --seeds 3",
        ),
        "lmu-hw train arrays": (
            "lmu-hw train arrays --input x.npy --target y.npy --out build",
            "lmu-hw train arrays --input x.npy --target y.npy --order 12 --theta 20ms --rate 8kHz",
            "lmu-hw train arrays --input x.npy --target y.npy --memory recurrent --hidden 32 --epochs 50",
        ),
        "lmu-hw import": (
            "lmu-hw import model.keras --dt 1ms --out build",
            "lmu-hw import state.safetensors --theta 784 --out build",
            "lmu-hw import state.pt --mapping names.toml --name psmnist --out build",
        ),
        "lmu-hw demo": (
            "lmu-hw demo --out build",
            "lmu-hw demo --simulator icarus --out build",
            "lmu-hw demo --seed 1 --json",
        ),
        "lmu-hw doctor": (
            "lmu-hw doctor",
            "lmu-hw doctor --json",
        ),
        "lmu-hw completion": (
            "lmu-hw completion",
            "lmu-hw completion zsh",
            "lmu-hw completion bash --print",
        ),
        "lmu-hw experiment": (
            "lmu-hw experiment",
            "lmu-hw experiment capacity --out build",
            "lmu-hw experiment analog-ladder --order 4 --count-only",
        ),
        "lmu-hw regression": (
            "lmu-hw regression",
            "lmu-hw regression memory --designs 5 --seed 1",
            "lmu-hw regression formal --order 2 --out build",
        ),
    }
)
