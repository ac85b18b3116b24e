"""Kinds of named objects: their tables, their members, and other processes."""

from __future__ import annotations

import copy
import pickle

import pytest

from lmu_hw.core.registry import Registered, member
from lmu_hw.core.spec import Basis
from lmu_hw.errors import DesignError


class Fruit(Registered):
    """A kind with one attribute."""

    sweet: bool


Fruit.register(Fruit.new("apple", sweet=True))
Fruit.register(Fruit.new("lemon", sweet=False), aliases=("citron",))


def test_members_are_found_by_name_by_alias_and_as_attributes() -> None:
    assert Fruit("apple") is Fruit.APPLE
    assert Fruit("citron") is Fruit("lemon") is Fruit.LEMON
    assert not Fruit.LEMON.sweet
    assert Fruit(Fruit.LEMON) is Fruit.LEMON


def test_the_kind_lists_its_table_in_order() -> None:
    assert list(Fruit) == ["apple", "lemon"]
    assert len(Fruit) == 2
    assert "citron" in Fruit
    assert "pear" not in Fruit
    assert 3 not in Fruit


def test_a_member_is_its_name() -> None:
    assert Fruit.APPLE == "apple"
    assert f"{Fruit.APPLE}" == "apple"
    assert type(str(Fruit.APPLE)) is str
    assert {"apple": 1}[Fruit.APPLE] == 1


def test_copies_are_the_member_itself() -> None:
    assert copy.deepcopy(Fruit.APPLE) is Fruit.APPLE
    assert pickle.loads(pickle.dumps(Fruit.APPLE)) is Fruit.APPLE  # noqa: S301


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"^'pear' is not one of apple, lemon$"):
        Fruit("pear")
    with pytest.raises(AttributeError, match=r"^Fruit has no member PEAR$"):
        _ = Fruit.PEAR
    with pytest.raises(DesignError, match=r"^fruit must be one of apple, lemon, got pear$"):
        member(Fruit, "pear", "fruit")
    with pytest.raises(DesignError, match=r"^basis must be one of legendre, orthonormal, got pear$"):
        member(Basis, "pear", "basis")


def test_names_are_not_taken_twice() -> None:
    with pytest.raises(ValueError, match=r"^Fruit citron is there already$"):
        Fruit.register(Fruit.new("citron", sweet=False))


def test_a_row_can_be_there_for_a_while() -> None:
    with Fruit.registered(Fruit.new("plum", sweet=True)):
        assert Fruit.PLUM.sweet
    assert list(Fruit) == ["apple", "lemon"]
