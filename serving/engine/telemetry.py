"""Counters and histograms of a lane: plain lists, written by whoever holds the lane, read by anyone at any time.

A reader may see a batch half counted; a counter never goes back. No lock, no allocation per call, no Prometheus here:
`families` gives plain rows that an admin face spells in the format it likes.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Literal

BATCH_BOUNDS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
SECONDS_BOUNDS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)


class Histogram:
    """Counts by upper bound (the last slot is beyond all bounds), and the sum of what was observed."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float, times: int = 1) -> None:
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times


@dataclass(frozen=True, slots=True)
class Family:
    """One metric. rows: (label values, number or histogram), one a combination of labels."""

    kind: Literal["counter", "gauge", "histogram"]
    name: str
    help: str
    labels: tuple[str, ...]
    rows: list[tuple[tuple[str, ...], float | Histogram]]


class MethodTelemetry:
    """What happened to the calls of one method."""

    __slots__ = ("answered", "batch", "errors", "queue_s", "service_s")

    def __init__(self) -> None:
        self.answered = 0
        self.errors: dict[str, int] = {}
        self.batch = Histogram(BATCH_BOUNDS)
        self.queue_s = Histogram(SECONDS_BOUNDS)
        self.service_s = Histogram(SECONDS_BOUNDS)

    def failed(self, reason: str) -> None:
        self.errors[reason] = self.errors.get(reason, 0) + 1


class Telemetry:
    """All methods of one lane. The methods are those of its routes, so the number of rows is bounded."""

    __slots__ = ("busy_s", "cancelled", "defects", "handovers", "lane", "methods")

    def __init__(self, lane: str, methods: tuple[str, ...]) -> None:
        self.lane = lane
        self.methods = {method: MethodTelemetry() for method in methods}
        self.busy_s = 0.0
        self.cancelled = 0
        self.defects = 0
        self.handovers = 0

    def families(self) -> list[Family]:
        """The rows of this lane; families of one name from several lanes belong together."""
        lane = self.lane
        each = list(self.methods.items())
        errors: list[tuple[tuple[str, ...], float | Histogram]] = [
            ((method, reason), float(count)) for method, of in each for reason, count in list(of.errors.items())
        ]
        return [
            Family(
                "counter",
                "storegate_calls_answered",
                "Calls answered.",
                ("method",),
                [((method,), float(of.answered)) for method, of in each],
            ),
            Family("counter", "storegate_calls_failed", "Calls failed, by reason.", ("method", "reason"), errors),
            Family(
                "histogram",
                "storegate_batch_calls",
                "Calls computed together.",
                ("method",),
                [((method,), of.batch) for method, of in each],
            ),
            Family(
                "histogram",
                "storegate_queue_seconds",
                "Seconds from a call's arrival to the start of its batch.",
                ("method",),
                [((method,), of.queue_s) for method, of in each],
            ),
            Family(
                "histogram",
                "storegate_batch_seconds",
                "Seconds a batch takes: decode, compute, encode, respond.",
                ("method",),
                [((method,), of.service_s) for method, of in each],
            ),
            Family(
                "counter", "storegate_busy_seconds", "Seconds spent in batches.", ("lane",), [((lane,), self.busy_s)]
            ),
            Family(
                "counter",
                "storegate_cancelled",
                "Calls cancelled while waiting.",
                ("lane",),
                [((lane,), self.cancelled)],
            ),
            Family(
                "counter",
                "storegate_defects",
                "Batches in which our code failed.",
                ("lane",),
                [((lane,), self.defects)],
            ),
            Family(
                "counter",
                "storegate_handovers",
                "Times a caller's thread left waiting calls to the lane's own thread.",
                ("lane",),
                [((lane,), self.handovers)],
            ),
        ]
