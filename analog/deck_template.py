"""A deck in which elements get other values, many times over, without being laid out and checked each time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lmu_hw.analog.circuit import Circuit
from lmu_hw.analog.elements import Device, Element, Instance
from lmu_hw.analog.spice import element_value, wrapped
from lmu_hw.errors import DesignError


class DeckTemplate:
    """The text of a deck with a place for each element's value.

    Args:
        bench: the circuit of the deck, in which no circuit is instantiated twice.
        deck: what `to_deck` wrote of it.

    Raises:
        DesignError: a circuit is instantiated twice, or the deck is not one of the bench.
    """

    def __init__(self, bench: Circuit, deck: str) -> None:
        self._lines = [[line] for line in deck.replace("\n+", "").splitlines()]
        scopes: dict[tuple[str, str], int] = {}
        scope = ""
        for number, (line,) in enumerate(self._lines):
            first, _, rest = line.partition(" ")
            if first == ".subckt":
                scope = rest.split(" ", 1)[0]
            elif first == ".ends":
                scope = ""
            else:
                scopes.setdefault((scope, first), number)
        self._places: dict[str, tuple[Element, int, str]] = {}
        taken: set[int] = set()
        for path, where, element in _placed(bench, "", ""):
            number = scopes.get((where, element.name), -1)
            line, value = self._lines[number][0], f" {element_value(element)}"
            if number < 0 or not line.endswith(value):
                raise DesignError(f"deck of {bench.name}", f"one that has {path} with its value", line)
            if number in taken:
                raise DesignError(f"circuits of {bench.name}", "instantiated once each", f"another one with {path}")
            taken.add(number)
            self._places[path] = element, number, line.removesuffix(value)
        self._lines = [wrapped(line) for (line,) in self._lines]

    def text(self, elements: Mapping[str, Element]) -> str:
        """The deck with other elements, of the same names and kinds, in the place of some.

        Args:
            elements: by path, as in `walk` of the bench.

        Raises:
            DesignError: a path is none of an element, or the name or the kind differ.
        """
        lines = list(self._lines)
        for path, other in elements.items():
            if path not in self._places:
                raise DesignError("path of an element", "one of the deck", path)
            element, number, head = self._places[path]
            if other.name != element.name or _kind(other) != _kind(element):
                raise DesignError(path, f"replaced by its like: {element.kind}, name and model the same", other.name)
            lines[number] = wrapped(f"{head} {element_value(other)}")
        return "".join(f"{part}\n" for parts in lines for part in parts)


def _placed(circuit: Circuit, prefix: str, scope: str) -> Iterator[tuple[str, str, Element]]:
    """Path, circuit in which it stands ("" for the top), and element."""
    for element in circuit.elements:
        if isinstance(element, Instance):
            yield from _placed(element.circuit, f"{prefix}{element.name}.", element.circuit.name)
        else:
            yield prefix + element.name, scope, element


def _kind(element: Element) -> tuple[type, ...]:
    return (type(element), type(element.model)) if isinstance(element, Device) else (type(element),)
