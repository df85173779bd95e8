"""Which items a request allows, and which rule forbids the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from serving.core.catalogue import Catalogue, Item
from serving.core.errors import InvalidInput
from serving.core.prices import Prices, catalogue_prices
from serving.decisions.recommend.contract import ON_SALE, Query
from serving.decisions.recommend.rules import Rules

NOW_S = 1_700_000_000
DAY_S = 86_400
ITEMS = [
    Item("here", price=1000, cost=500, list_price=1200, stock={"north": (2, 0), "south": (0, 0)}),
    Item("there", price=1000, cost=900, stock={"south": (5, 0)}),
    Item("anywhere", price=7200, stock={}),
    Item("gone", price=1000, cost=100, stock={"north": (0, 3)}),
    Item("deleted", price=1000, cost=100, deleted=True),
]
CATALOGUE = Catalogue.build(ITEMS)
PRICES = catalogue_prices(CATALOGUE)
NEAR = Query(deliver_to="north", need_by_s=NOW_S + 2 * DAY_S)


@pytest.fixture
def rules() -> Rules:
    return Rules(transfer_days=3.0)


def allowed(rules: Rules, query: Query, now_s: float = NOW_S) -> list[str]:
    mask = rules.eligible(query, CATALOGUE, PRICES, now_s)
    return [CATALOGUE.items[row].item_id for row in np.flatnonzero(mask)]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        (Query(), ["here", "there", "anywhere"]),
        (Query(filter="price < 5000"), ["here", "there"]),
        (Query(filter="availability = OUT_OF_STOCK"), []),
        (Query(min_margin=0.1), ["here", "there"]),
        (Query(min_margin=0.3), ["here"]),
        (Query(placement=ON_SALE), ["here"]),
        (NEAR, ["here", "anywhere"]),
        (replace(NEAR, deliver_to="nowhere"), ["anywhere"]),
        (replace(NEAR, need_by_s=0), ["here", "there", "anywhere"]),
        (replace(NEAR, deliver_to=""), ["here", "there", "anywhere"]),
        (replace(NEAR, need_by_s=NOW_S + 3 * DAY_S), ["here", "there", "anywhere"]),
        (replace(NEAR, need_by_s=NOW_S - DAY_S), ["here", "anywhere"]),
        (replace(NEAR, filter="price < 5000", min_margin=0.3, placement=ON_SALE), ["here"]),
    ],
)
def test_all_rules_of_a_query_hold(rules: Rules, query: Query, names: list[str]) -> None:
    """Whatever is not available is never allowed; why() forbids exactly what the mask does."""
    assert allowed(rules, query) == names
    silent = [item.item_id for row, item in enumerate(ITEMS) if not rules.why(query, row, CATALOGUE, PRICES, NOW_S)]
    assert silent == names


def test_time_makes_a_date_near(rules: Rules) -> None:
    """The same query, later: what was far enough away to move stock for is not any more."""
    query = replace(NEAR, need_by_s=NOW_S + 4 * DAY_S)
    assert "there" in allowed(rules, query)
    assert "there" in allowed(rules, query, NOW_S + DAY_S)
    assert "there" not in allowed(rules, query, NOW_S + DAY_S + 1)


@pytest.mark.parametrize(
    ("query", "row", "why"),
    [
        (Query(filter="price < 5000"), 2, "filter: price < 5000 does not hold (price 7200)"),
        (Query(min_margin=0.3), 1, "margin 0.10 below 0.3"),
        (Query(min_margin=0.3), 2, "margin not known, 0.3 asked for"),
        (NEAR, 1, "no stock at north, and none can be there in time"),
        (Query(placement=ON_SALE), 1, "not on sale"),
        (Query(), 3, "out of stock"),
        (Query(), 4, "not in the catalogue"),
    ],
)
def test_why_an_item_is_forbidden(rules: Rules, query: Query, row: int, why: str) -> None:
    assert rules.why(query, row, CATALOGUE, PRICES, NOW_S) == why


def test_a_batch_without_rules_copies_nothing(rules: Rules) -> None:
    masks, mask_of = rules.masks([Query(), Query(deliver_to="north")], CATALOGUE, PRICES, NOW_S)
    assert np.shares_memory(masks, CATALOGUE.available)
    assert masks.shape == (1, len(ITEMS))
    assert mask_of == [0, 0]


def test_queries_of_a_batch_share_their_masks(rules: Rules) -> None:
    """One mask a different rule; the first is what is available, asked for or not."""
    cheap, rich = Query(filter="price < 5000"), Query(min_margin=0.3)
    masks, mask_of = rules.masks([cheap, rich, replace(cheap, user_id="ann"), Query()], CATALOGUE, PRICES, NOW_S)
    assert mask_of == [1, 2, 1, 0]
    assert np.array_equal(masks[0], CATALOGUE.available)
    for query, number in zip((cheap, rich), (1, 2), strict=True):
        assert np.array_equal(masks[number], rules.eligible(query, CATALOGUE, PRICES, NOW_S))
    masks, mask_of = rules.masks([cheap], CATALOGUE, PRICES, NOW_S)
    assert (len(masks), mask_of) == (2, [1])


def test_a_mask_is_kept_until_the_catalogue_or_a_price_changes(rules: Rules) -> None:
    """Kept means the very same array; another one is made of what is true now."""
    query = Query(filter="price < 5000")
    first = rules.eligible(query, CATALOGUE, PRICES, NOW_S)
    assert rules.eligible(query, CATALOGUE, catalogue_prices(CATALOGUE), NOW_S) is first
    dearer = Prices(PRICES.price + 4000, PRICES.cost, PRICES.list_price)
    assert not rules.eligible(query, CATALOGUE, dearer, NOW_S).any()
    later = CATALOGUE.updated([replace(ITEMS[3], stock={"north": (1, 0)})], 1)
    assert rules.eligible(query, later, catalogue_prices(later), NOW_S).tolist() == [True, True, False, True, False]
    again = rules.eligible(query, CATALOGUE, PRICES, NOW_S)
    assert again is not first
    assert np.array_equal(again, first)


def test_masks_cannot_be_changed_by_who_reads_them(rules: Rules) -> None:
    with pytest.raises(ValueError, match="read-only"):
        rules.eligible(Query(filter="in_model"), CATALOGUE, PRICES, NOW_S)[0] = True


def test_the_masks_that_are_kept_are_bounded() -> None:
    """The last ones used stay."""
    rules = Rules(transfer_days=3.0, masks_max=2)
    queries = [Query(filter=f"price < {limit}") for limit in (1, 2, 3)]
    first, second = (rules.eligible(query, CATALOGUE, PRICES, NOW_S) for query in queries[:2])
    assert rules.eligible(queries[0], CATALOGUE, PRICES, NOW_S) is first
    rules.eligible(queries[2], CATALOGUE, PRICES, NOW_S)
    assert rules.eligible(queries[0], CATALOGUE, PRICES, NOW_S) is first
    assert rules.eligible(queries[1], CATALOGUE, PRICES, NOW_S) is not second


def test_a_filter_that_cannot_be_read_is_refused(rules: Rules) -> None:
    with pytest.raises(InvalidInput, match="prise"):
        rules.masks([Query(filter="prise < 5")], CATALOGUE, PRICES, NOW_S)
