"""What `storegate events counters` shows and compares."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from rich import box
from rich.table import Table

from serving.adapters.counter_files import CounterFiles, version_of
from serving.adapters.counting import count_file, recounted
from serving.adapters.parquet_archive import ParquetArchive
from serving.events.counters import EMPTY, merge
from serving.events.trends import EPOCH, ONE
from serving.setting_sections import Events

TRIES: Final = 5
PAUSE_S: Final = 1.0
"""Between two tries, while a gateway counts what has just come."""


def shown(files: CounterFiles, top: int) -> Iterator[Table]:
    """The first lines of each counter."""
    assert files.live is not None
    trends, names = files.live.trends, files.live.trends.names
    day = EPOCH + timedelta(days=trends.made_day)
    bought, views = trends.trending(), trends.views
    sights = np.diff(trends.short_ptr)
    told = f"{files.live.version}, as of {day}; half after {trends.half_life_days:g} days"
    yield _table(
        f"bought lately ({told})",
        ("item", "purchases, decayed", "views, decayed"),
        [(names[i], f"{bought[i] / ONE:,.2f}", f"{views[i] / ONE:,.2f}") for i in _largest(bought, top)],
    )
    row = np.repeat(np.arange(len(names)), np.diff(trends.ptr))
    yield _table(
        "viewed together more often than by chance",
        ("item", "with", "value"),
        [(names[row[e]], names[trends.cols[e]], f"{trends.vals[e]:.3f}") for e in _largest(trends.vals, top)],
    )
    yield _table(
        "seen out of stock in the last days",
        ("item", "visitors (at most 20)", "last"),
        [
            (names[i], str(sights[i]), f"{datetime.fromtimestamp(int(trends.short_s[trends.short_ptr[i]]), UTC):%F %T}")
            for i in _largest(sights, top)
        ],
    )


def checked(
    archive: ParquetArchive, files: CounterFiles, events: Events, sleep: Callable[[float], None] = time.sleep
) -> list[str]:
    """Where the counters are not what a recount of the archive gives; tried again while events are on their way."""
    problems: list[str] = []
    for attempt in range(TRIES):
        if attempt:
            sleep(PAUSE_S)
        problems = [*_days(archive, files), *_published(archive, files, events)]
        if not problems:
            break
    return problems


def _days(archive: ParquetArchive, files: CounterFiles) -> Iterator[str]:
    """Each day's counters against the files that they say they were counted of."""
    for day in files.days():
        found = files.read_day(day)
        if found is None:
            yield f"{day}: the counters cannot be read"
            continue
        names, counters = found
        there = {file.name: file for file in archive.files(day)}
        if not names <= there.keys():
            yield f"{day}: files were counted that the archive has no more"
            continue
        again = EMPTY
        for name in names:
            again = merge(again, count_file(archive, there[name]))
        if not again.same(counters):
            yield f"{day}: other counters than its {len(names)} files give"


def _published(archive: ParquetArchive, files: CounterFiles, events: Events) -> Iterator[str]:
    """What replicas read against a recount of all days."""
    files.look()
    if files.live is None:
        yield "nothing is published"
        return
    trends = files.live.trends
    made = EPOCH + timedelta(days=trends.made_day)
    again, _ = recounted(archive, made, events.counters_days, trends.half_life_days)
    if version_of(again) != files.live.version:
        yield f"published is {files.live.version}, a recount as of {made} gives {version_of(again)}"


def _largest(values: Any, top: int) -> list[int]:
    order = np.argsort(-values, kind="stable")[:top]
    return [int(i) for i in order if values[i] > 0]


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=box.SIMPLE, title=title)
    for place, column in enumerate(columns):
        table.add_column(column, overflow="fold", justify="right" if place else "left")
    for row in rows:
        table.add_row(*row)
    return table
