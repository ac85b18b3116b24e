"""What the verbs read for a network: its sequences, and the data that its formats are chosen on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lmu_hw.design.network import NetworkDesign
from lmu_hw.errors import DesignError
from lmu_hw.io.recordings import Sequences, read_sequences
from lmu_hw.networks.model import Network
from lmu_hw.networks.quantize.plan import NetworkPlan


@dataclass(frozen=True, eq=False)
class Calibrated:
    """A plan, and what its formats were chosen on, as the answer says it."""

    plan: NetworkPlan
    calibration: str


def read_input(network: Network, source: Path | None) -> Sequences:
    """The sequences of --input.

    Raises:
        DesignError: there is none, or it does not fit the network.
    """
    if source is None:
        raise DesignError("input", "given, by --input FILE", "nothing")
    return read_sequences(source, network.inputs)


def calibration_of(design: NetworkDesign, network: Network) -> Sequences:
    """The sequences of --calibration.

    Raises:
        DesignError: there are none, or they do not fit the network.
    """
    if design.calibration is None:
        raise DesignError("calibration", "given, by --calibration FILE", "nothing")
    return read_sequences(Path(design.calibration), network.inputs)


def quantized(design: NetworkDesign, network: Network, sequences: Sequences | None = None) -> Calibrated:
    """The plan of a network with formats chosen on --calibration, or else on `sequences`, those of --input.

    Raises:
        DesignError: there is neither, or the planner refuses; the message names the layer.
    """
    from lmu_hw.networks.quantize.planner import plan_network

    if design.calibration is None and sequences is not None:
        data, origin = sequences, "the input itself"
    else:
        data, origin = calibration_of(design, network), str(design.calibration)
    return Calibrated(plan_network(network, data.values, design.options()), origin)


def network_rows(network: Network) -> list[tuple[str, str]]:
    """What a network is, for people."""
    layers = "; ".join(network.name(k) for k in range(len(network.layers)))
    return [
        ("layers", layers),
        ("parameters", str(network.parameters)),
        ("output", f"{network.outputs} words per {'step' if network.output == 'sequence' else 'sequence'}"),
    ]


def input_facts(source: Path, sequences: Sequences) -> dict[str, Any]:
    """What the input is, as plain values."""
    batch, steps, _ = sequences.values.shape
    return {"input": str(source), "sequences": batch, "steps": steps}
