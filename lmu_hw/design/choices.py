"""The words that options choose among, in one place that loads nothing heavy.

Methods and datapaths are read from their tables. The packages that give the other words their meaning need NumPy, which
the help must not wait for, so those words are repeated here; a test holds both equal.
"""

from __future__ import annotations

from lmu_hw.core.methods import Discretization
from lmu_hw.fixed_point.datapaths.table import Datapath

DISCRETIZATIONS = tuple(map(str, Discretization))
BASES = ("legendre", "orthonormal")
DATAPATHS = tuple(map(str, Datapath))
OLDER_DATAPATHS = {older: str(name) for older, name in Datapath.aliases.items()}
DEFAULT_DATAPATHS = ", ".join(
    f"{datapath} for {' and '.join(methods)}"
    for datapath in Datapath
    if (methods := [str(method) for method in Discretization if method.datapaths[0] == datapath])
)
"""The default of each method, as the help tells it: "chain for euler and ab2, …"."""

FAMILIES = ("generic", "ecp5", "ice40")
GUARANTEES = ("energy", "lyapunov")
SIMULATORS = ("verilator", "icarus")

TOPOLOGIES = ("dense", "chain", "ladder")
STYLES = ("opamp-rc", "opamp-rc-differential", "gm-c")
OPAMPS = ("macro", "single-pole", "ideal")
AUTO = "auto"
"""The word for the cheapest op-amp of the library that meets the design."""

OTAS = ("macro", "ideal")
SERIES = ("E3", "E6", "E12", "E24", "E48", "E96", "E192")

GRANULARITIES = ("row", "tensor")
CLIPPINGS = ("error", "largest")
RESETS = ("first", "never")
ACTIVATIONS = ("tanh", "sigmoid", "relu", "identity")
OUTPUTS = ("sequence", "last")

NEURON_KINDS = ("poisson-lif", "poisson-relu", "lif", "rate-lif", "rate-relu")
COORDINATES = ("balanced", "states")
SCOPES = ("memory", "all")

PARTS = ("test", "validation", "train", "all")
"""The parts of labelled sequences that can be scored."""

BACKENDS = ("float", "fixed", "rtl", "spiking")
