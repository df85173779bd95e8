"""What the report on swaps says of stretches that are known."""

from __future__ import annotations

import pytest

from loadtests.swaps import Stretch, broken, found, memory


def stretch(swaps: int, ms: float, uss: float, problems: tuple[str, ...] = ()) -> Stretch:
    return Stretch(swaps, 2.0, (ms,) * 100, problems, uss, uss + 50)


def test_kinds_are_told_apart_and_one_bad_moment_does_not_stand_for_all() -> None:
    """Percentiles are medians over the stretches; the worst answer is told beside them."""
    stretches = [stretch(0, 2.0, 300), stretch(10, 3.0, 310), stretch(0, 2.0, 310), stretch(10, 90.0, 310),
                 stretch(0, 9.0, 310), stretch(10, 3.0, 310), stretch(0, 2.0, 310)]  # fmt: skip
    normal, swapping = found(stretches)
    assert (normal.swaps, swapping.swaps, normal.calls, swapping.calls) == (0, 30, 400, 300)
    assert (normal.p99_ms, swapping.p99_ms, swapping.worst_ms) == (2.0, 3.0, 90.0)
    assert broken(normal, swapping, memory(stretches), []) == []


def test_growth_is_a_slope_after_the_first_quarter() -> None:
    """What the caches take at first is no leak; a MiB in ten swaps is one."""
    flat = [stretch(0, 1.0, 200), *(stretch(10, 1.0, 300) for _ in range(8))]
    assert memory(flat).kib_per_swap == pytest.approx(0.0, abs=1e-6)
    assert memory(flat).growth == 0.0
    leaking = [stretch(0, 1.0, 200), *(stretch(10, 1.0, 300 + number) for number in range(41))]
    held = memory(leaking)
    assert held.kib_per_swap == pytest.approx(102.4)
    assert held.growth > 0.05
    (said,) = broken(*found(leaking), held, [])
    assert "memory has grown" in said


def test_every_broken_promise_is_named() -> None:
    """Failed calls first; no answer at all is no good answer."""
    stretches = [stretch(0, 1.0, 300), stretch(10, 2.1, 300, ("UNAVAILABLE",)), stretch(0, 1.0, 300)]
    said = broken(*found(stretches), memory(stretches), ["UNAVAILABLE"])
    assert said[0] == "a call failed: UNAVAILABLE"
    assert "p99 is 2.10 times the normal one" in said[1]
