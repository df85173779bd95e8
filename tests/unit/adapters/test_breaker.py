"""The breaker's thinking, at any clock."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from serving.adapters.breaker import Breaker


def test_the_first_failure_after_calm_is_probed_at_once() -> None:
    breaker = Breaker()
    breaker.failed(100.0, "no answer")
    assert breaker.is_open
    assert breaker.cause == "no answer"
    assert breaker.probe_in_s(100.0) == 0.0


def test_failed_probes_wait_longer_up_to_the_maximum() -> None:
    breaker = Breaker(jitter=lambda: 1.0)
    breaker.failed(0.0, "down")
    waits = []
    for _ in range(6):
        breaker.probe_failed(0.0, "still down")
        waits.append(breaker.probe_in_s(0.0))
    assert waits == [0.05, 0.1, 0.2, 0.4, 0.5, 0.5]
    assert breaker.cause == "still down"


def test_a_store_that_fails_again_soon_is_not_probed_at_once() -> None:
    """One that answers PING but no call costs a failed call an interval, not a failed call a batch."""
    breaker = Breaker(jitter=lambda: 1.0)
    now = 0.0
    waits = []
    for _ in range(6):
        breaker.failed(now, "slow")
        now += breaker.probe_in_s(now)
        waits.append(breaker.probe_in_s(now - 1e-9) > 0)
        breaker.probe_succeeded(now)
    assert waits[1:] == [True] * 5
    breaker.failed(now + 60.0, "once more")
    assert breaker.probe_in_s(now + 60.0) == 0.0


def test_failing_while_open_changes_nothing() -> None:
    breaker = Breaker()
    breaker.failed(0.0, "first")
    breaker.probe_failed(0.0, "probe")
    wait = breaker.probe_in_s(0.0)
    breaker.failed(0.01, "later caller")
    assert breaker.cause == "probe"
    assert breaker.probe_in_s(0.0) == wait


@given(
    st.lists(st.tuples(st.sampled_from(["fail", "probe fails", "probe succeeds"]), st.floats(0, 10)), max_size=60),
    st.floats(0, 1, exclude_max=True),
)
def test_whatever_happens_only_a_probe_closes_it_and_waits_are_bounded(
    steps: list[tuple[str, float]], jitter: float
) -> None:
    breaker = Breaker(jitter=lambda: jitter)
    now, should_be_open = 0.0, False
    for what, seconds in steps:
        now += seconds
        if what == "fail":
            breaker.failed(now, "")
            should_be_open = True
        elif should_be_open and what == "probe fails":
            breaker.probe_failed(now, "")
            assert breaker.wait_s_min <= breaker.probe_in_s(now) + 1e-9
        elif should_be_open:
            breaker.probe_succeeded(now)
            should_be_open = False
        assert breaker.is_open == should_be_open
        assert breaker.probe_in_s(now) <= breaker.wait_s_max + 1e-9
