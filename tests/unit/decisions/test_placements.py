"""Each placement on the checkerboard has its obvious answer, and every rule of a request holds on each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from worlds import NOW, TURN, Shelf, blob, checkerboard, few

from serving.core.catalogue import Catalogue, Item
from serving.core.errors import ModelFailed
from serving.decisions.recommend.contract import PLACEMENTS, Answer, Pin, Query, ReasonCode, Source
from serving.decisions.recommend.models import Models, Rankers
from serving.decisions.recommend.params import Params
from serving.decisions.recommend.pipeline import Recommender
from serving.decisions.recommend.placements import placements

PROFILE = blob(
    ("purchase-complete", "i2", 40),
    ("purchase-complete", "i4", 20),
    ("detail-page-view", "i4", 19),
    ("detail-page-view", "i6", 1),
    ("detail-page-view", "i8", 2),
)
ON_SALE = {"i3", "i6", "i7", "i10", "i20"}


def shop() -> tuple[Models, Catalogue]:
    """Every third item is earned well with, every third lies in the south only, five are on sale, two are gone."""
    models, catalogue = checkerboard()
    changes = [
        replace(
            item,
            cost=10 if row % 3 == 0 else 90,
            stock={"south" if row % 3 == 1 else "north": (0 if row == 14 else 5, 0)},
            list_price=200 if item.item_id in ON_SALE else 0,
            deleted=row == 16,
        )
        for row, item in enumerate(catalogue.items)
    ]
    return models, catalogue.updated(changes, 2)


def ids(answer: Answer) -> list[str]:
    return [answer.catalogue.items[row].item_id for row in answer.rows]


def pipeline(models: Models | None = None, shelf: Shelf | None = None, **params: object) -> Recommender:
    board, catalogue = shop()
    return Recommender(models or board, lambda: catalogue, shelf or Shelf({"u:eve": PROFILE}), few(**params))


def ask(recommender: Recommender, placement: str, **query: object) -> Answer:
    return recommender.run([Query(**{"placement": placement, "user_id": "eve", "item_ids": ("i10",), **query})], TURN)[
        0
    ]


def even(*rows: int) -> list[str]:
    return [f"i{row}" for row in rows]


@pytest.mark.parametrize(
    ("placement", "head", "among"),
    [
        ("recommended-for-you", even(2, 4), set(even(*range(0, 40, 2)))),
        ("others-you-may-like", even(8, 12), set(even(*range(0, 40, 2))) - {"i10"}),
        ("similar-items", ["i30"], {f"i{row}" for row in range(40)} - {"i10"}),
        ("frequently-bought-together", even(8, 12), {"i8", "i12"}),
        ("buy-it-again", even(2, 4), {"i4", "i2"}),
        ("recently-viewed", even(6, 8, 4), {"i6", "i8", "i4"}),
        ("trending", [f"i{row}" for row in range(8)], {f"i{row}" for row in range(8)}),
        ("on-sale", even(6, 10, 20), ON_SALE),
        ("complete-the-basket", even(8, 12), set(even(*range(0, 40, 2))) - {"i10"}),
    ],
)
def test_the_obvious_answer(placement: str, head: list[str], among: set[str]) -> None:
    """A buyer of i2 and i4 who looked at i4, i8 and i6, at the item i10."""
    shown = ids(ask(pipeline(), placement, page_size=8))
    assert shown[: len(head)] == head
    assert set(shown) <= among
    assert not {"i14", "i16"} & set(shown)


def test_every_placement_is_in_the_table() -> None:
    """In the contract's order; each brings something."""
    table = placements(few())
    assert tuple(table) == PLACEMENTS
    assert all(placement.quotas or placement.fills for placement in table.values())


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_a_stranger_gets_what_needs_no_history(placement: str) -> None:
    """Own purchases and views are empty and say so; all else answers without a profile."""
    shown = ids(ask(pipeline(), placement, user_id="", page_size=5))
    assert bool(shown) == (placement not in {"buy-it-again", "recently-viewed"})


def test_two_items_of_a_basket_agree() -> None:
    """i12 goes with i10 and with i8's neighbour: what both ask for comes first."""
    both = ids(ask(pipeline(), "complete-the-basket", item_ids=("i10", "i8"), user_id=""))
    pair = ids(ask(pipeline(), "frequently-bought-together", item_ids=("i20", "i24"), user_id=""))
    assert pair[0] == "i22"
    assert {"i6", "i12"} == set(both[:2])


class Broken:
    """A model whose runtime refuses every run."""

    def search(self, queries: np.ndarray, k: int, allowed: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        raise ModelFailed("index", "no memory")

    def score(self, features: np.ndarray) -> np.ndarray:
        raise ModelFailed("ranker", "bad input")


def failing(stage: str) -> Recommender:
    models, _ = shop()
    broken = {
        "": {},
        "profile": {},
        "candidates": {"index": Broken(), "content_index": Broken()},
        "scorer": {"rankers": Rankers(Broken(), Broken(), Broken())},
    }
    return pipeline(replace(models, **broken[stage]), Shelf(failure="redis: timeout") if stage == "profile" else None)


SOON = {"deliver_to": "north", "need_by_s": int(NOW) + 3600}
RULES: dict[str, tuple[dict[str, object], Callable[[Item], bool]]] = {
    "filter": ({"filter": "price < 120"}, lambda item: item.price < 120),
    "min_margin": ({"min_margin": 0.5}, lambda item: item.cost == 10),
    "delivery": (SOON, lambda item: "north" in item.stock),
    "exclude": ({"exclude": ("i8", "i0", "i6")}, lambda item: item.item_id not in {"i8", "i0", "i6"}),
    "exclude_bought": ({"exclude_bought": True}, lambda item: item.item_id not in {"i2", "i4"}),
    "exclude_viewed": ({"exclude_viewed": True}, lambda item: item.item_id not in {"i4", "i6", "i8"}),
    "stock": ({}, lambda item: item.item_id not in {"i14", "i16"}),
}


OF_THE_PROFILE = {"exclude_bought", "exclude_viewed"}
"""Rules that a lost profile takes with it."""


@pytest.mark.parametrize(
    ("rule", "stage"),
    [
        (rule, stage)
        for rule in RULES
        for stage in ("", "profile", "candidates", "scorer")
        if stage != "profile" or rule not in OF_THE_PROFILE
    ],
)
def test_rules_hold_on_every_placement_and_every_fallback(rule: str, stage: str) -> None:
    """One batch of all placements: nothing forbidden, though it would be shown without the rule."""
    asked, allows = RULES[rule]
    recommender = failing(stage)
    plain = [Query(placement, "eve", item_ids=("i10",), page_size=40) for placement in PLACEMENTS]
    free = recommender.run(plain, TURN)
    bound = recommender.run([replace(query, **asked) for query in plain], TURN)
    for answer in bound:
        assert stage in {"", *(name for name, _ in answer.degraded)}
        assert all(allows(answer.catalogue.items[row]) for row in answer.rows)
    assert sum(len(answer.rows) for answer in bound) > 40
    forbidden = [row for answer in free for row in answer.rows if not allows(answer.catalogue.items[row])]
    assert bool(forbidden) == (rule != "stock")


@pytest.mark.parametrize("stage", ["", "profile", "candidates", "scorer"])
def test_pins_stand_where_the_shop_wants_them(stage: str) -> None:
    """On every placement, whatever fails; a pin that a rule forbids is left out, an unknown one is named."""
    recommender = failing(stage)
    pins = (Pin("i31", 0), Pin("ghost", 1), Pin("i14", 1), Pin("i39", 1), Pin("i11", 2))
    for placement in PLACEMENTS:
        query = Query(placement, "eve", item_ids=("i10",), page_size=6, pins=pins, filter="price < 135")
        answer = recommender.run([query], TURN)[0]
        shown = ids(answer)
        if placement == "on-sale":
            assert not {"i31", "i39", "i11"} & set(shown)
            continue
        assert (shown[0], shown[min(2, len(shown) - 1)]) == ("i31", "i11")
        assert not {"i14", "i39"} & set(shown)
        assert (answer.sources[0], answer.reasons[0]) == (Source.PINNED, ReasonCode.CHOSEN_BY_THE_SHOP)
        assert answer.missing == ("ghost",)


def test_a_narrow_filter_still_fills_the_page() -> None:
    """Twelve items of four hundred match, none of them among the trending."""
    models, catalogue = checkerboard(400)
    models = replace(models, trending=models.trending[:50])
    recommender = Recommender(models, lambda: catalogue, Shelf({"u:eve": PROFILE}), few())
    for placement in ("recommended-for-you", "others-you-may-like", "similar-items", "trending", "complete-the-basket"):
        for user_id in ("eve", ""):
            query = {"filter": "price >= 350 AND price < 362", "page_size": 12, "user_id": user_id}
            assert sorted(ids(ask(recommender, placement, **query))) == [f"i{row}" for row in range(250, 262)]


@pytest.mark.parametrize("placement", ["similar-items", "others-you-may-like"])
def test_a_new_item_is_found_by_its_words_at_once(placement: str) -> None:
    """The next answer after it came into the catalogue has it, beside the item whose words it shares."""
    models, catalogue = checkerboard()
    shelf = [catalogue]
    recommender = Recommender(models, lambda: shelf[0], Shelf(), few())
    before = ids(ask(recommender, placement, user_id=""))
    new = Item("new", title="Item 10", price=110, brand="b2", category_path=("all", "c0"), available_s=int(NOW))
    shelf[0] = catalogue.updated([new], 2)
    after = ids(ask(recommender, placement, user_id=""))
    assert "new" not in before
    assert "new" in after
    assert after.index("new") == (0 if placement == "similar-items" else 9)


def test_a_batch_of_mixed_placements_equals_its_queries_one_by_one() -> None:
    """Everything but the decision's id, with rules, objectives, pins, pages and given items side by side."""
    recommender = pipeline()
    queries = [Query(placement, "eve", item_ids=("i10", "ghost"), page_size=7) for placement in PLACEMENTS]
    queries += [
        Query("trending", filter="price < 120", objective="revenue", objective_weight=1.0),
        Query("recommended-for-you", "eve", objective="margin", min_margin=0.2, diversity=0.4),
        Query("recommended-for-you", "eve", objective="click", exclude_bought=True, offset=5, page_size=5),
        Query("similar-items", item_ids=("i9",), pins=(Pin("i31", 1),), max_per_brand=2),
        Query(given=("i1", "i2", "i30"), user_id="eve"),
        Query("on-sale", visitor_id="nobody", exclude=("i20",)),
    ]
    names = ("rows", "scores", "sources", "reasons", "related", "weights", "prices", "propensities")
    for query, answer in zip(queries, recommender.run(queries, TURN), strict=True):
        [alone] = recommender.run([query], TURN)
        for name in names:
            np.testing.assert_array_equal(getattr(alone, name), getattr(answer, name))
        assert (alone.missing, alone.next_offset, alone.placement) == (
            answer.missing,
            answer.next_offset,
            query.placement,
        )


def test_new_arrivals_have_room_however_much_is_known_of_a_visitor() -> None:
    """Personal sources that come before the new arrivals leave them their quota."""
    params = Params()
    mine = placements(params)["recommended-for-you"].quotas
    before = [code for code in mine if code not in (Source.FACTORS, Source.CONTENT)]
    assert Source.FRESH in before
    assert sum(mine[code] for code in before) <= params.candidates
