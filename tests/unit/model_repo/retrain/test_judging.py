"""The slice is new to both releases, and large enough to judge by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from model_repo.datasets.tables import EventTable
from model_repo.retrain.judging import TOO_LITTLE, cut_of
from serving.core.errors import InvalidInput
from serving.core.retraining import DAY_S, RetrainParams
from serving.events.types import PURCHASE

RULES = RetrainParams(holdout_days=7, customers_min=5)
CUSTOMERS = 10


def buying(days: Sequence[float]) -> EventTable:
    """Ten customers, each of whom buys on each of these days."""
    when = np.repeat(np.array(days) * DAY_S, CUSTOMERS).astype(np.int64)
    who = np.tile(np.arange(CUSTOMERS, dtype=np.int32), len(days))
    one = np.ones(len(when), np.int32)
    return EventTable(
        who, one, when, np.full(len(when), PURCHASE, np.uint8), one, one.astype(np.int64), np.arange(len(when))
    )


def test_the_newest_days_are_the_slice() -> None:
    """Where the live release is old enough."""
    cut_s = cut_of(buying(range(100, 131)), 60 * DAY_S, RULES)
    assert cut_s == pytest.approx((130 - 7) * DAY_S, abs=2)


def test_at_most_half_of_what_the_live_release_has_not_seen() -> None:
    """So that the new one is judged having learnt something new."""
    cut_s = cut_of(buying(range(100, 131)), 126 * DAY_S, RULES)
    assert cut_s == pytest.approx(128 * DAY_S, abs=2)


def test_all_of_it_where_half_is_too_little() -> None:
    events = buying([100, 101, 127])
    assert cut_of(events, 126 * DAY_S, RULES) > 126 * DAY_S
    late = EventTable(*(getattr(buying([100, 127]), name) for name in ("user", "item", "time_s", "type", "quantity", "price", "basket")))  # fmt: skip  # noqa: E501
    more = EventTable.joined([late, buying([130]).where(np.arange(CUSTOMERS) < 2)])
    assert cut_of(more, 126 * DAY_S, RULES) == 126 * DAY_S + 1


def test_nothing_that_the_live_release_has_seen() -> None:
    """Whatever was asked for."""
    for through in (100, 110, 129):
        assert cut_of(buying(range(100, 131)), through * DAY_S, RULES) > through * DAY_S


def test_nothing_new_is_said() -> None:
    with pytest.raises(InvalidInput, match="none after 1970-05-11") as refused:
        cut_of(buying([100, 130]), 130 * DAY_S, RULES)
    assert refused.value.reason == TOO_LITTLE


def test_too_few_customers_are_counted() -> None:
    """How many there are, and how many are needed."""
    events = EventTable.joined([buying([100]), buying([130]).where(np.arange(CUSTOMERS) < 3)])
    with pytest.raises(InvalidInput, match=r"3 known customers.*5 or more") as refused:
        cut_of(events, 120 * DAY_S, RULES)
    assert refused.value.reason == TOO_LITTLE
