"""When the next training is due, and settings that cannot be."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from serving.core.errors import InvalidInput
from serving.core.retraining import DAY_S, HOUR_S, RetrainParams, next_due

MIDNIGHT = datetime(2026, 11, 26, tzinfo=UTC).timestamp()


def test_without_a_time_of_day_it_counts_from_the_last_one() -> None:
    assert next_due(MIDNIGHT + 5, 6 * HOUR_S, None) == MIDNIGHT + 5 + 6 * HOUR_S


@pytest.mark.parametrize(
    ("last_hour", "every_hours", "expected_hour"),
    [(0, 24, 3.5), (3, 24, 3.5), (3.5, 24, 27.5), (20, 24, 27.5), (3.5, 6, 9.5), (22, 6, 27.5)],
)
def test_with_one_it_keeps_to_the_clock(last_hour: float, every_hours: float, expected_hour: float) -> None:
    """However long the last one took; one that ended just then is not repeated."""
    at_s = RetrainParams(at="03:30").at_s
    assert at_s == 3.5 * HOUR_S
    due = next_due(MIDNIGHT + last_hour * HOUR_S, every_hours * HOUR_S, at_s)
    assert due == MIDNIGHT + expected_hour * HOUR_S


def test_a_week_apart_it_keeps_its_weekday() -> None:
    """A training every seven days comes on one weekday, whenever the last one was."""
    dues = {next_due(MIDNIGHT + day * DAY_S, 7 * DAY_S, 0) for day in range(28)}
    assert len({datetime.fromtimestamp(due, UTC).weekday() for due in dues}) == 1
    assert len(dues) == 4 or len(dues) == 5


@pytest.mark.parametrize("at", ["3:30", "24:00", "12:60", "noon", "03:30:00"])
def test_what_is_no_time_of_day_is_refused(at: str) -> None:
    with pytest.raises(InvalidInput, match="03:30"):
        RetrainParams(at=at)


def test_a_column_without_a_name_is_refused() -> None:
    with pytest.raises(InvalidInput, match="KEY=NAME"):
        RetrainParams(columns=("item=sku", "customer"))
