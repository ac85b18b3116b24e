"""Named objects of one kind: listed in a table, looked up by name, and equal to that name.

An enumeration would do, except that users can add to a table. `Discretization` and `Datapath` are such kinds. Nothing
heavy is imported here, so that the command line can list names without delay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any, TypeVar, cast

from lmu_hw.errors import DesignError

_T = TypeVar("_T")


class Registry(type):
    """The metaclass of a kind, by which the kind is a collection of its members, in the order of its table."""

    members: dict[str, Any]
    aliases: dict[str, str]

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> None:
        super().__init__(name, bases, namespace)
        cls.members, cls.aliases = {}, {}

    def __iter__(cls: type[_T]) -> Iterator[_T]:
        return iter(list(cls.members.values()))  # type: ignore[attr-defined]

    def __len__(cls) -> int:
        return len(cls.members)

    def __contains__(cls, name: object) -> bool:
        return isinstance(name, str) and (name in cls.members or name in cls.aliases)

    def __getattr__(cls: type[_T], name: str) -> _T:
        members: dict[str, _T] = type.__getattribute__(cls, "members")
        if name.isupper() and name.lower() in members:
            return members[name.lower()]
        raise AttributeError(f"{cls.__name__} has no member {name}")


class Registered(str, metaclass=Registry):
    """A member of a kind: a string, equal to its name, with attributes that say what it is.

    `Kind("name")` looks a member up, and raises a ValueError where there is none; `Kind.NAME` is the same.
    """

    def __new__(cls, name: object) -> Any:
        text = str(name)
        try:
            return cls.members[cls.aliases.get(text, text)]
        except KeyError:
            raise ValueError(f"{text!r} is not one of {', '.join(cls)}") from None

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the name: the attributes are found in the other process's table."""
        return type(self), (str(self),)

    @classmethod
    def new(cls, name: str, **attributes: Any) -> Any:
        """Make a member with these attributes; `register` adds it to the table."""
        member = str.__new__(cls, name)
        vars(member).update(attributes)
        return member

    @classmethod
    def register(cls, member: Any, *, aliases: tuple[str, ...] = ()) -> None:
        """Add a row to the table: a member, and other names that users may write for it.

        Raises:
            ValueError: a name is taken.
        """
        for name in (str(member), *aliases):
            if name in cls:
                raise ValueError(f"{cls.__name__} {name} is there already")
        cls.members[str(member)] = member
        cls.aliases.update(dict.fromkeys(aliases, str(member)))


_N = TypeVar("_N", bound=Registered | StrEnum)


def member(kind: type[_N], value: object, what: str) -> _N:
    """The member of `kind` that a user's `value` names.

    Raises:
        DesignError: there is none of that name; the error calls the value `what`.
    """
    try:
        return kind(str(value))
    except ValueError:
        names = ", ".join(cast("Iterable[str]", kind))
        raise DesignError(what, f"one of {names}", value) from None
