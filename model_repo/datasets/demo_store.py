"""The demo store: a made-up shop with real structure, for the demo, the tests and the load. Same seed, same bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Final

import numpy as np
import numpy.typing as npt

from model_repo.datasets.demo_behaviour import DAY_S, Day, Rows, Sessions, open_day, shop, use_up, visits
from model_repo.datasets.demo_calendar import day_factor, days_until, season_factor
from model_repo.datasets.demo_catalogue import Goods, attributes, make_goods, size_step, title
from model_repo.datasets.demo_customers import make_customers
from model_repo.datasets.demo_memory import Owned, Reorders
from model_repo.datasets.demo_words import BRANDS, LEAVES, WAREHOUSES
from model_repo.datasets.tables import Dataset, EventTable, Kept
from serving.core.catalogue import Item
from serving.core.errors import InvalidInput
from serving.events.types import PURCHASE

VERSION: Final = 2
"""Part of the data's digest: raised whenever the same seed would give other bytes."""
END: Final = date(2026, 10, 31)
CURRENCY: Final = "GBP"
_BURN_IN_DAYS: Final = 45
"""Days played before the history begins and then forgotten, so that buying again is in swing on its first day."""
ITEMS_MIN: Final = len(LEAVES)
_COLUMNS: Final = {
    "user": np.int32,
    "item": np.int32,
    "time_s": np.int64,
    "type": np.uint8,
    "quantity": np.int32,
    "price": np.int64,
    "basket": np.int64,
}

Progress = Callable[[str, int, int], None]


def generate(
    items: int = 4000,
    customers: int = 8000,
    days: int = 180,
    seed: int = 0,
    progress: Progress | None = None,
    *,
    end: date = END,
) -> Dataset:
    """A shop's history of `days` days up to and including `end`.

    Every customer has about eight sessions in 180 days, of searches, views, carts and purchases; a session is one
    basket number. Search rows carry the item that the search led to. One session in eight is anonymous (user -1).
    Memory is about 40 bytes an event (50 to 60 events a customer in 180 days) plus 1 KiB an item.
    """
    _check(items, customers, days, seed)
    streams = np.random.SeedSequence(seed).spawn(3 + _BURN_IN_DAYS + days)
    goods = make_goods(items, days, np.random.default_rng(streams[0]))
    people = make_customers(customers, days, np.random.default_rng(streams[1]))
    calendar = days_until(end, _BURN_IN_DAYS + days)
    first_s = int(datetime(end.year, end.month, end.day, tzinfo=UTC).timestamp()) - (days - 1) * DAY_S
    reorders, owned, parts, baskets = Reorders(days), Owned.none(customers), [], 0
    for stream, number, today in zip(streams[3:], range(-_BURN_IN_DAYS, days), calendar, strict=True):
        rng = np.random.default_rng(stream)
        season = np.array([season_factor(leaf.season, today) for leaf in LEAVES], np.float32)
        day = open_day(goods, number, day_factor(today), season)
        come = visits(people, day, reorders.take(number), rng)
        rows, (session, item) = shop(goods, people, day, come, owned, rng)
        owned.put(come.user[session], item)
        known = ~come.anonymous[session]
        reorders.add(*use_up(goods, people, number, come.user[session[known]], item[known], rng))
        if number >= 0:
            parts.append(_columns(rows, come, day, first_s, baskets))
            baskets += len(come.user)
        if progress:
            progress("demo store", number + _BURN_IN_DAYS + 1, _BURN_IN_DAYS + days)
    events = _joined(parts)
    settings = {"items": items, "customers": customers, "days": days, "seed": seed, "end": str(end), "version": VERSION}
    return Dataset(
        name="demo",
        sha256=sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest(),
        items=_items(goods, events, days, first_s, np.random.default_rng(streams[2])),
        users=tuple(f"C{number:0{max(6, len(str(customers - 1)))}d}" for number in range(customers)),
        events=events,
        currency=CURRENCY,
        report=(Kept("kept: generated", len(events), f"seed {seed}, {days} days up to {end}"),),
    )


def _check(items: int, customers: int, days: int, seed: int) -> None:
    for name, value, least, most in (
        ("items", items, ITEMS_MIN, 5_000_000),
        ("customers", customers, 1, 50_000_000),
        ("days", days, 1, 3660),
        ("seed", seed, 0, 2**63),
    ):
        if not least <= value <= most:
            raise InvalidInput(name, value, f"a whole number from {least} to {most}")


def _columns(
    rows: list[Rows], come: Sessions, day: Day, first_s: int, baskets: int
) -> dict[str, npt.NDArray[np.generic]]:
    """The day's events in order of time, in the dtypes of EventTable."""
    session = np.concatenate([one.session for one in rows])
    item = np.concatenate([one.item for one in rows])
    second = np.concatenate([one.second for one in rows])
    kind = np.concatenate([np.full(len(one.item), one.type, np.uint8) for one in rows])
    pieces = np.concatenate([np.broadcast_to(np.asarray(one.quantity), len(one.item)) for one in rows])
    order = np.argsort(second, kind="stable")
    user = np.where(come.anonymous, -1, come.user)[session]
    columns = {
        "user": user,
        "item": item,
        "time_s": first_s + day.number * DAY_S + second,
        "type": kind,
        "quantity": pieces,
        "price": day.price[item],
        "basket": baskets + session,
    }
    return {name: columns[name][order].astype(dtype) for name, dtype in _COLUMNS.items()}


def _joined(parts: list[dict[str, npt.NDArray[np.generic]]]) -> EventTable:
    """One column after the other, letting each day's part go, so that the peak is one column above the result."""
    return EventTable(**{name: np.concatenate([part.pop(name) for part in parts]) for name in _COLUMNS})


def _items(goods: Goods, events: EventTable, days: int, first_s: int, rng: np.random.Generator) -> tuple[Item, ...]:
    """The catalogue on the morning after the last day: prices of the last day, stock by recent sales."""
    n = len(goods)
    price, _, sold = goods.on(days - 1)
    listed = goods.list_price(days - 1)
    rows = (events.time_s >= first_s + (days - 28) * DAY_S) & (events.type == PURCHASE)
    daily = np.bincount(events.item[rows], weights=events.quantity[rows], minlength=n) / 28.0
    total = np.where(sold, np.maximum(6, daily * rng.uniform(10, 50, n)), 0.0)
    share = rng.gamma(np.array([4.5, 3.5, 2.0]), size=(n, len(WAREHOUSES)))
    hand = np.rint(total[:, None] * share / share.sum(axis=1, keepdims=True)).astype(np.int64)
    order = np.where((rng.random((n, 1)) < 0.3) | ~sold[:, None], np.maximum(4, hand // 2), 0)
    digits = max(5, len(str(n - 1)))
    made = []
    for i in range(n):
        leaf, variant = LEAVES[goods.leaf[i]], int(goods.variant[i])
        bigger = 1.4 ** size_step(leaf, variant)
        width, depth, height = (round(side * bigger ** (1 / 3)) for side in leaf.size_mm)
        made.append(
            Item(
                item_id=f"P{i:0{digits}d}",
                title=title(leaf, int(goods.brand[i]), variant),
                category_path=leaf.path,
                brand=BRANDS[goods.brand[i]],
                currency=CURRENCY,
                price=int(price[i]),
                cost=int(goods.cost[i]),
                list_price=int(listed[i]),
                stock={w: (int(hand[i, k]), int(order[i, k])) for k, w in enumerate(WAREHOUSES)},
                weight_grams=round(leaf.grams * bigger),
                size_mm=(width, depth, height),
                available_s=first_s + int(goods.launch_day[i]) * DAY_S,
                attributes=attributes(leaf, variant),
            )
        )
    return tuple(made)
