"""The words that options choose among, in one place that loads nothing.

The packages that give these words their meaning need NumPy, which the help must not wait for. A test holds both equal.
"""

from __future__ import annotations

DISCRETIZATIONS = ("zoh", "euler", "ab2", "bilinear")
BASES = ("legendre", "orthonormal")
DATAPATHS = ("chain", "tridiagonal", "dense", "structured")
OLDER_DATAPATHS = {"solve": "tridiagonal"}
GUARANTEES = ("energy", "lyapunov")
SIMULATORS = ("verilator", "icarus")

TOPOLOGIES = ("dense", "chain", "ladder")
STYLES = ("opamp-rc", "opamp-rc-differential", "gm-c")
OPAMPS = ("ideal", "single-pole", "macro")
OTAS = ("ideal", "macro")
SERIES = ("E3", "E6", "E12", "E24", "E48", "E96", "E192")

GRANULARITIES = ("row", "tensor")
CLIPPINGS = ("error", "largest")
RESETS = ("first", "never")
ACTIVATIONS = ("tanh", "sigmoid", "relu", "identity")
OUTPUTS = ("sequence", "last")

NEURON_KINDS = ("poisson-lif", "poisson-relu", "lif", "rate-lif", "rate-relu")
COORDINATES = ("balanced", "states")
SCOPES = ("memory", "all")

BACKENDS = ("float", "fixed", "rtl", "spiking")
