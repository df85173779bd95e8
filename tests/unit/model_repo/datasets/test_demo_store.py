"""The demo store: the same bytes for the same seed, and the structure its models are to find."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, date, datetime

import numpy as np
import pytest

from model_repo.datasets.demo_calendar import day_factor, season_factor
from model_repo.datasets.demo_catalogue import PROMOTION_DAYS, make_goods
from model_repo.datasets.demo_store import generate
from model_repo.datasets.demo_words import LEAVES
from model_repo.datasets.tables import Dataset, EventTable
from serving.core.errors import InvalidInput
from serving.core.ids import check_id
from serving.events.types import CART, EVENT_TYPES, PURCHASE, VIEW

DAY_S = 86_400


@pytest.fixture(scope="module")
def store() -> Dataset:
    return generate(items=1000, customers=3000, days=180, seed=7)


def same(a: EventTable, b: EventTable) -> bool:
    assert columns(a).keys() == columns(b).keys()
    return all(column.tobytes() == columns(b)[name].tobytes() for name, column in columns(a).items())


def columns(table: EventTable) -> dict[str, np.ndarray]:
    """Those that it has: marks are of a store's records alone, places of shops that tell them."""
    named = {f.name: getattr(table, f.name) for f in fields(EventTable)}
    return {name: column for name, column in named.items() if column is not None}


def days_of(store: Dataset, events: EventTable) -> np.ndarray:
    midnight = int(store.events.time_s[-1]) // DAY_S * DAY_S
    return (events.time_s - (midnight - 179 * DAY_S)) // DAY_S


def purchases(store: Dataset) -> EventTable:
    return store.events.where(store.events.type == PURCHASE)


def test_same_seed_same_bytes() -> None:
    """Two runs agree in every byte, items and users included."""
    one, two = (generate(items=200, customers=300, days=40, seed=3) for _ in range(2))
    assert same(one.events, two.events)
    assert (one.items, one.users, one.sha256) == (two.items, two.users, two.sha256)


def test_another_seed_is_another_shop() -> None:
    """A seed changes events, items and the digest."""
    one, two = (generate(items=200, customers=300, days=40, seed=seed) for seed in (3, 4))
    assert not same(one.events, two.events)
    assert one.items != two.items
    assert one.sha256 != two.sha256


def test_columns_fit_the_table(store: Dataset) -> None:
    """dtypes, ranges and order are those of EventTable."""
    e = store.events
    assert e.mark is None
    assert [column.dtype for column in columns(e).values()] == [
        np.int32, np.int32, np.int64, np.uint8, np.int32, np.int64, np.int64
    ]  # fmt: skip
    assert len({len(column) for column in columns(e).values()}) == 1
    assert np.all(np.diff(e.time_s) >= 0)
    assert e.item.min() >= 0
    assert e.item.max() < len(store.items)
    assert e.user.min() == -1
    assert e.user.max() < len(store.users)
    assert e.quantity.min() >= 1
    assert e.price.min() >= 1
    assert sum(kept.rows for kept in store.report) == len(e)


def test_last_day_is_the_end(store: Dataset) -> None:
    """The history covers 180 days and ends on the date asked for."""
    last = datetime.fromtimestamp(int(store.events.time_s[-1]), UTC).date()
    assert last == date(2026, 10, 31)
    assert days_of(store, store.events).min() == 0
    assert len(np.unique(days_of(store, store.events))) == 180
    earlier = generate(items=100, customers=200, days=10, end=date(2025, 2, 3))
    assert datetime.fromtimestamp(int(earlier.events.time_s[-1]), UTC).date() == date(2025, 2, 3)


def test_a_basket_is_one_visit_of_one_person(store: Dataset) -> None:
    """Rows of one basket share the user and lie within an hour on one day."""
    e = store.events
    order = np.lexsort((e.time_s, e.basket))
    basket, user, time_s = e.basket[order], e.user[order], e.time_s[order]
    inside = basket[1:] == basket[:-1]
    assert np.all(user[1:][inside] == user[:-1][inside])
    first = np.r_[0, np.flatnonzero(~inside) + 1]
    last = np.r_[np.flatnonzero(~inside), len(basket) - 1]
    assert (time_s[last] - time_s[first]).max() < 3600
    assert np.all(time_s[last] // DAY_S == time_s[first] // DAY_S)


def test_purchases_follow_carts(store: Dataset) -> None:
    """Nothing is bought that was not put in the cart of that visit before; most carts follow a view."""
    e = store.events
    key = e.basket * len(store.items) + e.item
    bought, cart, view = (key[e.type == kind] for kind in (PURCHASE, CART, VIEW))
    assert np.all(np.isin(bought, cart))
    assert len(np.unique(bought)) == len(bought)
    assert 0.5 < np.isin(cart, view).mean() < 1.0
    assert len(view) > len(cart) > len(bought) > 0
    assert set(np.unique(e.type)) == {
        EVENT_TYPES.index(name)
        for name in ("search", "detail-page-view", "add-to-cart", "remove-from-cart", "purchase-complete")
    }


def test_items_are_complete_and_readable(store: Dataset) -> None:
    """Ids, titles, categories, money, sizes and stock of every item make sense."""
    assert store.items[42].item_id == "P00042"
    assert store.users[17] == "C000017"
    assert len({item.title for item in store.items}) == len(store.items)
    assert {item.category_path for item in store.items} == {leaf.path for leaf in LEAVES}
    for item in store.items:
        assert check_id("item_id", item.item_id)
        assert item.title.startswith(item.brand)
        assert item.title.isprintable()
        assert len(item.category_path) == 3
        assert item.currency == "GBP"
        assert 0 < item.cost < item.list_price
        assert 0 < item.price <= item.list_price
        assert item.weight_grams > 0
        assert min(item.size_mm) > 0
        assert set(item.stock) == {"north", "south", "west"}
        assert item.available_s <= store.events.time_s[-1]
    sold_out = [item.on_hand == 0 for item in store.items]
    assert 0 < sum(sold_out) < 0.1 * len(sold_out)
    assert any(item.price < item.list_price for item in store.items)


def test_nothing_is_sold_while_it_is_out_or_not_yet_new() -> None:
    """In a stock-out and before its launch no event of any kind touches the item; stock-outs and launches exist."""
    store = generate(items=300, customers=1500, days=120, seed=1)
    goods = make_goods(300, 120, np.random.default_rng(np.random.SeedSequence(1).spawn(1)[0]))
    e = store.events
    midnight = int(e.time_s[-1]) // DAY_S * DAY_S
    day = (e.time_s - (midnight - 119 * DAY_S)) // DAY_S
    sold = np.stack([goods.on(number)[2] for number in range(120)])
    assert np.all(sold[day, e.item])
    assert np.all(np.stack([goods.on(number)[0] for number in range(120)])[day, e.item] == e.price)
    assert (~sold).any(axis=0).mean() > 0.1
    assert (goods.launch_day > 0).sum() > 10
    assert (goods.change_day < 120).sum() > 30


def test_promotions_lift_demand(store: Dataset) -> None:
    """Items sell more per day at a promotion price than at their regular one."""
    goods = make_goods(1000, 180, np.random.default_rng(np.random.SeedSequence(7).spawn(1)[0]))
    off = np.stack([goods.on(number)[1] for number in range(180)]) > 0
    sold = np.stack([goods.on(number)[2] for number in range(180)])
    p = purchases(store)
    counts = np.zeros((180, 1000))
    np.add.at(counts, (days_of(store, p), p.item), 1)
    assert counts[off & sold].mean() > 1.5 * counts[~off & sold].mean()
    assert off.any(axis=0).mean() > 0.5
    assert PROMOTION_DAYS == 7


def test_week_and_year_are_seen(store: Dataset) -> None:
    """Sundays are busier than Saturdays; garden goods sell in summer, gifts towards Christmas."""
    visits = store.events.where(store.events.type == VIEW)
    weekday = (visits.time_s // DAY_S + 3) % 7
    per_day = np.bincount(weekday, minlength=7)
    assert per_day[6] > 1.15 * per_day[5]
    season = np.array([next(leaf.season for leaf in LEAVES if leaf.path == i.category_path) for i in store.items])
    month = np.array([datetime.fromtimestamp(int(t), UTC).month for t in visits.time_s[::1]])
    share = {m: np.mean(season[visits.item[month == m]] == "summer") for m in (7, 10)}
    assert share[7] > 1.5 * share[10]
    assert day_factor(date(2026, 12, 6)) > 1.3 * day_factor(date(2026, 7, 5))
    assert season_factor("gift", date(2026, 12, 10)) > 4 * season_factor("gift", date(2026, 6, 10))
    assert season_factor("flat", date(2026, 6, 10)) == 1.0


def test_repeats_exist_and_do_not_dominate(store: Dataset) -> None:
    """Customers buy consumables again, about one purchase in four; durables rarely."""
    p = purchases(store)
    p = p.where(p.user >= 0)
    pair = p.user.astype(np.int64) * len(store.items) + p.item
    _, first = np.unique(pair, return_index=True)
    again = np.ones(len(pair), np.bool_)
    again[first] = False
    interval = {leaf.path: leaf.interval_days for leaf in LEAVES}
    consumed = np.array([interval[item.category_path] > 0 for item in store.items])[p.item]
    assert 0.1 < again.mean() < 0.45
    assert again[consumed].mean() > 2 * again[~consumed].mean()


def test_neighbours_beat_popularity(store: Dataset) -> None:
    """Items bought by the same customers foretell a customer's next, new items far better than popularity does."""
    p = purchases(store)
    p = p.where(p.user >= 0)
    cut = store.events.time_s[-1] - 30 * DAY_S
    seen = np.zeros((len(store.users), len(store.items)), np.float32)
    later = np.zeros_like(seen, np.bool_)
    seen[p.user[p.time_s < cut], p.item[p.time_s < cut]] = 1
    later[p.user[p.time_s >= cut], p.item[p.time_s >= cut]] = True
    popular = seen.sum(axis=0)
    alike = seen.T @ seen / np.sqrt(np.maximum(1, np.outer(popular, popular)))
    np.fill_diagonal(alike, 0)
    new = later & (seen == 0)
    users = np.flatnonzero(new.any(axis=1) & seen.any(axis=1))

    def hits(scores: np.ndarray) -> float:
        top = np.argsort(-np.where(seen[users] > 0, -np.inf, scores), axis=1, kind="stable")[:, :10]
        return float(np.take_along_axis(new[users], top, 1).any(axis=1).mean())

    assert len(users) > 300
    assert hits(seen[users] @ alike) > 2 * hits(np.broadcast_to(popular, (len(users), len(popular))))


def test_partners_are_bought_together(store: Dataset) -> None:
    """An item's partner is in the same basket far more often than chance would have it."""
    goods = make_goods(1000, 180, np.random.default_rng(np.random.SeedSequence(7).spawn(1)[0]))
    p = purchases(store)
    key = np.unique(p.basket * 1000 + p.item)
    together = np.isin(p.basket * 1000 + goods.partner[p.item], key).mean()
    by_chance = np.isin(p.basket * 1000 + np.roll(goods.partner, 1)[p.item], key).mean()
    assert together > 0.1
    assert together > 5 * by_chance


def test_progress_ends_at_its_total() -> None:
    """Progress is told for every day and reaches the total."""
    told: list[tuple[str, int, int]] = []
    generate(items=60, customers=20, days=5, progress=lambda *step: told.append(step))
    assert told[-1][1] == told[-1][2] == len(told)


def test_the_smallest_shop_works() -> None:
    """One customer, one day, one item a leaf: no crash, columns in place."""
    store = generate(items=len(LEAVES), customers=1, days=1)
    assert len(store.items) == len(LEAVES)
    assert len(store.users) == 1


@pytest.mark.parametrize(
    ("name", "value"), [("items", 10), ("items", 10**9), ("customers", 0), ("days", 0), ("days", 10_000), ("seed", -1)]
)
def test_bad_sizes_are_refused(name: str, value: int) -> None:
    """A size out of range is named with its range."""
    with pytest.raises(InvalidInput, match=f"{name}: got {value}, expected a whole number from") as caught:
        generate(**{name: value})
    assert caught.value.field == name
