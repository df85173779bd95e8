"""ImportUserEvents without any wire, for tests: over files in memory, with a clock that is told."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from event_imports import LeavingStore

from serving.core.attribution import Attribution
from serving.core.clock import NEVER
from serving.core.errors import InvalidInput, StoregateError
from serving.core.row_files import RowFile
from serving.core.turn import Turn
from serving.events.contract import Outcome
from serving.events.import_contract import EventsImported, ImportEvents
from serving.events.importing import ImportUserEvents

NOW_S = 1_764_000_000
HEADER = "eventId,eventType,userId,eventTime,itemId\n"
Make = Callable[..., ImportUserEvents]


class Ticking:
    """A clock that moves when somebody looks."""

    def __init__(self, step_s: float = 0.0) -> None:
        self.now, self.step_s = 0.0, step_s

    def monotonic(self) -> float:
        self.now += self.step_s
        return self.now

    def wall(self) -> float:
        return NOW_S


class Tokens:
    """Outcomes whose token is the decision."""

    def attribution(self, token: str) -> Attribution:
        if token == "forged":
            raise InvalidInput("attribution_token", token, "one of ours", reason="INVALID_ATTRIBUTION_TOKEN")
        return Attribution(token, NOW_S, 3)

    def record(self, outcomes: Sequence[tuple[Attribution, Outcome]], now_s: float) -> None:
        """Nobody asks."""


class Files:
    """Files in memory, by name."""

    def __init__(self, **files: bytes | str) -> None:
        self.contents = {
            name.replace("__", "."): text if isinstance(text, bytes) else text.encode() for name, text in files.items()
        }
        self.opened: list[str] = []

    def find(self, uri: str) -> Sequence[RowFile]:
        return [RowFile(name, lambda name=name: self._open(name)) for name in sorted(self.contents)]

    def _open(self, name: str) -> io.BytesIO:
        self.opened.append(name)
        return io.BytesIO(self.contents[name])


def ask(work: ImportUserEvents, deadline: float = NEVER, **fields: object) -> EventsImported | StoregateError:
    """On a thread of its own, as a lane has one: it lowers its priority for good."""
    query = ImportEvents("all", **fields)  # type: ignore[arg-type]
    with ThreadPoolExecutor(1) as lane:
        (answer,) = lane.submit(work.run, [query], Turn(0.0, NOW_S, deadline)).result()
    return answer


def done(work: ImportUserEvents, deadline: float = NEVER, **fields: object) -> EventsImported:
    answer = ask(work, deadline, **fields)
    assert isinstance(answer, EventsImported), answer
    return answer


def row(number: int, kind: str = "purchase-complete", item: str = "mug", user: str = "ada") -> str:
    when = (datetime.fromtimestamp(NOW_S, UTC) - timedelta(seconds=number)).isoformat()
    return f"e{number},{kind},{user},{when},{item}\n"


def rows(first: int, last: int) -> str:
    return HEADER + "".join(row(number) for number in range(first, last))


def ids(store: LeavingStore) -> list[str]:
    """Of the events that are stored, in order."""
    return [event.event_id for event in store.events]
