"""Training sees only what lay before each moment, and the same data and seed give the same release."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model_repo.datasets.demo_store import generate
from model_repo.datasets.tables import Dataset, EventTable
from model_repo.examples import examples
from model_repo.factors import build as factors
from model_repo.histories import Histories, interactions, next_baskets
from model_repo.item_item import build as item_item
from model_repo.ranker import build as ranker
from model_repo.recommend import Plan, train_recommend
from model_repo.retrievers import Recipe, fit, trending
from model_repo.train import train
from serving.adapters.model_loader import RANKERS, load
from serving.core.catalogue import Catalogue
from serving.core.errors import InvalidInput
from serving.decisions.recommend.params import Params
from serving.events.types import PURCHASE
from serving.features import FEATURES
from serving.kernels.history import DAY_S

QUICK = Recipe(factors=factors.Params(d=8, epochs=2), item_item=item_item.Params(neighbours=20))
PLAN = Plan(moments=2, groups_max=200, recipe=QUICK, ranker=ranker.Params(epochs=2, hidden=(8,)))


@pytest.fixture(scope="module")
def shop() -> Dataset:
    return generate(items=150, customers=300, days=120, seed=3)


def catalogue(shop: Dataset) -> Catalogue:
    return Catalogue.build(shop.items, model_ids=[item.item_id for item in shop.items])


def table(*rows: tuple[int, int, float, int]) -> EventTable:
    """(user, item, day, basket) purchases, in time order."""
    user, item, day, basket = (np.array(column) for column in zip(*rows, strict=True))
    n = len(rows)
    return EventTable(
        user.astype(np.int32), item.astype(np.int32), (day * DAY_S).astype(np.int64), np.full(n, PURCHASE, np.uint8),
        np.ones(n, np.int32), np.full(n, 100, np.int64), basket.astype(np.int64),
    )  # fmt: skip


def test_the_next_basket_is_the_first_one_after_the_moment() -> None:
    """One basket a user, items once, nobody unknown, nothing outside the window."""
    events = table((0, 1, 1, 1), (0, 2, 5, 2), (0, 2, 5, 2), (-1, 7, 5, 3), (0, 3, 6, 4), (1, 9, 8, 5), (2, 4, 30, 6))
    found = next_baskets(events, 2 * DAY_S, 20 * DAY_S)
    assert {user: items.tolist() for user, items in found.items()} == {0: [2], 1: [9]}


def test_histories_keep_the_newest_records_before_the_moment(shop: Dataset) -> None:
    """Everything is older than the moment, sorted by owner and time, and bounded."""
    histories = Histories.of(shop)
    moment = float(np.median(shop.events.time_s))
    owners, records, ptr = histories.before(moment, 5, users_only=True)
    assert (records["time_s"] < moment).all()
    assert (np.diff(ptr) <= 5).all()
    assert (owners < len(shop.users)).all()
    for i in range(0, len(owners), 37):
        mine = shop.events.time_s[(shop.events.user == owners[i]) & (shop.events.time_s < moment)]
        assert records["time_s"][ptr[i] : ptr[i + 1]].tolist() == sorted(mine.tolist())[-5:]


def test_anonymous_baskets_count_as_owners_of_their_own(shop: Dataset) -> None:
    """A basket without a buyer teaches what goes together."""
    shop = replace(shop, events=table((0, 1, 1, 1), (-1, 2, 2, 2), (-1, 3, 2, 2), (-1, 4, 3, 3)))
    owner, item, interest, n = interactions(Histories.of(shop), catalogue(shop), 10 * DAY_S, 512, Params())
    assert n == 3
    assert sorted(zip(owner.tolist(), item.tolist(), strict=True)) == [(0, 1), (1, 2), (1, 3), (2, 4)]
    assert (interest > 0.9).all()


def test_nothing_after_the_moment_is_seen(shop: Dataset) -> None:
    """Replacing the whole future changes neither the models nor the features, only the labels."""
    moment = float(shop.events.time_s[0] + 90 * DAY_S)
    future = shop.events.time_s >= moment
    other = replace(shop.events, item=np.where(future, 149 - shop.events.item, shop.events.item).astype(np.int32))
    other = replace(other, time_s=np.where(future, other.time_s + 60, other.time_s))
    found = []
    for events in (shop.events, other):
        changed = replace(shop, events=events)
        histories = Histories.of(changed)
        models = fit(changed, histories, catalogue(shop), moment, QUICK, Params(), seed=0)
        groups = examples(
            changed, histories, models, catalogue(shop), moment, moment + 1e9, Params(),
            records_max=512, groups_max=10**6, negatives_max=50, seed=0,
        )  # fmt: skip
        found.append((models, groups))
    (first, _), (second, _) = found
    for name in ("vectors", "gram", "item_stats", "trending", "content"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    for name in ("item_item", "transitions", "together", "coview"):
        one, other = getattr(first, name), getattr(second, name)
        for field in ("indptr", "cols", "vals"):
            np.testing.assert_array_equal(getattr(one, field), getattr(other, field), err_msg=name)
    for one, other in zip(first.sessions, second.sessions, strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(first.transitions.vals)
    assert (first.sessions.session_time_s < moment).all()
    assert first.trained_through_s == second.trained_through_s < moment


def test_trending_is_recent_and_leaves_out_what_never_sold() -> None:
    """Two sales today beat three of last quarter."""
    item, age = np.array([5, 5, 5, 2, 2], np.int32), np.array([90.0, 90, 90, 0, 0], np.float32)
    assert trending(item, age, 8).tolist() == [2, 5]


def test_same_data_and_seed_give_the_same_release(shop: Dataset, tmp_path: Path) -> None:
    """The release's name ends in the digest of its content; another seed gives another one. It loads and is whole."""
    names = [
        train(tmp_path / str(i), shop, seed=seed, plan=PLAN, wall_s=0.0).release.split("-")[1]
        for i, seed in enumerate((1, 1, 2))
    ]
    assert names[0] == names[1] != names[2]
    loaded = load(tmp_path / "0", FEATURES)
    assert loaded.refused == []
    assert loaded.models.item_ids == tuple(item.item_id for item in shop.items)
    features = np.random.default_rng(0).standard_normal((50, len(FEATURES))).astype(np.float32)
    for name in RANKERS:
        assert np.isfinite(getattr(loaded.models.rankers, name).score(features)).all()


def test_too_little_history_is_refused_and_nothing_becomes_live(shop: Dataset, tmp_path: Path) -> None:
    """Customers who never come back teach nothing; an empty table neither."""
    once = table(*((user, user % 7, user / 10, user) for user in range(50)))
    with pytest.raises(InvalidInput, match="customers who come back"):
        train(tmp_path, replace(shop, events=once), plan=PLAN)
    with pytest.raises(InvalidInput, match="no usable line"):
        train(tmp_path, replace(shop, events=once.where(np.zeros(50, bool))), plan=PLAN)
    assert not (tmp_path / "live.json").exists()


def test_plan_names_the_value_that_is_out_of_range() -> None:
    """As every setting does."""
    with pytest.raises(InvalidInput, match=r"train\.moments: got 0, expected a number from 1 to 50"):
        Plan(moments=0)


def test_moments_leave_history_before_them(shop: Dataset) -> None:
    """A short history gives fewer moments rather than empty models."""
    made = train_recommend(shop, replace(PLAN, moments=50), Params(), seed=0, report=lambda *_: None)
    assert made.groups > 0
