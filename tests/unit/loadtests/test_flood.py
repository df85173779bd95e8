"""What the flood report says of counts and times that are known."""

from __future__ import annotations

import pytest

from loadtests.flood import Phase, broken, found


def phase(callers: int, begun: float, rates: list[float], took_s: list[float], refused: float = 0.0) -> Phase:
    """A phase with one count each quarter of a second, the rate of answers changing from count to count."""
    counts, answered = [(begun, 1000, 50)], 1000.0
    for number, rate in enumerate(rates, 1):
        answered += rate / 4
        counts.append((begun + number / 4, round(answered), 50 + round(refused * number / 4)))
    return Phase(callers, begun, begun + len(rates) / 4, tuple(counts), tuple(took_s))


NORMAL = phase(64, 0.0, [1000.0] * 8, [0.010] * 99 + [0.020])


def test_rates_percentiles_and_recovery() -> None:
    """Answers and refusals a second by the server's counts; back when half a second is at 95 %."""
    flood = phase(640, 10.0, [900.0] * 8, [0.030] * 100, refused=4000.0)
    after = phase(64, 20.0, [400.0] * 3 + [1000.0] * 5, [0.010] * 100)
    normal, during, later = found([NORMAL, flood, after])
    assert (normal.answered, normal.goodput, normal.back_s) == (1000.0, 1.0, 0.0)
    assert (during.answered, during.refused) == (900.0, 4000.0)
    assert during.ratio == pytest.approx(0.030 / normal.p99_ms * 1000)
    assert later.back_s == 0.75
    assert broken([normal, during, later]) == [
        f"640 callers: p99 is {during.ratio:.2f} times the normal one, 2 is promised"
    ]


def test_every_broken_promise_is_named() -> None:
    """Little is answered, late, and it never gets well again."""
    rows = found([NORMAL, phase(640, 10.0, [500.0] * 8, [0.030] * 9), phase(64, 20.0, [900.0] * 8, [0.010] * 9)])
    said = broken(rows)
    assert "640 callers: 50% of the capacity is answered, 80% is promised" in said
    assert any("after it: 95% of the normal rate comes after None s" in line for line in said)
    assert len(said) == 3


def test_a_phase_without_an_answer_breaks_the_promise() -> None:
    """No times are no good times."""
    rows = found([NORMAL, phase(640, 10.0, [0.0] * 8, []), phase(64, 20.0, [1000.0] * 8, [0.010])])
    assert any("p99 is nan times" in line for line in broken(rows))
