"""What a batch's queries become: arrays that plain batches of one kind share, and that nobody writes into."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from worlds import TURN, Shelf, blob, checkerboard, few

from serving.decisions.recommend.asking import Asked, ask
from serving.decisions.recommend.contract import EXPLAIN_NONE, Pin, Query
from serving.decisions.recommend.pipeline import Recommender
from serving.decisions.recommend.placements import Table

MODELS, CATALOGUE = checkerboard()
PARAMS = few()
TABLE = Table(PARAMS)


def asked(*queries: Query, group: int = -1) -> Asked:
    b = len(queries)
    ids = [f"{i:016x}" for i in range(b)]
    return ask(queries, ids, CATALOGUE, TABLE, [0] * b, [group] * b, 0)


def arrays(found: Asked) -> list[np.ndarray]:
    return [
        *found.request,
        *(a for name, a in found.page._asdict().items() if name != "seed"),
        found.quotas,
        found.wanted,
    ]


def test_plain_batches_of_one_kind_share_their_arrays() -> None:
    one, other = asked(Query(user_id="ann")), asked(Query(user_id="bob"))
    assert all(a is b for a, b in zip(arrays(one), arrays(other), strict=True))
    assert one.keys != other.keys


@pytest.mark.parametrize(
    "differs",
    [
        {"page_size": 7}, {"offset": 5}, {"diversity": 0.5}, {"max_per_brand": 2}, {"max_per_category": 2},
        {"exclude_bought": True}, {"exclude_viewed": True}, {"explain": EXPLAIN_NONE}, {"placement": "buy-it-again"},
        {"exclude": ("i1",)}, {"given": ("i1", "i2")}, {"pins": (Pin("i1", 0),)},
    ],
)  # fmt: skip
def test_another_kind_has_arrays_of_its_own(differs: dict[str, Any]) -> None:
    """In a batch with plain ones, each query's columns are those that it has alone."""
    plain, special = Query(user_id="ann"), Query(user_id="ann", **differs)
    alone, both = asked(special), asked(plain, special)
    assert any(not np.array_equal(a, b) for a, b in zip(arrays(asked(plain)), arrays(alone), strict=True))
    for name in ("total", "fills", "skip_bought", "skip_viewed", "is_given"):
        assert getattr(both.request, name)[1] == getattr(alone.request, name)[0], name
    for name in ("size", "first", "diversity", "max_brand", "max_category", "fresh_slots"):
        assert getattr(both.page, name)[1] == getattr(alone.page, name)[0], name
    assert both.request.blocked.tolist() == alone.request.blocked.tolist()
    assert both.request.given.tolist() == alone.request.given.tolist()
    assert both.page.pin_row.tolist() == alone.page.pin_row.tolist()
    assert (both.quotas[:, 1] == alone.quotas[:, 0]).all()


def test_seeds_and_pages_are_of_the_batch() -> None:
    queries = Query(user_id="ann"), Query(user_id="bob")
    assert asked(*queries).page.seed.tolist() == [0, 1]
    assert asked(*queries, group=3).page.group.tolist() == [3, 3]
    assert asked(*queries).page.group.tolist() == [-1, -1]


def test_no_answer_writes_into_them() -> None:
    plain = Query(user_id="ann")
    shared = arrays(asked(plain))
    before = [a.copy() for a in shared]
    shelf = Shelf({"u:ann": blob(("purchase-complete", "i2", 40), ("add-to-cart", "i8", 0.1))})
    pipeline = Recommender(MODELS, lambda: CATALOGUE, shelf, PARAMS)
    pipeline._table = TABLE
    for _ in range(3):
        pipeline.run([plain], TURN)
    assert all(a is b for a, b in zip(shared, arrays(asked(plain)), strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(shared, before, strict=True))
