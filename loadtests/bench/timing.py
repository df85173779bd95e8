"""Repeated work in short turns, and what is said of the times it took: median, 90th and 99th percentile."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np

Row = dict[str, object]
Took = defaultdict[str, list[float]]
"""What was done -> microseconds a request, one entry a batch."""
Batch = Callable[[int, Took], None]
"""Does one batch of so many requests and adds what it took."""

SLICE_S = 0.25
"""The cases and batch sizes take turns of this length, so that a drift of the machine hits all alike."""
WARM_BATCHES = 200
"""Are done before the clock runs, for every size of batch."""


def percentiles(micros: Sequence[float]) -> tuple[float, float, float]:
    """The 50th, 90th and 99th percentile, linear between neighbours. Raises ValueError when nothing was timed."""
    if not len(micros):
        raise ValueError("nothing was timed: there is no percentile of it")
    p50, p90, p99 = np.percentile(np.asarray(micros, np.float64), (50, 90, 99))
    return float(p50), float(p90), float(p99)


def row(name: str, batch: int, micros: Sequence[float]) -> Row:
    """One line of a report. micros, p90, p99: microseconds a request, where a request of a batch of b counts 1/b of it;
    `micros` is the median, `batches` how many were timed."""
    p50, p90, p99 = percentiles(micros)
    return {
        "name": name, "batch": batch, "micros": round(p50, 2), "p90": round(p90, 2), "p99": round(p99, 2),
        "batches": len(micros),
    }  # fmt: skip


def rows(took: Mapping[str, Sequence[float]], batch: int) -> list[Row]:
    """One line for each thing that was timed, in the order in which they were first done."""
    return [row(name, batch, micros) for name, micros in took.items()]


def in_turns(
    cases: Mapping[str, Batch], batches: Sequence[int], seconds: float, warm: int = WARM_BATCHES
) -> dict[tuple[str, int], Took]:
    """`seconds` for every case and size of batch, in turns, after `warm` batches of each. (case, size) -> times."""
    took: dict[tuple[str, int], Took] = {(name, size): defaultdict(list) for name in cases for size in batches}
    for name, size in took:
        for _ in range(warm):
            cases[name](size, defaultdict(list))
    for _ in range(max(1, round(seconds / SLICE_S))):
        for (name, size), mine in took.items():
            until = time.monotonic() + SLICE_S
            cases[name](size, mine)
            while time.monotonic() < until:
                cases[name](size, mine)
    return took
