"""Movers that erase, killed at any moment: is somebody left, or something of the others lost, or there twice?

A Redis of our own and a home in a temporary folder. Before each kill events of many users are written and some users
are erased; then a mover starts in a process of its own and is killed (SIGKILL) after a time drawn from the seed. At the
end one is let run, and all that is stored is compared with what should be. `python -m loadtests.erasure --kills N`.
"""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loadtests.byte_scan import Scan
from loadtests.event_mover_process import PREFIX, WAIT_S, eraser, erasing_of
from serving.adapters.embedded_redis import EmbeddedRedis
from serving.adapters.erasure_ledger import ErasureLedger
from serving.adapters.event_mover import Moving
from serving.adapters.parquet_archive import ParquetArchive
from serving.adapters.redis_connection import RedisLine, RedisServer
from serving.adapters.redis_erasures import RedisErasures
from serving.adapters.redis_event_log import RedisEventLog
from serving.adapters.redis_profiles import RedisProfiles
from serving.adapters.token_keys import erasure_key
from serving.events.erasure import EraseUser, Pseudonyms
from serving.events.log import LoggedEvent, encode_logged
from serving.events.records import encode
from serving.events.types import UserEvent

DAY_S = 86_400
NEWEST_S = 1_764_000_000
USERS = 60
EVENTS_MAX = 80
"""Written before a kill."""
ERASED_MAX = 4
"""Ordered before a kill."""
COMING_BACK = 0.3
"""Chance that somebody who was erased is seen again."""


@dataclass(slots=True)
class Outcome:
    """What was seen."""

    kills: int = 0
    ended: int = 0
    """Movers that were quicker than their kill."""
    written: int = 0
    erasures: int = 0
    proofs: int = 0
    left: int = 0
    """Events of before their user's erasure that are still there."""
    lost: int = 0
    twice: int = 0
    seen: int = 0
    """Places where the bytes of a user's id were found that nothing should be left of."""

    @property
    def broken(self) -> bool:
        return bool(self.left or self.lost or self.twice or self.seen or self.proofs != self.erasures)


class Trial:
    """Everything between the first event and the comparison."""

    def __init__(self, home: Path, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._home = home
        self._names = [f"person-{seed:x}-{number:04x}-{self._random.integers(2**62):016x}" for number in range(USERS)]
        self._there: dict[str, set[str]] = {name: set() for name in self._names}
        self._gone: set[str] = set()
        """Ids of events that were erased."""
        self._stack = ExitStack()
        self.redis = self._stack.enter_context(closing(EmbeddedRedis(home)))
        server = RedisServer(self.redis.url)
        self._store = self._stack.enter_context(
            closing(RedisProfiles(server, prefix=PREFIX, read_timeout_s=5.0, write_timeout_s=5.0))
        )
        names = Pseudonyms(erasure_key(home))
        self._erasures = self._stack.enter_context(closing(RedisErasures(server, names, prefix=PREFIX, timeout_s=5.0)))
        self._line = self._stack.enter_context(closing(RedisLine(server, timeout_s=5.0)))
        for part in (self._store, self._erasures, self._line):
            part.wait_ready(WAIT_S)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([eraser.__module__])
        self._whole_s, self._made = 0.3, 0
        self.outcome = Outcome()

    def close(self) -> None:
        self._stack.close()

    def kill(self) -> None:
        """Writes, erases, writes; then starts a mover and kills it."""
        self._write()
        self._erase()
        self._write()
        self._free()
        here, there = self._context.Pipe()
        rows_max = int(self._random.integers(5, 2 * EVENTS_MAX))
        process = self._context.Process(
            target=eraser, args=(self.redis.url, str(self._home), rows_max, there), daemon=True
        )
        process.start()
        there.close()
        here.recv()
        begun = time.monotonic()
        process.join(float(self._random.uniform(0.0, 1.2)) * self._whole_s)
        killed = process.is_alive()
        process.kill()
        process.join()
        if killed and process.exitcode:
            self.outcome.kills += 1
            self._whole_s *= 1.03
        else:
            self.outcome.ended += 1
            self._whole_s += 0.5 * (time.monotonic() - begun - self._whole_s)
        process.close()
        here.close()

    def compare(self) -> Outcome:
        """Lets a mover run until nothing waits, and looks at everything."""
        self._free()
        server = RedisServer(self.redis.url)
        with (
            closing(RedisEventLog(server, prefix=PREFIX)) as stream,
            closing(erasing_of(server, self._home)) as erasing,
        ):
            stream.wait_ready(WAIT_S)
            erasing.wait_ready(WAIT_S)
            moving = Moving(stream, ParquetArchive(self._home / "events"), EVENTS_MAX, erasing=erasing)
            moving.run()
            assert not stream.waiting
            assert not erasing.waiting
        seen: Counter[str] = Counter()
        for table in ParquetArchive(self._home / "events").tables():
            seen.update(table["event_id"].to_pylist())
        there = set().union(*self._there.values())
        ledger = ErasureLedger(self._home)
        names = Pseudonyms(erasure_key(self._home))
        found = self.outcome
        found.left = len(self._gone & seen.keys())
        found.lost = len(there - seen.keys())
        found.twice = sum(count - 1 for count in seen.values())
        found.proofs = sum(len(ledger.of_subject(names.subject(f"u:{name}"))) for name in self._names)
        found.seen = self._scan()
        return found

    def _scan(self) -> int:
        """Of those who were erased and have not come back."""
        scan = Scan([name.encode() for name, events in self._there.items() if not events])
        scan.folder(self._home)
        scan.redis(self.redis.url)
        scan.stored(self._home)
        return sum(scan.places.values())

    def _free(self) -> None:
        """As if the time of the last mover had run out."""
        self._line.run([("DEL", f"{PREFIX}events:mover")])

    def _write(self) -> None:
        events = []
        for _ in range(int(self._random.integers(1, EVENTS_MAX))):
            name = self._names[int(self._random.integers(USERS))]
            if not self._there[name] and self._gone and self._random.random() > COMING_BACK:
                continue
            self._made += 1
            event_id = f"event-{self._made}"
            time_s = NEWEST_S - int(self._random.integers(3 * DAY_S))
            events.append(UserEvent(event_id, "detail-page-view", name, "", time_s, (("mug", 1),)))
            self._there[name].add(event_id)
        self.outcome.written += len(events)
        self._store.append(
            [(one.profile_key, encode(one)) for one in events], 5.0, [encode_logged(LoggedEvent(one)) for one in events]
        )

    def _erase(self) -> None:
        count = int(self._random.integers(ERASED_MAX + 1))
        chosen = [self._names[place] for place in self._random.choice(USERS, count, replace=False)]
        asked = [EraseUser(name, "", f"request-{self.outcome.erasures + n}") for n, name in enumerate(chosen)]
        self._erasures.order(asked)
        self.outcome.erasures += len(asked)
        for name in chosen:
            self._gone |= self._there[name]
            self._there[name] = set()


def kill_movers(kills: int, seed: int, home: Path, say: Callable[[str], None] = lambda line: None) -> Outcome:
    """All of it. kills: how many movers are started."""
    with closing(Trial(home, seed)) as trial:
        for number in range(kills):
            trial.kill()
            if (number + 1) % 50 == 0:
                say(f"{number + 1} of {kills} movers")
        return trial.compare()
