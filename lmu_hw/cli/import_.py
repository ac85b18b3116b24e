"""`lmu-hw import`: a network from elsewhere as a network file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lmu_hw.cli.output import answer, facts, format_number, grid, staged, written
from lmu_hw.design.options import options_of
from lmu_hw.design.requests import ImportRequest
from lmu_hw.errors import RequestError
from lmu_hw.io.archive import ArchiveReader
from lmu_hw.io.files import check_identifier
from lmu_hw.io.schema import schema_id
from lmu_hw.networks.file import save_network
from lmu_hw.networks.model import Network, Output

KERAS = (".keras", ".h5", ".hdf5")
STATE_DICTS = (".safetensors", ".pt", ".pth")


def run(source: Path, name: str | None, asked: ImportRequest, out: Path | None, as_json: bool) -> None:
    """Import the network, write its file and print its layers; see `lmu_hw.cli.commands.import_`."""
    if name is None:
        stem = re.sub(r"[^A-Za-z0-9]+", "_", source.stem).strip("_")
        name = (stem if stem[:1].isalpha() else f"network_{stem}")[:63]
    file = f"{check_identifier(name)}.npz"
    with staged(out) as folder:
        network = _network(source, asked)
        path = save_network(folder / file, network)
        with ArchiveReader(path) as archive:
            header = archive.header
    result = {
        "schema": schema_id("import"),
        "file": file,
        "inputs": network.inputs,
        "outputs": network.outputs,
        "parameters": network.parameters,
    }
    answer(result | header, _shown(source, network, header, out, file), as_json=as_json)


def _network(source: Path, asked: ImportRequest) -> Network:
    suffix = source.suffix.lower()
    if suffix in KERAS:
        from lmu_hw.networks.importers import import_keras

        asked.refuse("on a model of Keras, which says it itself", *_all_but("dt"))
        return import_keras(source, **asked.given())
    if suffix not in STATE_DICTS:
        known = ", ".join((*KERAS, *STATE_DICTS))
        raise RequestError(f"{source.name} is not of a kind that is imported", hint=f"there are {known}")
    from lmu_hw.networks.importers import NamedCell, import_state_dict, read_mapping

    if asked.mapping is not None:
        asked.refuse("beside --mapping, which says it itself", *_all_but("mapping"))
        return import_state_dict(source, read_mapping(asked.mapping))
    said = asked.given()
    if "output" in said:
        said["output"] = Output(said["output"])
    return import_state_dict(source, NamedCell(**said))


def _all_but(name: str) -> list[str]:
    return [each for each in options_of(ImportRequest) if each != name]


def _shown(source: Path, network: Network, header: dict[str, Any], out: Path | None, file: str) -> Iterator[Any]:
    yield facts(
        "Import",
        [
            ("file", source.name),
            ("inputs", str(network.inputs)),
            (
                "outputs",
                f"{network.outputs}, {'one set per step' if network.output == 'sequence' else 'after the last step'}",
            ),
            ("parameters", str(network.parameters)),
            *((key, str(value)) for key, value in network.notes.items() if key != "imported"),
        ],
    )
    heads = ["layer", "inputs", "outputs", "memory", "θ (s)", "dt (s)", "method", "activation"]
    rows = [
        (
            network.name(k),
            str(layer.inputs),
            str(layer.outputs),
            f"{entry['channels']} × {entry['order']}" if "order" in entry else "",
            format_number(entry["theta"]) if "order" in entry else "",
            format_number(entry["dt"]) if "order" in entry else "",
            entry.get("discretization", ""),
            entry.get("activation", ""),
        )
        for k, (layer, entry) in enumerate(zip(network.layers, header["layers"], strict=True))
    ]
    yield grid("Layers", heads, rows)
    yield from written(out, [file])
