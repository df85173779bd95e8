"""From logged calls to figures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loadtests.bench.generate import Log


@dataclass(frozen=True, slots=True)
class Round:
    """One short measurement. log: the calls whose answer ended within its `seconds`."""

    log: Log
    seconds: float
    cpu_s: float
    """Processor time of the server's tree in these seconds."""
    foreign_s: float = 0.0
    """Processor time of the server's cores that others had."""
    part_s: float = 0.0
    """Of cpu_s, what the processes used that are told apart."""


@dataclass(frozen=True, slots=True)
class Figures:
    """All rounds of one case together."""

    calls: int
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    """Processor time of the whole server a request."""
    rounds: tuple[float, ...]
    """Requests a second of each round."""
    failed: int
    foreign_pct: float
    """Of the time measured, how much others had of the server's cores: 0 on a quiet machine."""


def figures(rounds: list[Round]) -> Figures:
    """Pools the rounds; they may be of different length. Raises ValueError when nothing was answered."""
    log = Log.joined([one.log for one in rounds])
    if not len(log):
        raise ValueError("not one call was answered in the time measured")
    seconds = sum(one.seconds for one in rounds)
    p50, p99 = np.percentile(log.micros, (50, 99)) / 1000
    return Figures(
        calls=len(log),
        requests_per_s=len(log) / seconds,
        p50_ms=float(p50),
        p99_ms=float(p99),
        cpu_ms=1000 * sum(one.cpu_s for one in rounds) / len(log),
        rounds=tuple(len(one.log) / one.seconds for one in rounds),
        failed=log.failed,
        foreign_pct=100 * sum(one.foreign_s for one in rounds) / seconds,
    )


def spread_pct(values: tuple[float, ...]) -> float:
    """Largest minus smallest, in percent of the median."""
    return float(100 * (max(values) - min(values)) / np.median(values))


def share(requests_per_s: float, request_micros: float) -> float:
    """How much of the server's core does the work of requests: the share of the floor, 0..1."""
    return requests_per_s * request_micros / 1e6
