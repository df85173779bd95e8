"""Counting the event log: how fast, how large, and is it what a recount gives?

python -m loadtests.event_counters
python -m loadtests.event_counters --events 1000000 --days 30 --batch 20000 --seed 0

Events of drawn visitors are archived in batches in a temporary folder, by time, as a shop writes them. After each batch
what is new is counted and published, as the mover does it; at the end everything is counted anew and compared.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import click
import numpy as np
from rich.console import Console

from serving.adapters.counter_files import CounterFiles, version_of
from serving.adapters.counting import Counting, recounted
from serving.adapters.parquet_archive import ParquetArchive
from serving.events.log import LoggedEvent, Position, Span
from serving.events.trends import day_number
from serving.events.types import UserEvent

TODAY = date(2026, 11, 20)
DAY_S = 86_400
HALF_LIFE_DAYS = 14.0
KINDS = ("detail-page-view", "add-to-cart", "purchase-complete", "search", "stockout-seen")
SHARES = (0.78, 0.1, 0.05, 0.06, 0.01)
VIEWS_A_VISITOR = 5


@dataclass(slots=True)
class Outcome:
    """What it took. counting: what is new, after each batch; publishing included. recount: all of it, in one go."""

    events: int = 0
    batches: int = 0
    files: int = 0
    counting_s: float = 0.0
    slowest_batch_s: float = 0.0
    recount_s: float = 0.0
    counters_mib: float = 0.0
    """Of the days' files."""
    published_mib: float = 0.0
    pairs_published: int = 0
    peak_rss_mib: float = 0.0
    differs: int = 0
    """1 = not what a recount gives."""


def drawn(events: int, days: int, items: int, batch: int, seed: int) -> Iterator[list[LoggedEvent]]:
    """Batches, by time: visitors keep to a neighbourhood of the catalogue, and few items are popular."""
    rng = np.random.default_rng(seed)
    first_s = (day_number(TODAY) - days + 1) * DAY_S
    for begin in range(0, events, batch):
        n = min(batch, events - begin)
        time_s = first_s + ((begin + np.arange(n)) * (days * DAY_S) // events)
        visitor = rng.integers(0, max(n // VIEWS_A_VISITOR, 1), n)
        home = (visitor * 7919) % items
        item = (home + (rng.pareto(1.2, n) * 3).astype(np.int64)) % items
        kind = rng.choice(len(KINDS), n, p=SHARES)
        yield [
            LoggedEvent(
                UserEvent(
                    f"e{begin + k}", KINDS[kind[k]], "", f"v{begin}-{visitor[k]}", int(time_s[k]),
                    ((f"i{item[k]}", 1),),
                )
            )
            for k in range(n)
        ]  # fmt: skip


def run(folder: Path, events: int, days: int, items: int, batch: int, seed: int, say: Console | None = None) -> Outcome:
    """All of it."""
    found, archive, files = Outcome(events=events), ParquetArchive(folder / "events"), CounterFiles(folder / "counters")
    counting = Counting(archive, files, retention_days=days, half_life_days=HALF_LIFE_DAYS, today=lambda: TODAY)
    for some in drawn(events, days, items, batch, seed):
        placed = [(Position(1 + found.batches, number), one) for number, one in enumerate(some)]
        archive.put(Span(placed[0][0], placed[-1][0]), placed)
        took = _timed(counting)
        found.batches += 1
        found.counting_s += took
        found.slowest_batch_s = max(found.slowest_batch_s, took)
        if say is not None and found.batches % 10 == 0:
            say.print(f"{found.batches * batch:,} of {events:,} events", style="dim", highlight=False)
    counting.close()
    found.files = sum(len(archive.files(day)) for day in archive.days())
    begun = time.perf_counter()
    trends, _ = recounted(archive, TODAY, days, HALF_LIFE_DAYS)
    found.recount_s = time.perf_counter() - begun
    assert files.live is not None
    found.differs = int(version_of(trends) != files.live.version)
    found.pairs_published = len(files.live.trends.cols)
    found.counters_mib = sum(path.stat().st_size for path in files.folder.glob("day=*.npz")) / 2**20
    found.published_mib = (files.folder / "live.npz").stat().st_size / 2**20
    found.peak_rss_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found


def _timed(counting: Counting) -> float:
    begun = time.perf_counter()
    counting.run()
    return time.perf_counter() - begun


@click.command()
@click.option("--events", type=click.IntRange(1, 1_000_000_000), default=1_000_000, show_default=True)
@click.option("--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="Over which they spread.")
@click.option("--items", type=click.IntRange(2, 10_000_000), default=4000, show_default=True)
@click.option("--batch", type=click.IntRange(1, 1_000_000), default=20_000, show_default=True, help="Moved at once.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--json", "json_", is_flag=True, help="One JSON object on standard output.")
def main(events: int, days: int, items: int, batch: int, seed: int, json_: bool) -> None:
    """Counts drawn events as they come, and compares with a recount; ends with 1 where they differ."""
    with tempfile.TemporaryDirectory(prefix="storegate-counters-") as folder:
        found = run(Path(folder), events, days, items, batch, seed, Console(stderr=True))
    if json_:
        print(json.dumps(asdict(found)))
    else:
        out = Console()
        for name, value in asdict(found).items():
            shown = f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"
            out.print(f"{name.replace('_', ' '):18} {shown:>12}", highlight=False)
    sys.exit(found.differs)


if __name__ == "__main__":
    main()
