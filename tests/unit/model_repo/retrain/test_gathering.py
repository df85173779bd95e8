"""Everything there is to learn from, once: what is left out, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from model_repo.datasets.events import Log, read_log
from model_repo.datasets.tables import Dataset, EventTable
from model_repo.retrain.gathering import EVENTS_A_DAY_MAX, Goods, gather, until
from model_repo.train import profiles
from serving.adapters.parquet_archive import ParquetArchive
from serving.core.catalogue import Item
from serving.events.log import LoggedEvent, Position, Span
from serving.events.records import encode
from serving.events.types import EVENT_TYPES, PURCHASE, UserEvent

NOON = int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp())
DAY_S = 86_400
ITEMS = tuple(Item(name, title=name.upper(), price=100 + at, currency="GBP") for at, name in enumerate("abcd"))


def past_of(*rows: tuple[int, str, int], users: tuple[str, ...] = ("ada", "bob"), mark: int | None = None) -> Dataset:
    """Purchases of (user or -1, item, time)."""
    names = [item.item_id for item in ITEMS]
    user, item, time_s = zip(*rows, strict=True)
    n = len(rows)
    events = EventTable(
        np.array(user, np.int32), np.array([names.index(one) for one in item], np.int32), np.array(time_s, np.int64),
        np.full(n, PURCHASE, np.uint8), np.ones(n, np.int32), np.full(n, 90, np.int64), np.arange(n),
        None if mark is None else np.full(n, mark, np.uint64),
    )  # fmt: skip
    return Dataset("sales", "", ITEMS, users, events, "GBP")


def bought(number: int, user: str, items: str, time_s: int, visitor: str = "") -> UserEvent:
    return UserEvent(f"e{number}", "purchase-complete", user, visitor, time_s, tuple((item, 1) for item in items))


def log_of(folder: Path, *events: UserEvent) -> Log:
    archive = ParquetArchive(folder / "events")
    placed = [(Position(at, 0), LoggedEvent(one)) for at, one in enumerate(events, 1)]
    if placed:
        archive.put(Span(placed[0][0], placed[-1][0]), placed)
    return read_log(archive, days=365, rows_max=1_000_000)


def told(dataset: Dataset) -> list[tuple[str, str, int]]:
    events = dataset.events
    users = [*dataset.users, "nobody"]
    return [
        (users[user], dataset.items[item].item_id, time_s)
        for user, item, time_s in zip(events.user, events.item, events.time_s, strict=True)
    ]


def dropped(dataset: Dataset) -> dict[str, int]:
    return {kept.what: kept.rows for kept in dataset.report if kept.what.startswith("dropped")}


GOODS = Goods(ITEMS, {})


def test_past_and_log_are_one_history(tmp_path: Path) -> None:
    """By time; a visitor's session is a basket whose buyer nobody knows."""
    log = log_of(
        tmp_path, bought(1, "cid", "a", NOON), bought(2, "", "ab", NOON + 5, visitor="v"), bought(3, "ada", "b", NOON)
    )
    found = gather(GOODS, past_of((0, "a", NOON - DAY_S), (-1, "c", NOON - 9)), log)
    assert found.users == ("ada", "cid")  # bob did nothing
    assert told(found)[:2] == [("ada", "a", NOON - DAY_S), ("nobody", "c", NOON - 9)]
    assert sorted(told(found)[2:4]) == [("ada", "b", NOON), ("cid", "a", NOON)]
    assert sorted(told(found)[4:]) == [("nobody", "a", NOON + 5), ("nobody", "b", NOON + 5)]
    assert found.events.basket[4] == found.events.basket[5]
    assert len(set(found.events.basket.tolist())) == 5
    assert np.all(np.diff(found.events.time_s) >= 0)


def test_items_are_those_of_the_catalogue_now(tmp_path: Path) -> None:
    """What was written wins, deleted ones and their events go, items of the file that are new come in."""
    goods = Goods(
        ITEMS[:3], {"a": replace(ITEMS[0], price=777), "b": replace(ITEMS[1], deleted=True), "n": Item("n", price=5)}
    )
    log = log_of(tmp_path, bought(1, "ada", "abn?", NOON))
    found = gather(goods, past_of((0, "b", NOON - DAY_S), (0, "d", NOON - DAY_S)), log)
    assert {item.item_id: item.price for item in found.items} == {"a": 777, "c": 102, "d": 103, "n": 5}
    assert [row[:2] for row in told(found)] == [("ada", "d"), ("ada", "a"), ("ada", "n")]
    assert dropped(found) == {"dropped: item is gone": 1, "dropped: item not known": 2}


def test_an_order_told_by_both_counts_once(tmp_path: Path) -> None:
    """Same user, item and day: the file's stays. Views, other days and other users are something else."""
    log = log_of(
        tmp_path,
        bought(1, "ada", "ab", NOON + 60),
        replace(bought(2, "ada", "a", NOON + 70), event_type="detail-page-view"),
        bought(3, "ada", "a", NOON + DAY_S),
        bought(4, "bob", "a", NOON),
    )
    found = gather(GOODS, past_of((0, "a", NOON)), log)
    assert dropped(found) == {"dropped: told again": 1}
    purchases = [row for row, kind in zip(told(found), found.events.type, strict=True) if kind == PURCHASE]
    assert sorted(purchases) == sorted(
        [("ada", "a", NOON), ("bob", "a", NOON), ("ada", "b", NOON + 60), ("ada", "a", NOON + DAY_S)]
    )


def test_the_same_record_in_past_and_log_counts_once(tmp_path: Path) -> None:
    """What a release has learnt from the log stands in its history too."""
    log = log_of(tmp_path, bought(1, "ada", "a", NOON), bought(2, "bob", "a", NOON))
    mine = next(int(m) for m, o in zip(log.mark, log.owner, strict=True) if log.owners[o] == "u:ada")
    found = gather(GOODS, past_of((0, "a", NOON), (1, "b", NOON), mark=mine), log)
    assert sorted(told(found)) == sorted([("ada", "a", NOON), ("bob", "a", NOON), ("bob", "b", NOON)])
    assert dropped(found) == {"dropped: in the log too": 1}


def test_programs_are_left_out(tmp_path: Path) -> None:
    """Whoever does more on one day than people do; all that they did."""
    many = [
        UserEvent(f"r{at}", "detail-page-view", "", "robot", NOON + at % 60, (("a", 1),))
        for at in range(EVENTS_A_DAY_MAX + 1)
    ]
    log = log_of(tmp_path, *many, bought(1, "", "a", NOON + DAY_S, visitor="robot"), bought(2, "ada", "a", NOON))
    found = gather(GOODS, past_of((1, "b", NOON)), log)
    assert sorted(told(found)) == [("ada", "a", NOON), ("bob", "b", NOON)]
    assert dropped(found) == {"dropped: program": EVENTS_A_DAY_MAX + 2}


def test_profiles_made_of_the_log_are_those_of_the_store(tmp_path: Path) -> None:
    """Byte by byte, so that seeding the store with them changes nothing."""
    written = [bought(1, "ada", "ab", NOON), bought(2, "ada", "c", NOON + 5)]
    found = gather(GOODS, past_of((1, "b", NOON)), log_of(tmp_path, *written))
    keys, past = profiles(found, 512)
    blob = past.records[past.offsets[0] : past.offsets[1]].tobytes()
    assert keys[0] == "u:ada"
    size = len(encode(written[1]))
    stored = encode(written[0]) + encode(written[1])
    assert sorted(blob[at : at + size] for at in range(0, len(blob), size)) == sorted(
        stored[at : at + size] for at in range(0, len(stored), size)
    )


def test_nothing_at_all_is_an_empty_history(tmp_path: Path) -> None:
    found = gather(GOODS, until(past_of((0, "a", NOON)), NOON), log_of(tmp_path))
    assert (len(found.events), len(found.items)) == (0, 4)


def test_the_digest_tells_what_was_learnt_from(tmp_path: Path) -> None:
    """The same for the same, another for another event, item or user."""
    log = log_of(tmp_path, bought(1, "ada", "a", NOON), bought(2, "bob", "a", NOON))
    past = past_of((0, "a", NOON - DAY_S))
    digest = gather(GOODS, past, log).sha256
    assert gather(GOODS, past, log).sha256 == digest
    others = [
        gather(GOODS, past, log.before(NOON)),
        gather(Goods(ITEMS, {"a": replace(ITEMS[0], title="new")}), past, log),
        gather(GOODS, past_of((1, "a", NOON - DAY_S)), log),
    ]
    assert digest not in {other.sha256 for other in others}


@pytest.mark.parametrize("kind", [name for name in EVENT_TYPES if name.endswith("view")])
def test_a_price_is_the_items(tmp_path: Path, kind: str) -> None:
    """Events do not tell one."""
    log = log_of(tmp_path, UserEvent("e", kind, "ada", "", NOON, (("b", 1),)))
    assert gather(GOODS, past_of((0, "a", NOON - DAY_S)), log).events.price.tolist() == [90, 101]
