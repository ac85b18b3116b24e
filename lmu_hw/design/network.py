"""The design of a network: which network, in words of which lengths, on what hardware."""

from __future__ import annotations

from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmu_hw.design.choices import (
    CLIPPINGS,
    DATAPATHS,
    DEFAULT_DATAPATHS,
    GRANULARITIES,
    OLDER_DATAPATHS,
    RESETS,
    SIMULATORS,
)
from lmu_hw.design.options import Options, check_name_and_seed, option
from lmu_hw.errors import RequestError
from lmu_hw.io.quantities import HERTZ

if TYPE_CHECKING:
    from lmu_hw.networks.model import Network
    from lmu_hw.networks.quantize.options import NetworkOptions

_SECTION = "Network"


@dataclass(frozen=True)
class NetworkDesign(Options):
    """The design of a network. Its fields are flags, and keys of a design file that has a `network`.

    Whoever uses a value checks its range and its choice; here the kinds are checked, and the name and the seed. The
    widths are those of `lmu_hw.networks.quantize.options`, which also chooses what is left out.

    Raises:
        DesignError: A value is of the wrong kind, or the name is not an identifier.
    """

    network: str = option(
        MISSING, "A network file, or the name of a network of the package", positional=True, section=_SECTION
    )
    name: str = option("lmu_network", "Name of the design and of its files", metavar="NAME", section=_SECTION)
    calibration: str | None = option(
        None,
        "Sequences that the formats are chosen on: (sequences, T, inputs), or (sequences, T) for one input",
        metavar="FILE",
        fallback="--input itself",
        section=_SECTION,
    )
    input_bits: int | None = option(None, "Width of a sample", least=3, most=24, fallback=12, section=_SECTION)
    output_bits: int | None = option(
        None, "Greatest width of an output of the network", least=8, most=32, fallback=24, section=_SECTION
    )
    memory_bits: int | None = option(
        None, "Refuse a network whose weights, tables and states need more bits than this", section=_SECTION
    )
    weight_bits: int | None = option(None, "Width of a weight", least=2, most=24, fallback=8, section=_SECTION)
    activation_bits: int | None = option(
        None, "Width of the words between layers", least=4, most=18, fallback=16, section=_SECTION
    )
    drive_bits: int | None = option(
        None, "Width of the drive of a memory", least=3, most=24, fallback=12, section=_SECTION
    )
    state_bits: int | None = option(None, "Width of a state", least=3, most=32, fallback=16, section=_SECTION)
    coefficient_bits: int | None = option(
        None,
        "Width of a coefficient",
        least=3,
        most=32,
        fallback="two more than a state, at most 26,",
        section=_SECTION,
    )
    datapath: str | None = option(
        None,
        "How the increment of the state is computed",
        choices=DATAPATHS,
        aliases=OLDER_DATAPATHS,
        fallback=DEFAULT_DATAPATHS,
        section=_SECTION,
    )
    granularity: str | None = option(
        None,
        "One scale for each row of a matrix (row) or for the whole matrix (tensor)",
        choices=GRANULARITIES,
        fallback="row",
        section=_SECTION,
    )
    clipping: str | None = option(
        None,
        "What a grid is chosen by, the least error on the calibration data or the largest entry",
        choices=CLIPPINGS,
        fallback="error",
        section=_SECTION,
    )
    compensated: bool | None = option(
        None,
        "Round each weight so that it takes back what the ones before it lost",
        fallback=True,
        section=_SECTION,
    )
    lanes: int = option(1, "Number of multipliers of each sequence", section=_SECTION)
    sequences: int = option(
        1,
        "Number of sequences side by side, each with its own lanes",
        flag="parallel-sequences",
        older=("sequences",),
        section=_SECTION,
    )
    reset: str = option(
        "first",
        "Whether the state counts as zero where a sequence starts, or is never reset",
        choices=RESETS,
        section=_SECTION,
    )
    clock: float | None = option(
        None,
        "Clock of the hardware: whether a step fits in dt, how long an inference takes, what place and route aims at",
        metavar="HZ",
        unit=HERTZ,
        section=_SECTION,
    )
    simulator: str = option("verilator", "HDL simulator", choices=SIMULATORS, section=_SECTION)
    seed: int = option(0, "Seed of everything that is random", section=_SECTION)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_name_and_seed(self.name, self.seed)

    def load(self) -> Network:
        """Read the network: a file, or one of the package where no file has that name.

        Raises:
            DesignError: There is none, or the file has an error; the message names the layer.
        """
        from lmu_hw.networks.file import load_network
        from lmu_hw.networks.pretrained import NETWORKS, load

        path = Path(self.network)
        if path.is_file():
            return load_network(path)
        if self.network in NETWORKS:
            return load(self.network)
        raise RequestError(
            f"{self.network} is neither a file nor a network of the package", hint=f"there are {', '.join(NETWORKS)}"
        )

    def options(self) -> NetworkOptions:
        """How the network is planned; what was left out is the planner's choice.

        Raises:
            DesignError: A value is out of its range.
        """
        from lmu_hw.networks.quantize.options import LayerOptions, NetworkOptions

        asked = {name: value for name, value in self.to_dict().items() if value is not None}
        layer = LayerOptions(**{name: asked[name] for name in _OF_LAYERS if name in asked})
        return NetworkOptions(layer, **{name: asked[name] for name in _OF_NETWORK if name in asked})

    def hardware(self) -> dict[str, Any]:
        """How the plan is built, as arguments of `generate_network_verilog`."""
        return {"lanes": self.lanes, "sequences": self.sequences, "reset": self.reset}


_OF_NETWORK = ("input_bits", "output_bits", "memory_bits")
_OF_LAYERS = (
    "weight_bits",
    "activation_bits",
    "drive_bits",
    "state_bits",
    "coefficient_bits",
    "datapath",
    "granularity",
    "clipping",
    "compensated",
)
