"""Percentiles on times whose answer is known, and turns that come round."""

from __future__ import annotations

import numpy as np
import pytest

from loadtests.bench.timing import Took, in_turns, percentiles, row, rows


def test_percentiles_of_known_times() -> None:
    """0 to 100: the percentile is the number; between two neighbours it lies on the straight line."""
    shuffled = np.random.default_rng(0).permutation(101).tolist()
    assert percentiles(shuffled) == (50.0, 90.0, 99.0)
    assert percentiles([10.0, 20.0]) == pytest.approx((15.0, 19.0, 19.9))
    assert percentiles([7.0]) == (7.0, 7.0, 7.0)


def test_nothing_timed_has_no_percentile() -> None:
    """A stage that never ran is no stage that took no time."""
    with pytest.raises(ValueError, match="nothing was timed"):
        percentiles([])


def test_a_row_says_the_median_under_the_name_that_the_bench_reads() -> None:
    """`micros` is the median: the share of the floor is made of it."""
    assert row("score", 8, [1.0, 2.0, 9.0]) == {
        "name": "score", "batch": 8, "micros": 2.0, "p90": 7.6, "p99": 8.86, "batches": 3,
    }  # fmt: skip
    assert [line["name"] for line in rows({"decode": [1.0], "request": [2.0]}, 1)] == ["decode", "request"]


def test_every_case_and_size_gets_its_turn_and_warm_batches_do_not_count() -> None:
    """Even where one batch takes longer than a turn."""
    asked: list[tuple[str, int]] = []

    def case(name: str):
        def batch(size: int, took: Took) -> None:
            asked.append((name, size))
            took["whole"].append(float(len(asked)))

        return batch

    took = in_turns({"a": case("a"), "b": case("b")}, (1, 4), 0.0, warm=3)
    assert list(took) == [("a", 1), ("a", 4), ("b", 1), ("b", 4)]
    for key, mine in took.items():
        assert asked.count(key) == 3 + len(mine["whole"])
        assert len(mine["whole"]) >= 1
        assert min(mine["whole"]) > 12
