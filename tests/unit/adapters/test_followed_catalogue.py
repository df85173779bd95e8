"""The catalogue beside the gateway: what was published, under what was written since, for each live release."""

from __future__ import annotations

from pathlib import Path

from link_laws import awaited

from serving.adapters.catalogue_file import dump_items
from serving.adapters.followed_catalogue import FollowedCatalogue
from serving.adapters.memory_catalogue import MemoryCatalogue
from serving.adapters.releases import Release
from serving.adapters.versions import PARTS, promote, write_version
from serving.catalogue.contract import UpsertItems
from serving.catalogue.live import LiveCatalogue
from serving.catalogue.store import CatalogueStore
from serving.core.catalogue import Item
from serving.core.clock import NEVER
from serving.core.turn import Turn

WAIT_S = 20.0


def go_live(home: Path, release: str, *items: Item) -> None:
    for part in PARTS:
        version = release if part == "catalogue" else "1"
        write_version(home, part, version, {"items.parquet": dump_items(items)} if part == "catalogue" else {"x": b"x"})
    promote(home, Release(release, {part: release if part == "catalogue" else "1" for part in PARTS}))


def prices(catalogue: FollowedCatalogue) -> dict[str, int]:
    found = catalogue.snapshot()
    return {item.item_id: item.price for item in found.items}


def write(store: CatalogueStore, *items: Item) -> None:
    """By the gateway."""
    LiveCatalogue(store).run_write([UpsertItems(items)], Turn(0.0, 1.7e9, NEVER))


def test_what_was_written_lies_over_what_was_published(tmp_path: Path) -> None:
    store = MemoryCatalogue()
    go_live(tmp_path, "r1", Item("a", price=1, currency="GBP"), Item("b", price=2, currency="GBP"))
    write(store, Item("b", price=20, currency="GBP"))
    followed = FollowedCatalogue(tmp_path, store)
    assert prices(followed) == {"a": 1, "b": 2}, "before it follows"
    followed.start(WAIT_S)
    try:
        assert prices(followed) == {"a": 1, "b": 20}
        write(store, Item("c", price=3, currency="GBP"))
        awaited(lambda: prices(followed) == {"a": 1, "b": 20, "c": 3}, "it is seen")
        go_live(tmp_path, "r2", Item("b", price=4, currency="GBP"), Item("d", price=5, currency="GBP"))
        awaited(lambda: prices(followed) == {"b": 20, "d": 5, "c": 3}, "it is seen")
        write(store, Item("d", price=50, currency="GBP"))
        awaited(lambda: prices(followed) == {"b": 20, "d": 50, "c": 3}, "it is seen")
    finally:
        followed.close()


def test_before_anything_is_trained_it_is_empty(tmp_path: Path) -> None:
    followed = FollowedCatalogue(tmp_path, MemoryCatalogue())
    assert prices(followed) == {}
    followed.close()
