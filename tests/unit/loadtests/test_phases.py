"""What an outage did to the calls: phases made by hand, whose figures can be told by looking."""

from __future__ import annotations

import json

import pytest
from rich.console import Console

from loadtests.outage import as_row, table
from loadtests.phases import Call, Found, Phase, Told, broken, found

PHASES = (
    Phase("embedded", "normal", 0.0, 10.0),
    Phase("embedded", "stopped", 10.0, 20.0, back_s=20.0),
    Phase("embedded", "normal", 20.0, 30.0),
    Phase("embedded", "killed", 30.0, 40.0, back_s=30.0),
    Phase("embedded", "normal", 40.0, 50.0),
)


def _calls(from_s: int, to_s: int, told: Told, ms: float) -> list[Call]:
    """Ten a second, all of one length."""
    begins = [from_s + n / 10 for n in range(10 * (to_s - from_s))]
    return [Call(begun, begun + ms / 1000, told) for begun in begins]


def _kept(ms_stopped: float = 3.0) -> list[Found]:
    """An outage as promised: back 1 s after it was let go on, 2 s after the kill."""
    recommends = [
        *_calls(0, 10, "fine", 2.0), *_calls(10, 11, "degraded", 500.0), *_calls(11, 20, "degraded", ms_stopped),
        *_calls(20, 21, "degraded", 2.0), *_calls(21, 30, "fine", 2.0), *_calls(30, 32, "degraded", 2.0),
        *_calls(32, 50, "fine", 2.0),
    ]  # fmt: skip
    writes = [
        *_calls(0, 10, "stored", 1.0), *_calls(10, 22, "unavailable", 1.0), *_calls(22, 30, "stored", 1.0),
        *_calls(30, 33, "unavailable", 1.0), *_calls(33, 50, "stored", 1.0),
    ]  # fmt: skip
    return found(PHASES, recommends, writes)


def test_each_call_counts_in_the_phase_in_which_it_began() -> None:
    """Percentiles leave the first second out, shares and counts do not; the way back is found in the next phase."""
    normal, stopped, after, killed, _ = _kept()
    assert (normal.calls, normal.degraded, normal.p99_ratio, normal.recovered_s) == (100, 0.0, None, None)
    assert (stopped.calls, stopped.requests_per_s, stopped.degraded) == (100, 10.0, 1.0)
    assert (stopped.p50_ms, stopped.p99_ms) == (pytest.approx(3.0), pytest.approx(3.0))
    assert stopped.p99_first_ms == pytest.approx(500.0)
    assert stopped.p99_ratio == pytest.approx(1.5)
    assert (stopped.writes, stopped.unavailable, stopped.stored) == (100, 100, 0)
    assert (stopped.recovered_s, stopped.stored_s) == (pytest.approx(1.002), pytest.approx(2.001))
    assert after.degraded == pytest.approx(0.1)
    assert killed.degraded == pytest.approx(0.2)
    assert (killed.recovered_s, killed.stored_s) == (pytest.approx(2.002), pytest.approx(3.001))
    assert broken(_kept()) == []


def test_slow_answers_in_an_outage_break_the_promise() -> None:
    """More than twice the normal p99; exactly twice would do."""
    (said,) = broken(_kept(ms_stopped=4.2))
    assert said == "embedded, stopped: p99 is 2.10 times the normal one, at most 2 is promised"


def test_one_disturbed_normal_phase_does_not_move_the_normal_p99() -> None:
    """Median: the outage is not excused by a slow phase after it."""
    recommends = [
        *_calls(0, 10, "fine", 2.0), *_calls(10, 20, "degraded", 6.0), *_calls(20, 30, "fine", 50.0),
        *_calls(30, 40, "degraded", 2.0), *_calls(40, 50, "fine", 2.0),
    ]  # fmt: skip
    assert found(PHASES, recommends, [])[1].p99_ratio == pytest.approx(3.0)


def test_a_gateway_that_hides_the_outage_is_found_out() -> None:
    """Answers that claim to know the profile, writes that claim to be stored, though nobody could have."""
    said = broken(found(PHASES[:3], _calls(0, 30, "fine", 2.0), _calls(0, 30, "stored", 2.0)))
    assert said == [
        "embedded, stopped: not one answer said that it lacks the profile",
        "embedded, stopped: 90 answers did not say that they lack the profile",
        "embedded, stopped: not one write of 100 was refused",
        "embedded, stopped: 90 writes were said to be stored",
    ]


def test_a_gateway_that_stays_degraded_is_found_out() -> None:
    """It must recover by itself before the next phase ends."""
    recommends = [*_calls(0, 10, "fine", 2.0), *_calls(10, 30, "degraded", 2.0)]
    writes = [*_calls(0, 10, "stored", 2.0), *_calls(10, 30, "unavailable", 2.0)]
    rows = found(PHASES[:3], recommends, writes)
    assert (rows[1].recovered_s, rows[1].stored_s) == (None, None)
    assert [line.partition(": ")[2] for line in broken(rows)] == [
        "profiles were not read again before the end of the next phase",
        "writes were not stored again before the end of the next phase",
    ]
    assert "recovered_s" not in as_row(rows[1], 8)


def test_failed_answers_break_the_promise_wherever_they_are() -> None:
    """Also in a normal phase; their words are told."""
    recommends = [*_calls(0, 10, "fine", 2.0), Call(5.0, 5.1, "failed", "an answer without results")]
    (row,) = found(PHASES[:1], recommends, [])
    assert broken([row]) == ["embedded, normal: an answer without results"]


def test_nothing_answered_is_no_figure() -> None:
    """A gateway that answers nothing has no latency of 0."""
    with pytest.raises(ValueError, match="not one answer"):
        found(PHASES[:1], [], [])


def test_rows_are_for_programs_and_the_table_for_people() -> None:
    """JSON without what does not apply; the table fits into 80 columns without a cut word."""
    rows = _kept()
    said = [json.loads(json.dumps(as_row(row, 8))) for row in rows]
    assert "p99_ratio" not in said[0]
    assert said[1].items() >= {"phase": "stopped", "p99_ratio": 1.5, "recovered_s": 1.002, "failed": 0}.items()
    console = Console(width=80)
    with console.capture() as captured:
        console.print(table(rows))
    text = captured.get()
    assert "1.00/2.00" in text
    assert "…" not in text.partition("p50, p99")[0]
