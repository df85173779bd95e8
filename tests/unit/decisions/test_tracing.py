"""The trace says what became of every item."""

from __future__ import annotations

from dataclasses import replace

import pytest
from worlds import TURN, Shelf, blob, checkerboard, few, sold_out

from serving.decisions.recommend.contract import EXPLAIN_TRACE, SOURCE_NAMES, Answer, Pin, Query, Trace, TraceItem
from serving.decisions.recommend.pipeline import Recommender
from serving.kernels.signals import SIGNALS

PROFILE = blob(
    ("purchase-complete", "i2", 40),
    ("purchase-complete", "i4", 20),
    ("detail-page-view", "i6", 1),
    ("add-to-cart", "i8", 0.1),
)


def traced(**query: object) -> tuple[Answer, Trace]:
    models, catalogue = checkerboard()
    catalogue = sold_out(catalogue, "i12")
    catalogue = catalogue.updated([replace(catalogue.items[14], deleted=True)], 3)
    pipeline = Recommender(models, lambda: catalogue, Shelf({"u:eve": PROFILE}), few(fresh_slot=False))
    [answer] = pipeline.run([Query(**{"user_id": "eve", "page_size": 5, "explain": EXPLAIN_TRACE, **query})], TURN)
    assert answer.trace is not None
    return answer, answer.trace


def fate(item_id: str, **query: object) -> TraceItem:
    _, trace = traced(trace_items=(item_id,), **query)
    return next(item for item in trace.items if item.item_id == item_id)


ON_PAGE = {"placement": "others-you-may-like", "item_ids": ("i10",)}


@pytest.mark.parametrize(
    ("item_id", "query", "why"),
    [
        ("ghost", {}, "not in the catalogue"),
        ("i14", {}, "not in the catalogue"),
        ("i12", {}, "out of stock"),
        ("i35", {"filter": "price < 130"}, "filter: price < 130 does not hold (price 135)"),
        ("i0", {"min_margin": 0.1}, "margin not known, 0.1 asked for"),
        ("i0", {"placement": "on-sale"}, "not on sale"),
        ("i0", {"exclude": ("i0",)}, "excluded by the request"),
        ("i8", {}, "in the cart"),
        ("i10", ON_PAGE, "the page is about it"),
        ("i4", {"exclude_bought": True}, "bought before (constraints.exclude_bought)"),
        ("i4", {"exclude_bought": True, **ON_PAGE}, "bought before (constraints.exclude_bought)"),
        ("i6", {"exclude_viewed": True}, "viewed before (constraints.exclude_viewed)"),
        ("i6", {"exclude_viewed": True, **ON_PAGE}, "viewed before (constraints.exclude_viewed)"),
        ("i20", {"placement": "buy-it-again"}, "no source of this placement brought it among its best"),
        ("i4", {"max_per_brand": 1, "pins": (Pin("i0", 0),)}, "constraints.max_per_brand: 1 like it are on the page"),
        ("i4", {"offset": 5}, "on a page before this one"),
    ],
)
def test_why_an_item_is_not_shown(item_id: str, query: dict[str, object], why: str) -> None:
    """From the rules down to the page."""
    item = fate(item_id, **query)
    assert not item.shown
    assert item.why_not == why


def test_a_low_rank_is_told_with_its_number() -> None:
    """And with the score and the signals that led to it."""
    item = fate("i38")
    assert item.rank > 5
    assert item.why_not == f"ranked {item.rank} of 37, the page ends at 5"
    assert set(item.signals) == set(SIGNALS) - {"source"}
    assert fate("i4").score > item.score


def test_shown_items_come_first_with_every_source_that_knows_them() -> None:
    """By rank, without a why; the first source is the one that brought the item, as in the answer."""
    answer, trace = traced(trace_items=("i4", "i39"))
    shown = trace.items[:5]
    assert [item.item_id for item in shown] == [answer.catalogue.items[row].item_id for row in answer.rows]
    assert [item.rank for item in shown] == [1, 2, 3, 4, 5]
    assert [item.sources[0] for item in shown] == [SOURCE_NAMES[code] for code in answer.sources]
    assert all(item.shown and not item.why_not for item in shown)
    assert set(shown[0].sources) >= {"repeat", "item-item", "factors"}
    assert [item.item_id for item in trace.items[5:]] == ["i39"]


def test_stages_add_up() -> None:
    """Forty items: one gone, one deleted, ten by the filter; what the sources brought is what was ranked."""
    answer, trace = traced(filter="price < 130", exclude=("i0", "i1"))
    stages = {stage.name: stage for stage in trace.stages}
    assert stages["rules"].kept == 28
    assert stages["rules"].removed == {"out of stock or deleted": 2, "filter, margin, delivery or sale": 10}
    assert stages["exclusions"].removed == {"excluded by the request": 2, "in the cart": 1}
    brought = sum(stage.kept for name, stage in stages.items() if name.startswith("source "))
    assert brought == stages["rank"].kept == 25
    assert stages["page"].kept == len(answer.rows) == 5
    assert [*stages][:2] + [*stages][-2:] == ["rules", "exclusions", "rank", "page"]


def test_only_those_who_ask_are_told() -> None:
    """A trace costs time, and a checked request has none."""
    models, catalogue = checkerboard()
    pipeline = Recommender(models, lambda: catalogue, Shelf(), few())
    quiet, checked = Query(), Query(explain=EXPLAIN_TRACE, validate_only=True)
    assert [answer.trace for answer in pipeline.run([quiet, checked], TURN)] == [None, None]
