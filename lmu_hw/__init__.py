"""Legendre Memory Units from one specification to numbers, Verilog and SPICE that are checked against each other.

A memory, step by step:

    spec = LMUSpec(order=6, theta=1.0, dt=0.001)             what the memory is; θ and dt in seconds
    continuous(spec), discretize(spec)                       A and B; the sampled system
    FloatMemory(spec).run(samples)                           the float reference, (T,) → (T, order)
    plan = plan_memory(spec, input_bits=12, state_bits=16)   formats, ranges, a proved bound on the error
    IntegerMemory(plan).run(plan.input_format.encode(samples))    what the hardware says, bit for bit
    rtl.generate_verilog(plan, name="memory").write("build")      Verilog and its manifest
    sim.cosimulate(plan, samples)                            Verilog, integers and floats on one recording
    analog.write_design(analog.design_memory(6, 0.01), "build")   a circuit: SPICE netlist, parts, schematic

and a trained network:

    network = load_network("model.npz")                      or `lmu_hw.training`, or an import of Keras or PyTorch
    FloatNetwork(network).run(x)                             (batch, T, inputs) → outputs
    plan = plan_network(network, calibration)                formats of every tensor, chosen on data
    IntegerNetwork(plan).run(plan.input_format.encode(x))    what the hardware says, bit for bit
    rtl.generate_network_verilog(plan, lanes=16).write("build")

Further packages: `rtl` (Verilog), `analog` (circuits), `sim` (simulation), `training` (JAX) and `spiking` (neurons).
The command line `lmu-hw` does the same with the same names. Every path may be a `str` or a `Path`; results have
`to_dict()` and, where there is something to draw, `plot()`, and notebooks show them as tables.

Each public name is loaded with its module when it is first used, so that importing the package costs only what is used.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
