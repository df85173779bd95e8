"""Binding models and catalogue: however it comes about, the world is that of a fresh start, and cheap to go on from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from worlds import checkerboard

from serving.core.catalogue import Catalogue, Item
from serving.decisions.recommend import world
from serving.decisions.recommend.models import Models
from serving.decisions.recommend.world import World, bind

NEW = [Item(f"n{row}", brand=f"b{row % 3}", category_path=("all", f"c{row % 7}")) for row in range(30)]


def same(one: World, other: World) -> bool:
    names = ("stats", "vectors", "content", "units", "popularity", "popular", "fresh")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


@pytest.fixture
def start() -> tuple[Models, Catalogue]:
    return checkerboard()


def test_step_by_step_is_the_same_as_at_once(start: tuple[Models, Catalogue]) -> None:
    """New items, then one that gets another category, then more new items and a price."""
    models, catalogue = start
    bound = bind(models, catalogue)
    moved = replace(NEW[3], category_path=("all", "c1"), brand="b1")
    for changes in (NEW[:10], [moved], [*NEW[10:], replace(catalogue.items[0], price=1)], [replace(moved, price=5)]):
        catalogue = catalogue.updated(changes, catalogue.version + 1)
        bound = bind(models, catalogue, bound)
        assert same(bound, bind(models, catalogue))


def test_a_new_item_costs_only_itself(start: tuple[Models, Catalogue], monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine waits for it: with a thousand new items each further one had cost tens of milliseconds."""
    models, catalogue = start
    catalogue = catalogue.updated(NEW[:-1], 2)
    bound = bind(models, catalogue)
    computed: list[int] = []
    original = world.means_of_kin
    monkeypatch.setattr(world, "means_of_kin", lambda *args: computed.extend(args[3].tolist()) or original(*args))
    bind(models, catalogue.updated(NEW[-1:], 3), bound)
    assert computed == [len(catalogue)] * 2
