"""The mover of the event log, killed at any moment, again and again: is an event lost, archived or counted twice?

python -m loadtests.event_kills
python -m loadtests.event_kills --kills 500 --seed 0
python -m loadtests.event_kills --archive "s3://bucket/kills?region=eu-west-2"

A Redis of our own and an archive in a temporary folder, or in an object store (a place that is empty). Before each kill
events are written as the gateway writes them, some of them again; then a mover starts in a process of its own and is
killed (SIGKILL) after a time drawn from the seed, up to a little longer than it takes to end. At the end one is let
run, the archive is compared with what was written, and the counters with a recount of it.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np
from rich.console import Console

from loadtests.event_mover_process import DAYS, HALF_LIFE_DAYS, PREFIX, TODAY, WAIT_S, counting_of, mover
from serving.adapters.counter_files import CounterFiles, version_of
from serving.adapters.counting import recounted
from serving.adapters.embedded_redis import EmbeddedRedis
from serving.adapters.event_mover import Moving
from serving.adapters.parquet_archive import COMPACTING, ParquetArchive
from serving.adapters.redis_connection import RedisLine, RedisServer
from serving.adapters.redis_event_log import RedisEventLog
from serving.adapters.redis_profiles import RedisProfiles
from serving.events.log import LoggedEvent, encode_logged
from serving.events.records import encode
from serving.events.types import LOGGED_ONLY, UserEvent

DAY_S = 86_400
NEWEST_S = 1_764_000_000
TYPES = ("detail-page-view", "purchase-complete", "recommendation-impression", "home-page-view")
EVENTS_MAX = 60
"""Written before a kill."""
LONGER = 1.03
"""A mover that was killed might have taken so much longer than was thought."""
MODULE = mover.__module__


@dataclass(slots=True)
class Outcome:
    """What was seen."""

    kills: int = 0
    ended: int = 0
    """Movers that were quicker than their kill."""
    archived_not_dropped: int = 0
    """Kills between the archive and the stream."""
    compacting: int = 0
    """Kills while files were put together."""
    written: int = 0
    """Different events."""
    repeated: int = 0
    """Writes of events that were written before."""
    archived: int = 0
    lost: int = 0
    twice: int = 0
    changed: int = 0
    """Archived, and not as they were written."""
    miscounted: int = 0
    """1 = the counters are not what a recount of the archive gives."""

    @property
    def broken(self) -> bool:
        return bool(self.lost or self.twice or self.changed or self.miscounted)


class Trial:
    """Everything between the first event and the comparison."""

    def __init__(self, folder: Path, seed: int, archive: str = "") -> None:
        self._random = np.random.default_rng(seed)
        self._written: dict[int, LoggedEvent] = {}
        self._archive, self._counters = archive or str(folder / "events"), folder / "counters"
        self._stack = ExitStack()
        self._redis = self._stack.enter_context(closing(EmbeddedRedis(folder)))
        server = RedisServer(self._redis.url)
        self._store = self._stack.enter_context(
            closing(RedisProfiles(server, prefix=PREFIX, read_timeout_s=2.0, write_timeout_s=2.0))
        )
        self._line = self._stack.enter_context(closing(RedisLine(server, timeout_s=2.0)))
        self._store.wait_ready(WAIT_S)
        self._line.wait_ready(WAIT_S)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([MODULE])
        self._made = 0
        self._whole_s = 1.0 if archive else 0.1  # what a mover takes to end; learned
        self.outcome = Outcome()

    def close(self) -> None:
        self._stack.close()

    def kill(self) -> None:
        """Writes some events, starts a mover and kills it."""
        self._write(int(self._random.integers(1, EVENTS_MAX)))
        self._free()
        here, there = self._context.Pipe()
        rows_max = int(self._random.integers(5, EVENTS_MAX))
        process = self._context.Process(
            target=mover, args=(self._redis.url, self._archive, str(self._counters), rows_max, there), daemon=True
        )
        process.start()
        there.close()
        here.recv()
        begun = time.monotonic()
        process.join(float(self._random.uniform(0.0, 1.3)) * self._whole_s)
        killed = process.is_alive()
        process.kill()  # of no effect on one that has just ended
        process.join()
        if killed and process.exitcode:
            self.outcome.kills += 1
            self._whole_s *= LONGER
            self._look()
        else:
            self.outcome.ended += 1
            self._whole_s += 0.5 * (time.monotonic() - begun - self._whole_s)
        process.close()
        here.close()

    def compare(self) -> Outcome:
        """Lets a mover run to its end and looks at the archive."""
        self._free()
        with closing(RedisEventLog(RedisServer(self._redis.url), prefix=PREFIX)) as stream:
            stream.wait_ready(WAIT_S)
            archive = ParquetArchive(self._archive)
            Moving(stream, archive, EVENTS_MAX, counting=counting_of(archive, self._counters)).run()
            assert not stream.waiting
        files = CounterFiles(self._counters)
        files.look()
        trends, _ = recounted(archive, TODAY, DAYS, HALF_LIFE_DAYS)
        assert not trends.empty
        self.outcome.miscounted = int(files.live is None or files.live.version != version_of(trends))
        seen: dict[int, int] = {}
        for identity, event in self._archived():
            seen[identity] = seen.get(identity, 0) + 1
            self.outcome.changed += event != self._written.get(identity)
        self.outcome.written, self.outcome.archived = len(self._written), sum(seen.values())
        self.outcome.lost = len(self._written.keys() - seen.keys())
        self.outcome.twice = sum(count - 1 for count in seen.values())
        return self.outcome

    def _free(self) -> None:
        """As if the time of the last mover had run out; what it had sent when it was killed has been done by now."""
        self._line.run([("DEL", f"{PREFIX}events:mover")])

    def _archived(self) -> Iterator[tuple[int, LoggedEvent]]:
        for table in ParquetArchive(self._archive).tables():
            for row in table.to_pylist():
                items = tuple((item["item_id"], item["quantity"]) for item in row["items"])
                event = UserEvent(
                    row["event_id"], row["event_type"], row["user_id"], row["visitor_id"],
                    int(row["event_time"].timestamp()), items, row["search_query"],
                )  # fmt: skip
                yield row["identity"], LoggedEvent(event, row["decision_id"], row["placement"])

    def _write(self, count: int) -> None:
        """New events, and now and then one of before."""
        events: list[LoggedEvent] = []
        before = list(self._written.values())
        for _ in range(count):
            if before and self._random.random() < 0.2:
                events.append(before[int(self._random.integers(len(before)))])
                self.outcome.repeated += 1
            else:
                events.append(self._new())
        for logged in events:
            self._written.setdefault(logged.identity, logged)
        self._store.append([_stored(logged.event) for logged in events], 2.0, [encode_logged(one) for one in events])

    def _new(self) -> LoggedEvent:
        draw = self._random.integers
        kind = TYPES[int(draw(len(TYPES)))]
        self._made += 1
        number = self._made
        items = () if kind == "home-page-view" else tuple((f"item-{draw(50)}", 1) for _ in range(int(draw(1, 4))))
        time_s = NEWEST_S - int(draw(3 * DAY_S))
        event = UserEvent(f"event-{number}", kind, f"user-{draw(40)}", "", time_s, items)
        decided = kind == "recommendation-impression"
        return LoggedEvent(event, f"{number:032x}" if decided else "", 3 if decided else -1)

    def _look(self) -> None:
        """Where the kill has struck."""
        names = ParquetArchive(self._archive).names()
        self.outcome.compacting += COMPACTING in names
        (pending,) = self._line.run([("XPENDING", f"{PREFIX}events", "archive", "-", "+", 1)])
        if pending and not isinstance(pending, Exception):
            first = pending[0][0].decode()
            self.outcome.archived_not_dropped += any(name.startswith(f"{first}_") for name in names)


def _stored(event: UserEvent) -> tuple[str, bytes]:
    return event.profile_key, b"" if event.event_type in LOGGED_ONLY else encode(event)


def run(kills: int, seed: int, folder: Path, say: Console | None = None, archive: str = "") -> Outcome:
    """All of it. kills: how many movers are started. archive: a URI; '' = below the folder."""
    with closing(Trial(folder, seed, archive)) as trial:
        for number in range(kills):
            trial.kill()
            if say is not None and (number + 1) % 50 == 0:
                say.print(f"{number + 1} of {kills} movers", style="dim")
        return trial.compare()


@click.command()
@click.option("--kills", type=click.IntRange(1, 100_000), default=500, show_default=True, help="Movers started.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--archive", default="", help="URI of an empty place in an object store. [a temporary folder]")
@click.option("--json", "json_", is_flag=True, help="One JSON object on standard output.")
def main(kills: int, seed: int, archive: str, json_: bool) -> None:
    """Kills the mover of the event log at any moment, and compares the archive with what was written."""
    with tempfile.TemporaryDirectory(prefix="storegate-kills-") as folder:
        found = run(kills, seed, Path(folder), Console(stderr=True), archive)
    if json_:
        print(json.dumps(asdict(found)))
    else:
        out = Console()
        for name, value in asdict(found).items():
            out.print(f"{name.replace('_', ' '):22} {value:>8,}", highlight=False)
    sys.exit(found.broken)


if __name__ == "__main__":
    main()
