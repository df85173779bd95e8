"""What the failure report says of calls and times that are known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loadtests.crowd import Asked
from loadtests.failures_report import Allowed, Blow, as_rows, broken, cost

BLOW = Blow("replica killed", "edge", "plain", Allowed.IN_FLIGHT, 10.0, 10.1, 14.0, 16.0)


def steady(from_s: float, until_s: float, lost: range = range(0)) -> list[Asked]:
    """A call every 100 ms that takes 50 ms; those with a number in `lost` fail."""
    count = round((until_s - from_s) * 10)
    return [
        Asked(from_s + n / 10, from_s + n / 10 + 0.05, "UNAVAILABLE: gone" if n in lost else "") for n in range(count)
    ]


def test_calls_under_way_at_the_blow_may_fail_and_none_that_was_begun_later() -> None:
    """A plain client may lose the one, the shipped client not even that."""
    asked = [*steady(5, 20), Asked(10.08, 10.3, "UNAVAILABLE: gone")]
    found = cost(BLOW, asked)
    assert (len(found.failed), found.later) == (1, ())
    assert broken([found]) == []
    shipped = cost(replace(BLOW, client="shipped", allowed=Allowed.NONE), asked)
    assert broken([shipped]) == [
        "replica killed, edge, shipped client: 1 calls failed, the first with 'UNAVAILABLE: gone'"
    ]
    later = cost(BLOW, [*asked, Asked(12.0, 12.1, "UNAVAILABLE: later")])
    assert broken([later]) == [
        "replica killed, edge, plain client: 1 calls begun later failed, the first with 'UNAVAILABLE: later'"
    ]
    assert broken([cost(replace(BLOW, allowed=Allowed.RECORDED), [*asked, Asked(12.0, 12.1, "any")])]) == []


def test_only_calls_of_its_time_belong_to_a_blow() -> None:
    """A failure before it began, or after the look at it ended, is not its doing."""
    early, late = Asked(9.0, 9.9, "early"), Asked(16.0, 16.1, "late")
    found = cost(replace(BLOW, allowed=Allowed.NONE), [*steady(10, 16), early, late])
    assert found.failed == ()
    assert found.calls == 60


def test_the_gap_is_the_longest_time_without_an_answer() -> None:
    """To its edges: a gateway that never answers again is silent until the look ends."""
    assert cost(BLOW, [*steady(10, 12), *steady(13, 16)]).gap_s == pytest.approx(1.1)
    assert cost(BLOW, steady(10, 12)).gap_s == pytest.approx(16 - 11.95)
    assert cost(BLOW, []).gap_s == pytest.approx(6.0)


def test_what_does_not_mend_breaks_a_promise_whatever_is_allowed() -> None:
    """And nobody who asked proves nothing."""
    never = cost(replace(BLOW, back_s=None, allowed=Allowed.RECORDED), steady(10, 16, range(60)))
    assert broken([never]) == ["replica killed, edge, plain client: not all was well again when the look at it ended"]
    assert "back_s" not in as_rows([never])[0]
    assert "nobody asked" in broken([cost(BLOW, [])])[0]


def test_rows_are_plain_values() -> None:
    (row,) = as_rows([cost(BLOW, steady(10, 16))])
    assert row["back_s"] == 4.0
    assert row["gap_ms"] == pytest.approx(100.0)
    assert row["p99_ms"] == pytest.approx(50.0)
    assert row["allowed"] == "in flight"
