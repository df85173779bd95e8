"""From windows to figures: of every stage of a scenario, of every window, and of every kind of request."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from loadtests.scenarios.shapes import Span
from loadtests.scenarios.tally import Cell, Tally

SETTLE_S = 2.0
SETTLE_SHARE = 0.25
"""Of a stage, when that is less: connections are made, and the answers of the stage before are still on their way."""
ALL = ""
"""The name under which the interactive requests of all names are judged together."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of some requests. failures: share, 0..1. Times in ms, NaN without an answer (lag: without an open loop)."""

    calls: int
    failures: float
    offered_per_s: float
    requests_per_s: float
    """Answered rightly."""
    p50_ms: float
    p95_ms: float
    p99_ms: float
    lag_p99_ms: float


@dataclass(frozen=True, slots=True)
class Level:
    """A stage of the run, or a window of it. begin_s, end_s: since the beginning, of what was measured."""

    begin_s: float
    end_s: float
    load: float
    """Of the peak."""
    bulk: bool
    figures: Figures
    busy: float
    """CPU share of the busiest process that asked: the median over the windows; 1 = a whole core."""


def figures(cells: Iterable[Cell], seconds: float) -> Figures:
    """All of them together."""
    whole = Cell.sum(cells)
    good = whole.calls - whole.failed
    p50, p95, p99 = (whole.took.percentile(share) for share in (50, 95, 99))
    return Figures(
        calls=whole.calls,
        failures=whole.failed / whole.calls if whole.calls else 0.0,
        offered_per_s=whole.calls / seconds,
        requests_per_s=good / seconds,
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        lag_p99_ms=whole.lag.percentile(99),
    )


def levels(tally: Tally, spans: Sequence[Span], begun_s: float, apart: Collection[str] = ()) -> list[Level]:
    """A level a stage, without its beginning. begun_s: since the epoch. apart: names (of bulk calls) left out.

    Only whole windows count; a stage too short to hold one has no level.
    """
    found = []
    for span in spans:
        settle_s = min(SETTLE_S, SETTLE_SHARE * (span.end_s - span.begin_s))
        first = _ceil(begun_s + span.begin_s + settle_s, tally.width_s)
        after = tally.window(begun_s + span.end_s)
        if first < after:
            found.append(_level(tally, span, range(first, after), begun_s, apart))
    return found


def over_time(tally: Tally, spans: Sequence[Span], begun_s: float, apart: Collection[str] = ()) -> list[Level]:
    """A level a window that lies within the run."""
    found = []
    for span in spans:
        first = _ceil(begun_s + span.begin_s, tally.width_s)
        for window in range(first, tally.window(begun_s + span.end_s)):
            found.append(_level(tally, span, range(window, window + 1), begun_s, apart))
    return found


def by_name(tally: Tally, seconds: float, apart: Collection[str] = ()) -> dict[str, Figures]:
    """The whole run: every name, and ALL, in which those `apart` are not."""
    names = sorted({name for _, name in tally.cells})
    told = {name: figures([cell for (_, n), cell in tally.cells.items() if n == name], seconds) for name in names}
    told[ALL] = figures([cell for (_, name), cell in tally.cells.items() if name not in apart], seconds)
    return told


def _level(tally: Tally, span: Span, windows: range, begun_s: float, apart: Collection[str]) -> Level:
    cells = [cell for (window, name), cell in tally.cells.items() if window in windows and name not in apart]
    busy = sorted(share for window, share in tally.busy.items() if window in windows)
    return Level(
        begin_s=windows.start * tally.width_s - begun_s,
        end_s=windows.stop * tally.width_s - begun_s,
        load=span.stage.load,
        bulk=span.stage.bulk,
        figures=figures(cells, len(windows) * tally.width_s),
        busy=busy[len(busy) // 2] if busy else 0.0,
    )


def _ceil(at_s: float, width_s: float) -> int:
    return -int(-at_s // width_s)
