"""Examples know what could be asked and no more: neither the future nor the answer is in the features of any kind."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest

from model_repo.cases import MAKERS, Cases, cases
from model_repo.datasets.demo_store import generate
from model_repo.datasets.tables import Dataset, EventTable
from model_repo.examples import Examples, examples
from model_repo.factors import build as factors
from model_repo.histories import Histories
from model_repo.retrievers import Recipe, fit
from serving.core.catalogue import Catalogue
from serving.core.errors import InvalidInput
from serving.decisions.recommend.contract import COMPLETE_THE_BASKET, RECOMMENDED_FOR_YOU
from serving.decisions.recommend.params import Params
from serving.events.types import CART, PURCHASE, VIEW
from serving.features import FEATURES
from serving.kernels.history import DAY_S

KINDS = tuple(MAKERS)
QUICK = Recipe(factors=factors.Params(d=8, epochs=2))
ALL = 10**6


@dataclass(frozen=True)
class Shop:
    """A dataset of which everything is known until `moment_s`, and the question asked then, four weeks long."""

    dataset: Dataset
    moment_s: float

    @property
    def until_s(self) -> float:
        return self.moment_s + 28 * DAY_S

    def cases(self, kind: str, *, cases_max: int = ALL, seed: int = 0) -> Cases:
        histories = Histories.of(self.dataset)
        return cases(self.dataset, histories, self.moment_s, self.until_s, kind, cases_max=cases_max, seed=seed)

    def examples(self, kind: str, *, negatives_max: int = ALL, groups_max: int = ALL, seed: int = 0) -> Examples:
        """From fitting to features: what is asked may read the whole dataset and must not."""
        histories = Histories.of(self.dataset)
        items = self.dataset.items
        catalogue = Catalogue.build(items, model_ids=[item.item_id for item in items])
        models = fit(self.dataset, histories, catalogue, self.moment_s, QUICK, Params(), seed=0)
        return examples(
            self.dataset, histories, models, catalogue, self.moment_s, self.until_s, Params(), kind=kind,
            records_max=512, groups_max=groups_max, negatives_max=negatives_max, seed=seed,
        )  # fmt: skip


@pytest.fixture(scope="module")
def shop() -> Shop:
    """The demo store: even items only after the moment, so that an odd one can take the place of any of them; every
    seventh basket's buyer is unknown."""
    dataset = generate(items=160, customers=600, days=110, seed=3)
    events = dataset.events
    moment = float(events.time_s[0] + 90 * DAY_S)
    later = events.time_s >= moment
    item = np.where(later, events.item // 2 * 2, events.item).astype(np.int32)
    user = np.where(later & (events.basket % 7 == 0), -1, events.user).astype(np.int32)
    return Shop(replace(dataset, events=replace(events, item=item, user=user)), moment)


def of_truth(shop: Shop, asked: Cases, kind: str) -> np.ndarray:
    """(m,) bool: events of the future that are a case's truth: in its own basket or visit, and not in its context."""
    events = shop.dataset.events
    mask = np.zeros(len(events), bool)
    types = (VIEW, CART) if kind == "click" else (PURCHASE,)
    ids = np.array([item.item_id for item in shop.dataset.items])
    buyers = np.where(events.user >= 0, events.user, len(shop.dataset.users) + events.basket)
    window = (events.time_s >= shop.moment_s) & (events.time_s < shop.until_s) & np.isin(events.type, types)
    for owner, query in zip(asked.owners, asked.queries, strict=True):
        mine = np.flatnonzero(window & (buyers == owner))
        own = mine[events.basket[mine] == events.basket[mine[0]]]
        mask[own] = ~np.isin(ids[events.item[own]], query.item_ids)
    return mask


@pytest.mark.parametrize("kind", KINDS)
def test_events_after_the_moment_leave_no_trace(shop: Shop, kind: str) -> None:
    """Whatever else happens after the moment, the groups are the same, bit by bit; what happens before shows."""
    asked = shop.cases(kind)
    assert len(asked) > 30
    events = shop.dataset.events
    own = np.isin(events.basket, events.basket[of_truth(shop, asked, kind)])  # with the context
    other = (events.time_s >= shop.moment_s) & ~own
    assert other.sum() > 100
    items = np.where(other, 159 - events.item, events.item).astype(np.int32)
    changed = replace(shop.dataset, events=replace(events, item=items, quantity=events.quantity + 7 * other))
    first, second = shop.examples(kind), replace(shop, dataset=changed).examples(kind)
    for name in ("features", "labels", "offsets"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))

    past = replace(
        events, item=np.where(events.time_s < shop.moment_s, 159 - events.item, events.item).astype(np.int32)
    )
    third = replace(shop, dataset=replace(shop.dataset, events=past)).examples(kind)
    assert third.features.shape != first.features.shape or (third.features != first.features).any()


@pytest.mark.parametrize("kind", KINDS)
def test_features_do_not_depend_on_the_answer(shop: Shop, kind: str) -> None:
    """Other answers to the same questions: other labels, the same features, group by group."""
    asked = shop.cases(kind)
    events = shop.dataset.events
    other = np.where(of_truth(shop, asked, kind), events.item + 1, events.item).astype(np.int32)
    twin = replace(shop, dataset=replace(shop.dataset, events=replace(events, item=other)))
    assert [query.item_ids for query in twin.cases(kind).queries] == [query.item_ids for query in asked.queries]
    first, second = by_features(shop.examples(kind)), by_features(twin.examples(kind))
    shared = first.keys() & second.keys()  # a group without a hit is left out, and whether there is one may differ
    assert len(shared) > 10
    assert all((first[group] != second[group]).any() for group in shared)
    assert len(shared) >= 0.5 * min(len(first), len(second))


def by_features(found: Examples) -> dict[bytes, np.ndarray]:
    """Features of a group as bytes -> its labels."""
    cuts = found.offsets
    return {found.features[a:z].tobytes(): found.labels[a:z] for a, z in pairwise(cuts)}


def test_a_basket_is_asked_for_its_rest(shop: Shop) -> None:
    """Context and truth are one basket in two; the context is one item up to half of it; nobody is asked twice."""
    asked = shop.cases("basket")
    events, row_of = shop.dataset.events, {item.item_id: row for row, item in enumerate(shop.dataset.items)}
    baskets = {
        frozenset(events.item[(events.basket == number) & (events.type == PURCHASE)].tolist())
        for number in np.unique(events.basket[events.time_s >= shop.moment_s])
    }
    n_users, sizes = len(shop.dataset.users), set()
    for owner, query, truth in zip(asked.owners, asked.queries, asked.truth, strict=True):
        context = {row_of[item_id] for item_id in query.item_ids}
        assert query.placement == COMPLETE_THE_BASKET
        assert query.user_id == (str(owner) if owner < n_users else "")
        assert not context & set(truth.tolist())
        assert context | set(truth.tolist()) in baskets
        assert 1 <= len(context) <= (len(context) + len(truth)) // 2
        sizes.add(len(context))
    assert len(sizes) > 1
    assert len(set(asked.owners)) == len(asked)
    assert min(asked.owners) < n_users <= max(asked.owners)
    again, other = shop.cases("basket"), shop.cases("basket", seed=1)
    assert [query.item_ids for query in again.queries] == [query.item_ids for query in asked.queries]
    assert [query.item_ids for query in other.queries] != [query.item_ids for query in asked.queries]


def table(*rows: tuple[int, int, float, int, int]) -> EventTable:
    """(user, item, day, basket, type), in time order."""
    user, item, day, basket, kind = (np.array(column) for column in zip(*rows, strict=True))
    n = len(rows)
    return EventTable(
        user.astype(np.int32), item.astype(np.int32), (day * DAY_S).astype(np.int64), kind.astype(np.uint8),
        np.ones(n, np.int32), np.full(n, 100, np.int64), basket.astype(np.int64),
    )  # fmt: skip


def test_what_each_kind_asks_by_hand(shop: Shop) -> None:
    """User 0 comes back, to look and to buy; user 1 only looks; user 2 is new; basket 9 is nobody's."""
    events = table(
        (0, 1, 1, 1, PURCHASE), (1, 2, 2, 2, PURCHASE),
        (0, 3, 11, 3, VIEW), (0, 4, 11, 3, CART), (0, 4, 11, 3, PURCHASE),
        (0, 5, 12, 4, PURCHASE), (0, 6, 12, 4, VIEW),
        (1, 7, 13, 5, VIEW), (1, 8, 14, 6, VIEW),
        (2, 9, 15, 7, VIEW), (2, 10, 15, 8, PURCHASE), (2, 11, 15, 8, PURCHASE),
        (-1, 12, 16, 9, PURCHASE), (-1, 13, 16, 9, PURCHASE),
        (1, 14, 60, 10, PURCHASE),
    )  # fmt: skip
    small = Shop(replace(shop.dataset, events=events, users=("a", "b", "c")), 10 * DAY_S)
    found = {
        kind: {owner: truth.tolist() for owner, truth in zip(asked.owners, asked.truth, strict=True)}
        for kind, asked in ((kind, small.cases(kind)) for kind in KINDS)
    }
    assert found["next-basket"] == {0: [4]}
    assert found["click"] == {0: [3, 4], 1: [7]}
    assert found["basket"].keys() == {2, 3 + 9}
    assert {query.placement for query in small.cases("click").queries} == {RECOMMENDED_FOR_YOU}


def test_no_views_no_clicks(shop: Shop) -> None:
    """Data without views gives no click examples, as wide as any others."""
    events = shop.dataset.events
    bought = replace(shop, dataset=replace(shop.dataset, events=events.where(events.type == PURCHASE)))
    found = bought.examples("click")
    assert len(found) == 0
    assert found.features.shape == (0, len(FEATURES))
    joined = Examples.joined([found, bought.examples("next-basket")])
    assert len(joined) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_few_groups_and_few_negatives(shop: Shop, kind: str) -> None:
    """The bounds hold, every positive stays, and the seed decides which others do."""
    whole, few = shop.examples(kind, groups_max=20), shop.examples(kind, groups_max=20, negatives_max=10)
    assert 0 < len(whole) <= 20
    assert len(few) == len(whole)
    assert few.labels.sum() == whole.labels.sum()
    negatives = np.add.reduceat(1 - few.labels, few.offsets[:-1])
    assert negatives.max() == 10
    again = shop.examples(kind, groups_max=20, negatives_max=10)
    other = shop.examples(kind, groups_max=20, negatives_max=10, seed=1)
    np.testing.assert_array_equal(few.features, again.features)
    assert other.features.shape != few.features.shape or (other.features != few.features).any()


def test_an_unknown_kind_is_named(shop: Shop) -> None:
    """With the kinds there are."""
    with pytest.raises(InvalidInput, match="kind: got 'wish', expected one of next-basket, basket, click"):
        shop.cases("wish")
