"""What became known after the cut does not reach the training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from model_repo.datasets.tables import Dataset, Outside
from model_repo.evaluate.knowledge import joined, known_before
from model_repo.evaluate.splits import DAY_S, split_at
from serving.core.catalogue import Item
from serving.events.types import PURCHASE, VIEW


def shop(events, items, users, price=100, title="now"):
    return Dataset(
        name="shop",
        sha256="0" * 64,
        items=tuple(Item(item, title=title, price=price, stock={"here": (0, 0)}) for item in items),
        users=tuple(users),
        events=events,
        currency="GBP",
    )


def test_joined_takes_the_past_as_it_was_read_then_and_the_rest_from_the_whole(table_of):
    """Item C's only sale was cancelled later: the past still has it. Numbers are by id, not by position."""
    past = shop(table_of(((0, 0, 1.0, 0), (1, 1, 2.0, 1))), "CA", ["u", "v"], price=50, title="then")
    whole = shop(table_of(((1, 0, 2.0, 0), (1, 1, 12.0, 1), (0, 0, 13.0, 2), (-1, 1, 14.0, 3))), "AB", ["w", "v"])
    both = joined(past, whole, 10 * DAY_S)
    told = [
        (both.users[user] if user >= 0 else "", both.items[item].item_id, int(time) // DAY_S)
        for user, item, time in zip(both.events.user, both.events.item, both.events.time_s, strict=True)
    ]
    assert told == [("u", "C", 1), ("v", "A", 2), ("v", "B", 12), ("w", "A", 13), ("", "B", 14)]
    assert len(np.unique(both.events.basket)) == 5
    assert {item.item_id: item.title for item in both.items} == {"C": "then", "A": "then", "B": "now"}


def test_what_is_known_beside_the_sales_stays_with_its_item(table_of):
    """Items get other numbers; what is said of all of them, or of days to come, is no item's."""
    events = table_of(((0, 2, 1.0, 0), (0, 1, 2.0, 1), (0, 0, 12.0, 2)))
    said = Outside(
        ("rain", "competitor"), np.array([1, 2, 1, 12]), np.array([-1, 2, 0, 2], np.int32),
        np.array([[3.0, np.nan], [np.nan, 22.0], [np.nan, 20.0], [np.nan, 99.0]]),
    )  # fmt: skip
    whole = replace(shop(events, "ABC", ["u"]), outside=said)
    known, rows = known_before(whole, split_at(events, 10 * DAY_S).train)
    assert known.outside is not None
    assert rows.tolist() == [1, 2]
    assert known.outside.names == said.names
    assert known.outside.item.tolist() == [-1, 1], "A is not known yet, and day 12 not either"
    np.testing.assert_array_equal(known.outside.values, said.values[:2])
    both = joined(shop(table_of(((0, 0, 1.0, 0),)), "C", ["u"]), whole, 10 * DAY_S)
    assert both.outside is not None
    ids = ["" if item < 0 else both.items[item].item_id for item in both.outside.item]
    assert ids == ["", "C", "A", "C"]


def test_an_item_that_was_only_looked_at_has_the_price_it_was_shown_at(table_of):
    """The catalogue's own price is of the end of the data."""
    events = table_of(((0, 0, 1.0, 0), (0, 1, 2.0, 1), (0, 1, 12.0, 2)), [PURCHASE, VIEW, PURCHASE])
    dataset = shop(replace(events, price=np.array([70, 80, 990])), "AB", ["u"], price=990)
    past, _ = known_before(dataset, split_at(dataset.events, 10 * DAY_S).train)
    assert [item.price for item in past.items] == [70, 80]


def test_known_before_has_only_seen_items_at_their_price_then_and_no_stock(table_of):
    """Item 1 is sold out and dearer at the end of the data, and item 2 new: none of that is known at the cut."""
    events = table_of(((0, 1, 1.0, 0), (0, 0, 2.0, 1), (0, 1, 12.0, 2), (0, 2, 12.0, 2)))
    events = replace(events, price=np.array([70, 80, 990, 990]))
    dataset = shop(events, "ABC", ["u"], price=990)
    split = split_at(dataset.events, 10 * DAY_S)
    past, rows = known_before(dataset, split.train)
    assert [item.item_id for item in past.items] == ["A", "B"]
    assert rows.tolist() == [0, 1]
    assert [item.price for item in past.items] == [80, 70]
    assert all(not item.stock for item in past.items)
    assert past.events.time_s.max() < 10 * DAY_S
