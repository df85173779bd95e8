"""Times counted in buckets that are 2 % wide: small, exact enough, and those of several workers can be added."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

WIDTH = 1.02
"""Upper edge of a bucket over its lower one: what is told is at most 1 % beside what was measured."""
LEAST_MS = 0.01


class Histogram:
    """Milliseconds; shorter times than LEAST_MS count as LEAST_MS."""

    __slots__ = ("_counts", "count")

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self._counts = dict(counts or {})
        self.count = sum(self._counts.values())

    def add(self, ms: float) -> None:
        bucket = math.floor(math.log(max(ms, LEAST_MS) / LEAST_MS) / math.log(WIDTH))
        self._counts[bucket] = self._counts.get(bucket, 0) + 1
        self.count += 1

    def percentile(self, share: float) -> float:
        """The time that `share` percent (0..100) of all did not exceed; NaN without any."""
        rank, seen = share / 100 * self.count, 0
        for bucket in sorted(self._counts):
            seen += self._counts[bucket]
            if seen >= rank:
                return float(LEAST_MS * WIDTH ** (bucket + 0.5))
        return math.nan

    def told(self) -> list[tuple[int, int]]:
        """(bucket, count), for a message; `Histogram(dict(told))` is the same again."""
        return sorted(self._counts.items())

    @classmethod
    def sum(cls, parts: Iterable[Histogram]) -> Histogram:
        counts: dict[int, int] = {}
        for part in parts:
            for bucket, count in part._counts.items():
                counts[bucket] = counts.get(bucket, 0) + count
        return cls(counts)
