"""What is counted of one version of a model while it is in memory. Times in seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

BATCH_SIZES_MAX: Final = 128
"""Batch sizes that are counted apart; runs of yet others stand in the totals alone."""


@dataclass(slots=True)
class Lapse:
    """How often something was done, and how long it took in total."""

    count: int = 0
    seconds: float = 0.0

    def add(self, seconds: float, times: int = 1) -> None:
        """So many times, `seconds` each."""
        self.count += times
        self.seconds += times * seconds


@dataclass(slots=True)
class Parts:
    """Of a run: making one batch of the requests, the model, making answers of the batch."""

    gather: Lapse = field(default_factory=Lapse)
    infer: Lapse = field(default_factory=Lapse)
    split: Lapse = field(default_factory=Lapse)

    def add(self, took: tuple[float, float, float], times: int = 1) -> None:
        for lapse, seconds in zip((self.gather, self.infer, self.split), took, strict=True):
            lapse.add(seconds, times)


@dataclass(slots=True)
class Counters:
    """Written by whoever holds the engine, read there too."""

    success: Lapse = field(default_factory=Lapse)
    fail: Lapse = field(default_factory=Lapse)
    requests: Parts = field(default_factory=Parts)
    """Each request of a batch counts with the whole time of its batch."""
    batches: dict[int, Parts] = field(default_factory=dict)
    """Rows -> its runs."""
    rows: int = 0
    executions: int = 0
    last_wall_s: float = 0.0
    """Epoch seconds of the last run, 0 = none yet."""

    def ran(self, requests: int, rows: int, took: tuple[float, float, float], wall_s: float) -> None:
        """One run of the model for so many requests with so many rows together. took: gather, infer, split."""
        self.success.add(sum(took), requests)
        self.requests.add(took, requests)
        self.rows += rows
        self.executions += 1
        self.last_wall_s = wall_s
        if rows in self.batches or len(self.batches) < BATCH_SIZES_MAX:
            self.batches.setdefault(rows, Parts()).add(took)

    def failed(self, seconds: float) -> None:
        """One request that could not be answered."""
        self.fail.add(seconds)
