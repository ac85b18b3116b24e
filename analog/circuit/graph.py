"""A circuit as a bipartite graph: elements on one side, nets on the other, one edge per pin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

import networkx as nx

from lmu_hw.analog.circuit.elements import GROUND as GROUND
from lmu_hw.analog.circuit.elements import Direction, Element, Instance, Port
from lmu_hw.core.display import Displayed
from lmu_hw.errors import DesignError
from lmu_hw.io.files import check_identifier

Vertex = tuple[str, str]
"""The kind of vertex, "element", "net" or "port", and the name; the three name spaces do not mix."""

_Kind = TypeVar("_Kind", bound=Element)


def element_vertex(element: Element) -> Vertex:
    """Return the graph vertex of an element or port."""
    return ("port" if isinstance(element, Port) else "element", element.name)


def net_vertex(net: str) -> Vertex:
    """Return the graph vertex of a net."""
    return ("net", net)


class Circuit(Displayed):
    """A named circuit, built by `add` and `add_port`, in whose order everything is listed and written.

    Attributes:
        name: The identifier under which it becomes a SPICE subcircuit.
        graph: The bipartite multigraph; element vertices carry the element as ``data``, and the key of each
            edge is the pin's name.

    Raises:
        DesignError: The name is not an identifier.
    """

    def __init__(self, name: str) -> None:
        self.name = check_identifier(name, "circuit name")
        self.graph: nx.MultiGraph[Vertex] = nx.MultiGraph()
        self._ports: list[Port] = []  # looked up at every pin of an instance, so not searched for each time

    def _facts(self) -> Iterable[tuple[str, str]]:
        kinds = [vertex[0] for vertex in self.graph]
        yield "name", self.name
        yield "ports", str(len(self._ports))
        yield "vertices", ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds)) or "none"

    def add(self, element: Element, /, **nets: str) -> None:
        """Add `element` with each of its pins on the named net, which is created if it is new.

        Raises:
            DesignError: The name is taken, a pin is missing or unknown, a net's name is not an identifier, or a
                port is not on the net of its name.
        """
        vertex = element_vertex(element)
        where = f"{self.name}.{element.name}"
        if vertex in self.graph:
            raise DesignError(where, f"a {vertex[0]} name used once", element.name)
        if set(nets) != set(element.pins):
            raise DesignError(where, f"connected at the pins {', '.join(element.pins)}", ", ".join(nets))
        for pin, net in nets.items():
            if net != GROUND:
                check_identifier(net, f"net at {where}.{pin}")
        if isinstance(element, Port) and nets["net"] != element.name:
            raise DesignError(where, "a port on the net of its name", nets["net"])
        self.graph.add_node(vertex, data=element)
        for pin in element.pins:
            self.graph.add_edge(vertex, net_vertex(nets[pin]), key=pin)
        if isinstance(element, Port):
            self._ports.append(element)

    def add_port(self, net: str, direction: Direction) -> None:
        """Make `net` a port; the order of the ports is that of the subcircuit's pins.

        Raises:
            DesignError: It is a port already, or its name is not an identifier.
        """
        self.add(Port(net, direction), net=net)

    @property
    def elements(self) -> list[Element]:
        """All elements without the ports, in the order in which they were added."""
        return [e for e in self._members() if not isinstance(e, Port)]

    @property
    def ports(self) -> list[Port]:
        """The ports, in order."""
        return list(self._ports)

    @property
    def nets(self) -> list[str]:
        """All nets, ground among them, in the order in which they were first used."""
        return [name for side, name in self.graph.nodes if side == "net"]

    def of(self, kind: type[_Kind]) -> list[_Kind]:
        """Return the members of one kind, in order."""
        return [e for e in self._members() if isinstance(e, kind)]

    def pins_of(self, element: Element) -> dict[str, str]:
        """Return the net at each pin of `element`, in pin order."""
        edges = self.graph.edges(element_vertex(element), keys=True)
        nets = {str(pin): net for _, (_, net), pin in edges}
        return {pin: nets[pin] for pin in element.pins}

    def pins_on(self, net: str) -> list[tuple[Element, str]]:
        """Return the elements on `net`, ports included, each with the pin that is connected there."""
        edges = self.graph.edges(net_vertex(net), keys=True)
        return [(self.graph.nodes[vertex]["data"], str(pin)) for _, vertex, pin in edges]

    def _members(self) -> Iterator[Element]:
        for vertex in self.graph.nodes:
            if vertex[0] != "net":
                yield self.graph.nodes[vertex]["data"]


def walk(circuit: Circuit) -> Iterator[tuple[str, Element, dict[str, str]]]:
    """Yield every element at any depth below `circuit`, except instances: its path, itself, and the nets at its pins.

    The names in a path, and in the name of an inner net, are joined by dots, as in "X_integrator_x0.R_x0_u". A net
    that reaches a port of `circuit` bears the port's name.
    """
    yield from _walk(circuit, "", {})


def parts_of(circuit: Circuit, kind: type[_Kind]) -> list[_Kind]:
    """Return the elements of one kind at any depth below `circuit`, in the order of `walk`."""
    return [element for _, element, _ in walk(circuit) if isinstance(element, kind)]


def _walk(circuit: Circuit, prefix: str, outer: Mapping[str, str]) -> Iterator[tuple[str, Element, dict[str, str]]]:
    for element in circuit.elements:
        nets = {
            pin: net if net == GROUND else outer.get(net, prefix + net) for pin, net in circuit.pins_of(element).items()
        }
        if isinstance(element, Instance):
            yield from _walk(element.circuit, f"{prefix}{element.name}.", nets)
        else:
            yield prefix + element.name, element, nets


def replaced(circuit: Circuit, elements: Mapping[str, Element]) -> Circuit:
    """Return a copy of `circuit` in which some elements are replaced by others of the same names and pins.

    Args:
        circuit: The original, which stays as it is; each of its instances must be the only one of its circuit.
        elements: The new elements by the paths of those that they replace, as in `walk`.

    Raises:
        DesignError: There is no element at a path, or a name or the pins differ.
    """
    unused = dict(elements)
    copy = _replaced(circuit, "", unused)
    if unused:
        raise DesignError("path of an element", f"one of circuit {circuit.name}", next(iter(unused)))
    return copy


def _replaced(circuit: Circuit, prefix: str, elements: dict[str, Element]) -> Circuit:
    copy = Circuit(circuit.name)
    for port in circuit.ports:
        copy.add_port(port.name, port.direction)
    for element in circuit.elements:
        other = elements.pop(prefix + element.name, element)
        if other.name != element.name:
            raise DesignError(f"{circuit.name}.{element.name}", "replaced by an element of its name", other.name)
        if isinstance(other, Instance):
            other = Instance(other.name, _replaced(other.circuit, f"{prefix}{other.name}.", elements))
        copy.add(other, **circuit.pins_of(element))
    return copy
