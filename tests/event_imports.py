"""Imports of events for tests: files, a store that goes away, and a gateway that reads files itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from serving.adapters.import_files import ImportFiles
from serving.adapters.memory_profiles import MemoryProfiles
from serving.cli.event_import import Import
from serving.cli.import_state import Refused
from serving.cli.server_import import ServerImport
from serving.core.clock import SystemClock
from serving.core.errors import StoreUnavailable
from serving.engine.calls import Lane, Route
from serving.engine.engine import Engine
from serving.events.importing import ImportUserEvents
from serving.events.log import decode_logged
from serving.events.types import UserEvent
from serving.events.writing import WriteEvents
from serving.transport.codecs import IMPORT_USER_EVENTS, WRITE_USER_EVENT, codecs
from serving.transport.contract import services
from serving.transport.event_rows import event_columns, write_rows
from serving.transport.front_params import FrontParams
from serving.transport.native_front import NativeFront
from storegate.client import Client

HEADER = "event_id,event_type,user_id,event_time,item_id,quantity"


class LeavingStore(MemoryProfiles):
    """Goes away after so many writes."""

    left = 1 << 30

    def append(
        self,
        writes: Sequence[tuple[str, bytes]],
        timeout_s: float,
        entries: Sequence[bytes] = (),
        durable: bool = False,
    ) -> list[int]:
        if self.left < len(writes):
            raise StoreUnavailable("redis: away")
        self.left -= len(writes)
        return super().append(writes, timeout_s, entries, durable)

    @property
    def events(self) -> list[UserEvent]:
        return [decode_logged(entry).event for entry in self.log]


@contextmanager
def importing_gateway(store: LeavingStore, folder: Path) -> Iterator[Client]:
    """A client of a gateway that reads files below `folder`."""
    clock = SystemClock()
    made_of = codecs(clock)
    writing = WriteEvents(store, True, lambda item_id: True)
    reading = ImportUserEvents(writing.run, ImportFiles(folder, ()), write_rows, event_columns, clock)
    runs = {WRITE_USER_EVENT: (Lane.WRITER, writing.run), IMPORT_USER_EVENTS: (Lane.FILES, reading.run)}
    routes = [Route(name, lane, made_of[name].decode, run, made_of[name].encode) for name, (lane, run) in runs.items()]
    engine = Engine(routes, clock=clock)
    front = NativeFront(FrontParams(), list(runs), services())
    front.start(engine)
    try:
        with Client(f"127.0.0.1:{front.port}", timeout_s=20) as made:
            yield made
    finally:
        front.close(1.0)
        reading.close()
        engine.drain(1.0)


def lines(path: Path, *rows: str) -> Path:
    """A file of them."""
    path.write_text("\n".join(rows) + "\n")
    return path


def run(work: Import | ServerImport) -> list[Refused]:
    """To its end: the rows that were refused."""
    return list(work.run(lambda progress: None))
