"""A home and a Redis in which users are written, moved and erased: the real parts, put together as app.py does it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

from serving.adapters.counter_files import CounterFiles
from serving.adapters.counting import Counting
from serving.adapters.erasing import SETTLE_S, Erasing
from serving.adapters.erasure_ledger import ErasureLedger
from serving.adapters.event_mover import Moving
from serving.adapters.parquet_archive import ParquetArchive
from serving.adapters.redis_connection import RedisLine, RedisServer
from serving.adapters.redis_decisions import RedisDecisions
from serving.adapters.redis_erasures import RedisErasures
from serving.adapters.redis_event_log import RedisEventLog, RedisEventReader
from serving.adapters.redis_profiles import RedisProfiles
from serving.adapters.token_keys import erasure_key
from serving.adapters.user_export import UserExport
from serving.adapters.user_service import UserService
from serving.core.turn import Turn
from serving.decisions.recommend.contract import Query
from serving.decisions.recommend.record import Decision, Result
from serving.events.erasure import EraseUser, Erasure, Pseudonyms
from serving.events.export import ExportUser, Told
from serving.events.log import LoggedEvent, encode_logged
from serving.events.records import encode
from serving.events.types import UserEvent

WAIT_S = 10.0
TIME_S = 1_764_000_000
DAY_S = 86_400
TURN = Turn(0.0, 0.0, 1e9)


class World:
    """One home, one prefix."""

    def __init__(self, home: Path, server: RedisServer, prefix: str) -> None:
        self.home, self.server, self.prefix = home, server, prefix
        self._stack = ExitStack()
        keep = self._stack.enter_context
        self.names = Pseudonyms(erasure_key(home))
        self.store = keep(closing(RedisProfiles(server, prefix=prefix, read_timeout_s=5.0, write_timeout_s=5.0)))
        self.erasures = keep(closing(RedisErasures(server, self.names, prefix=prefix, timeout_s=5.0)))
        self.decisions = keep(closing(RedisDecisions(server, prefix=prefix, timeout_s=5.0)))
        self.reader = keep(closing(RedisEventReader(server, prefix=prefix)))
        self.line = keep(closing(RedisLine(server, timeout_s=5.0)))
        for part in (self.store, self.erasures, self.decisions, self.reader, self.line):
            assert part.wait_ready(WAIT_S)
        self.archive = ParquetArchive(home / "events")
        self.ledger = ErasureLedger(home)
        export = UserExport(
            self.erasures.profile, self.reader, lambda: self.archive, self.decisions, self.ledger, self.names,
            lambda item: f"#{item}",
        )  # fmt: skip
        self.service = UserService(self.erasures, self.store, export, self.names)

    def close(self) -> None:
        self._stack.close()

    def write(self, *events: UserEvent) -> None:
        self.store.append(
            [(one.profile_key, encode(one)) for one in events], 5.0, [encode_logged(LoggedEvent(one)) for one in events]
        )

    def erase(self, user_id: str = "", visitor_id: str = "", request_id: str = "") -> Erasure:
        """Raises what the service answers."""
        (found,) = self.service.run_erase([EraseUser(user_id, visitor_id, request_id)], TURN)
        if isinstance(found, Exception):
            raise found
        return found.erasure

    def move(
        self, rows_max: int = 100, before: Callable[[Moving, Erasing, ParquetArchive], None] = lambda *parts: None
    ) -> None:
        """As a mover that starts now, whose orders have settled. before: gets its parts before they work."""
        self.line.run([("DEL", f"{self.prefix}events:mover")])  # as if the time of one that died had run out
        wall = lambda: time.time() + SETTLE_S  # noqa: E731
        with closing(RedisEventLog(self.server, prefix=self.prefix)) as stream:
            store = RedisErasures(self.server, self.names, prefix=self.prefix, timeout_s=5.0)
            decisions = RedisDecisions(self.server, prefix=self.prefix, timeout_s=5.0)
            with closing(Erasing(self.home, store, decisions, ErasureLedger(self.home), wall=wall)) as erasing:
                assert stream.wait_ready(WAIT_S)
                assert erasing.wait_ready(WAIT_S)
                archive = ParquetArchive(self.home / "events")
                files = CounterFiles(self.home / "counters")
                counting = Counting(archive, files, retention_days=3650, half_life_days=14.0)
                moving = Moving(stream, archive, rows_max, erasing=erasing, counting=counting)
                before(moving, erasing, archive)
                moving.run()
                moving.close()

    def archived(self) -> Counter[tuple[str, str, str]]:
        """(user, visitor, event id) of the archive."""
        found: Counter[tuple[str, str, str]] = Counter()
        for table in ParquetArchive(self.home / "events").tables():
            rows = zip(*(table[name].to_pylist() for name in ("user_id", "visitor_id", "event_id")), strict=True)
            found.update(rows)
        return found

    def export(self, user_id: str = "", visitor_id: str = "", page_size: int = 500) -> list[Told]:
        """All pages."""
        told: list[Told] = []
        query = ExportUser(user_id, visitor_id, page_size)
        while True:
            (page,) = self.service.run_export([query], TURN)
            if isinstance(page, Exception):
                raise page
            assert len(page.told) <= page_size
            told += page.told
            if page.place is None:
                return told
            query = ExportUser(user_id, visitor_id, page_size, page.place)


def proof(world: World, user: str = "", visitor: str = "") -> Erasure:
    """The only one."""
    (found,) = world.ledger.of_subject(world.names.subject(f"u:{user}" if user else f"v:{visitor}"))
    return found


def event(number: int, user: str = "", visitor: str = "", time_s: int = TIME_S) -> UserEvent:
    return UserEvent(f"e{number}", "detail-page-view", user, visitor, time_s + number, (("mug", 1),))


def decision(number: int, wall: float, user: str = "", visitor: str = "") -> Decision:
    return Decision(
        decision_id=f"{number:032x}",
        wall=wall,
        query=Query(user_id=user, visitor_id=visitor, personal=True),
        blob=b"",
        params={},
        release="r1",
        versions={},
        catalogue_version=1,
        results=(Result("mug", 0.5, 1, 2, "", 0.5, 499, "GBP", 1.0),),
    )
