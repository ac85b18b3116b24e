"""A network as the command line takes it: which, in what words, on what hardware."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmu_hw.design.memory import Design, check_kinds, flags_of, merged, read_design
from lmu_hw.errors import DesignError
from lmu_hw.io.files import check_identifier

if TYPE_CHECKING:
    from lmu_hw.networks.model import Network
    from lmu_hw.networks.quantize.options import NetworkOptions


@dataclass(frozen=True)
class NetworkDesign:
    """What to make of a network; the keys of a design file that has a `network`, and the flags with ``-`` for ``_``.

    Whoever uses a value checks its range; here the kinds are checked, and the name.

    Attributes:
        network: path of a network file, or the name of a network of the package (`lmu_hw.networks.pretrained`).
        name: of the Verilog module.
        calibration: path of sequences that the formats are chosen on; None leaves it to the verb.
        input_bits, output_bits, memory_bits: of the network, as in `quantize.options.NetworkOptions`; None
            leaves them to it.
        weight_bits, activation_bits, drive_bits, state_bits, coefficient_bits, datapath, granularity, clipping,
            compensated: of all its layers, as in `LayerOptions`; likewise.
        lanes: multipliers of each sequence.
        sequences: how many run side by side.
        reset: whether state counts as zero at the first step of a sequence, or persists.
        simulator: HDL simulator.
        seed: of everything random.

    Raises:
        DesignError: a value is of the wrong kind, or the name is not an identifier.
    """

    network: str
    name: str = "lmu_network"
    calibration: str | None = None
    input_bits: int | None = None
    output_bits: int | None = None
    memory_bits: int | None = None
    weight_bits: int | None = None
    activation_bits: int | None = None
    drive_bits: int | None = None
    state_bits: int | None = None
    coefficient_bits: int | None = None
    datapath: str | None = None
    granularity: str | None = None
    clipping: str | None = None
    compensated: bool | None = None
    lanes: int = 1
    sequences: int = 1
    reset: str = "first"
    simulator: str = "verilator"
    seed: int = 0

    def __post_init__(self) -> None:
        check_kinds(self)
        check_identifier(self.name)
        if self.seed < 0:
            raise DesignError("seed", "an integer of 0 or more", self.seed)

    def load(self) -> Network:
        """Read the network: a file, or one of the package where no file has that name.

        Raises:
            DesignError: there is none, or the file is refused; the message names the layer.
        """
        from lmu_hw.networks.file import load_network
        from lmu_hw.networks.pretrained import NETWORKS, load

        path = Path(self.network)
        if path.is_file():
            return load_network(path)
        if self.network in NETWORKS:
            return load(self.network)
        raise DesignError("network", f"a network file, or one of {', '.join(NETWORKS)}", self.network)

    def options(self) -> NetworkOptions:
        """How the network is planned; what was left out is the planner's choice.

        Raises:
            DesignError: a value is out of its range.
        """
        from lmu_hw.networks.quantize.options import LayerOptions, NetworkOptions

        given = {field.name: value for field in fields(self) if (value := getattr(self, field.name)) is not None}
        layer = LayerOptions(**{name: given[name] for name in _OF_LAYERS if name in given})
        return NetworkOptions(layer, **{name: given[name] for name in _OF_NETWORK if name in given})

    def to_dict(self) -> dict[str, Any]:
        """The design as plain values, by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def flags(self) -> str:
        """The command line words that give this design."""
        return flags_of(self, positional=("network",))


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


def load_any_design(path: Path | None, given: Mapping[str, Any]) -> Design | NetworkDesign:
    """Make the design of a memory or, where `network` is among the values, of a network.

    Args:
        path: a TOML file whose keys are those of either class, or None.
        given: values by name, from flags, which win over the file.

    Raises:
        DesignError: the file is refused, a flag is of no use to the kind that is wanted, or a value is of the
            wrong kind.
    """
    filed = {} if path is None else read_design(path)
    kind: type[Design | NetworkDesign] = NetworkDesign if "network" in {*filed, *given} else Design
    known = {field.name for field in fields(kind)}
    for name, value in given.items():
        if name not in known:
            constraint = "left out with a network" if kind is NetworkDesign else "given with a NETWORK"
            raise DesignError(name.replace("_", "-"), constraint, value)
    return kind(**merged(path, filed, given, kind))
