"""What was asked and answered, window by window: kept by every process that asks, added up where all is judged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from loadtests.scenarios.histogram import Histogram

WINDOWS_MAX = 240
"""Of a run; a long one has longer windows, so that what is kept does not grow with its length."""
WINDOW_S_MIN = 0.25


def window_s(seconds: float) -> float:
    """Length of a window in a run of so many seconds."""
    return max(WINDOW_S_MIN, seconds / WINDOWS_MAX)


@dataclass(slots=True)
class Cell:
    """Requests of one name that were to be sent in one window, whenever they were answered."""

    calls: int = 0
    failed: int = 0
    took: Histogram = field(default_factory=Histogram)
    """Of the right answers, from the intended start."""
    lag: Histogram = field(default_factory=Histogram)
    """From the intended start until the request was sent: the client's own delay. Empty in a closed loop."""

    @classmethod
    def sum(cls, cells: Iterable[Cell]) -> Cell:
        some = list(cells)
        return cls(
            sum(cell.calls for cell in some),
            sum(cell.failed for cell in some),
            Histogram.sum(cell.took for cell in some),
            Histogram.sum(cell.lag for cell in some),
        )


class Tally:
    """cells: (window, name) -> Cell; busy: window -> the largest CPU share of a process, 1 = a whole core; processes:
    those that have reported.

    A window is a number: seconds since the epoch over `width_s`, rounded down, so that processes agree on it.
    """

    def __init__(self, width_s: float) -> None:
        self.width_s = width_s
        self.cells: dict[tuple[int, str], Cell] = defaultdict(Cell)
        self.busy: dict[int, float] = {}
        self.processes: set[int] = set()

    def window(self, at_s: float) -> int:
        """Of a time since the epoch."""
        return int(at_s // self.width_s)

    def add(self, at_s: float, name: str, took_ms: float, *, failed: bool, lag_ms: float | None) -> None:
        """One request. at_s: when it was to be sent, seconds since the epoch."""
        cell = self.cells[self.window(at_s), name]
        cell.calls += 1
        if failed:
            cell.failed += 1
        else:
            cell.took.add(took_ms)
        if lag_ms is not None:
            cell.lag.add(lag_ms)

    def add_busy(self, at_s: float, share: float) -> None:
        """CPU share of a process of ours."""
        window = self.window(at_s)
        self.busy[window] = max(share, self.busy.get(window, 0.0))

    def drained(self, process: int) -> dict[str, Any]:
        """All of it as plain lists, for a message to another process; it is empty then. process: ours, any number."""
        told = {
            "process": process,
            "cells": [[w, name, c.calls, c.failed, c.took.told(), c.lag.told()] for (w, name), c in self.cells.items()],
            "busy": list(self.busy.items()),
        }
        self.cells.clear()
        self.busy.clear()
        return told

    def merge(self, told: dict[str, Any]) -> None:
        """Adds what another process has drained."""
        self.processes.add(told["process"])
        for window, name, calls, failed, took, lag in told["cells"]:
            mine = self.cells[window, name]
            other = Cell(calls, failed, Histogram(dict(took)), Histogram(dict(lag)))
            self.cells[window, name] = Cell.sum((mine, other))
        for window, share in told["busy"]:
            self.busy[window] = max(share, self.busy.get(window, 0.0))
