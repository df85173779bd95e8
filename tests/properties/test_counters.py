"""Counted as it comes, in whatever batches and order and whatever dies on the way, equals counted anew from the log."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import reduce
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pyarrow.compute as pc
import pytest
from counting import TODAY, batch, event, told, twin
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.adapters import counting as counting_module
from serving.adapters import disk, parquet_archive
from serving.adapters.archive_files import packed, table_of
from serving.adapters.counter_files import CounterFiles, version_of
from serving.adapters.counting import Counting, recounted, rows_of
from serving.adapters.parquet_archive import ParquetArchive
from serving.cli.event_counters import checked
from serving.events import counters
from serving.events.counters import EMPTY, Day, counted, merge
from serving.events.log import LoggedEvent
from serving.setting_sections import Events

KINDS = ("detail-page-view", "detail-page-view", "purchase-complete", "stockout-seen", "search")
WHO = ("u:ada", "v:ada", "u:bob", "v:cy", "v:dan")
DAYS = 4
RETENTION = 2

happened = st.tuples(
    st.sampled_from(KINDS), st.sampled_from(WHO), st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=3)
)


def day_of(events: Sequence[LoggedEvent]) -> Day:
    return counted(rows_of(table_of(batch(events)[1]))) if events else EMPTY


@pytest.fixture(autouse=True)
def _few_are_many() -> object:
    """Bounds that small examples reach."""
    with (
        patch.object(counters, "VIEWED_ITEMS_MAX", 4),
        patch.object(counters, "PAIRS_AT_ONCE", 3),
        patch.object(parquet_archive, "SMALL_FILES_MAX", 2),
        patch.object(counting_module, "HOT_DAYS", 2),
    ):
        yield


@given(st.lists(st.lists(happened, max_size=12), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_any_grouping_and_order_gives_what_counting_one_by_one_does(groups: list, shuffler: random.Random) -> None:
    """Of distinct events of one day, in batches merged in any order."""
    batches, number = [], 0
    for group in groups:
        batches.append([event(number + place, kind, who, *items) for place, (kind, who, items) in enumerate(group)])
        number += len(group)
    parts = [day_of(events) for events in batches]
    whole = reduce(merge, parts)
    assert told(whole) == twin([one for events in batches for one in events])
    shuffler.shuffle(parts)
    assert reduce(merge, parts).same(whole)
    assert reduce(lambda a, b: merge(b, a), parts).same(whole)


@dataclass
class Shop:
    """An archive, its counters, and what may befall them."""

    root: Path
    today: date = TODAY
    position: int = 1
    last: list[LoggedEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """What was in memory is gone, as after SIGKILL."""
        self.archive = ParquetArchive(self.root / "events")
        self.files = CounterFiles(self.root / "counters")
        self.counting = Counting(
            self.archive, self.files, retention_days=RETENTION, half_life_days=1.5, today=lambda: self.today
        )

    def keep(self, events: list[LoggedEvent]) -> None:
        if events:
            self.last = events
            self.archive.put(*batch(events, self.position))
            self.position += len(events)

    def compact(self, *, told: bool) -> None:
        for day in self.archive.days():
            before = self.archive.files(day)
            if self.archive.compact(day) and told:
                self.counting.compacted(day, before, self.archive.files(day))

    def forget_ada(self) -> None:
        """Files with a user in them are replaced by files without."""
        for day in self.archive.days():
            for file in self.archive.files(day):
                table = self.archive.read(file)
                rest = table.filter(pc.not_equal(table["user_id"], "ada"))
                if len(rest) < len(table):
                    if len(rest):
                        data, new = packed(day, file.span, rest)
                        self.archive._store(new.path, data)
                    self.archive._delete(file.path)

    def agrees(self) -> None:
        """Once it has run, all of it is what a recount gives: in memory, published, and on the disk."""
        self.counting.run()
        trends, days = recounted(self.archive, self.today, RETENTION, 1.5)
        assert self.files.live is not None
        assert self.files.live.version == version_of(trends)
        for day, whole in days.items():
            hot = self.counting._hot.get(day)
            found = hot.counters if hot else (self.files.read_day(day) or (None, EMPTY))[1]
            assert found.same(whole), day
        assert set(self.files.days()) | set(self.counting._hot) >= {
            day for day, whole in days.items() if len(whole.keys)
        }
        assert checked(self.archive, self.files, Events(counters_days=RETENTION), lambda s: None) == []


STEPS = (
    "keep", "keep", "keep", "keep and run", "keep and run", "repeat", "kill", "compact", "compact and kill",
    "compact in between", "erase", "close", "tomorrow", "another",
)  # fmt: skip
steps = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 2**32)), min_size=4, max_size=14)
"""Each with the seed of the events that come."""


def drawn(seed: int) -> list[LoggedEvent]:
    """One to eight events of the last days, most of them of today."""
    rng = random.Random(seed)
    return [
        event(
            rng.randrange(60), rng.choice(KINDS), rng.choice(WHO), *rng.choices("abcdefg", k=rng.randint(1, 3)),
            back=rng.choice((0, 0, 0, 1, 2, DAYS - 1)), second=rng.randrange(1000),
        )
        for _ in range(rng.randint(1, 8))
    ]  # fmt: skip


@settings(max_examples=60)
@given(steps)
def test_whatever_happens_to_the_process_the_counters_equal_a_recount(taken: list) -> None:
    """Repeats, late events, deaths before and after each step, files put together, users taken out, days that pass, and
    another process that counts meanwhile."""
    with TemporaryDirectory() as root, patch.object(disk.os, "fsync", lambda handle: None):
        shop = Shop(Path(root))
        for name, seed in taken:
            match name:
                case "keep":
                    shop.keep(drawn(seed))
                case "keep and run":
                    shop.keep(drawn(seed))
                    shop.agrees()
                case "repeat" if shop.last:
                    shop.archive.put(*batch(shop.last, shop.position))
                case "kill":
                    shop.restart()
                case "compact":
                    shop.counting.run()
                    shop.compact(told=True)
                case "compact in between":  # of what is not counted yet, too
                    shop.keep(drawn(seed))
                    shop.compact(told=True)
                case "compact and kill":
                    shop.compact(told=False)
                    shop.restart()
                case "erase":
                    shop.forget_ada()
                case "close":
                    shop.counting.close()
                    shop.restart()
                case "tomorrow":
                    shop.today += timedelta(days=1)
                case "another":
                    Shop(Path(root), shop.today).agrees()
                    shop.archive.forget()
                    shop.counting.forget()
        shop.agrees()
