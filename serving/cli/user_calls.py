"""What `storegate user` asks a gateway: many erasures at once, and how far they are."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TextIO

import grpc

from serving.core.errors import InvalidInput
from storegate.client import Client
from storegate.v1 import event_pb2 as pb

CALLS_AT_ONCE: Final = 32
"""The gateway commits them together."""
TRIES_MAX: Final = 6
PAUSE_S: Final = 0.2
"""Before the second try, twice as long before each further one."""
LOOK_S: Final = 0.5
AGAIN: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.DEADLINE_EXCEEDED)

Told = Callable[[int], None]


def whose(id_: str, visitor: bool) -> dict[str, str]:
    """The field that names somebody."""
    return {"visitor_id" if visitor else "user_id": id_}


def ids_of(path: Path) -> list[str]:
    """One id a line, empty lines left out. Raises InvalidInput."""
    try:
        return [line for line in path.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput("file", str(path), f"a text file in UTF-8 with one id a line ({error})") from None


@contextmanager
def written_whole(path: Path) -> Iterator[TextIO]:
    """A file that is there when all of it was written, for its owner alone. Raises InvalidInput."""
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            yield file
        os.replace(draft, path)
    except OSError as error:
        raise InvalidInput("out", str(path), f"a file that can be written ({error.strerror})") from None
    finally:
        draft.unlink(missing_ok=True)


@dataclass
class Erasing:
    """Erasures of many, all asked of one gateway."""

    client: Client
    ids: Sequence[str]
    visitor: bool = False
    found: dict[str, Any] = field(default_factory=dict)
    """id -> its pb.Erasure as it was told last."""
    _requests: dict[str, str] = field(default_factory=dict)

    @property
    def running(self) -> int:
        """How many are not complete, as far as is known."""
        return len(self._open())

    def order(self, told: Told) -> None:
        """All of them. Raises grpc.RpcError when the gateway stays away: starting again does no harm."""
        run = uuid.uuid4().hex
        self._requests = {id_: f"{run}-{number}" for number, id_ in enumerate(self.ids)}
        self._ask(self.ids, told, 0)

    def wait(self, wait_s: float, told: Told) -> bool:
        """Until all are complete, or the time is up; whether they are. Raises grpc.RpcError."""
        until = time.monotonic() + wait_s
        while left := self._open():
            done = len(self.ids) - len(left)
            told(done)
            self._ask(left[-1:], lambda _: None, done)  # they are completed together: one tells of the others
            if left[-1] not in self._open():
                self._ask(left[:-1], told, done + 1)
            elif time.monotonic() > until:
                return False
            else:
                time.sleep(min(LOOK_S, max(0.0, until - time.monotonic())))
        told(len(self.ids))
        return True

    def _open(self) -> list[str]:
        return [id_ for id_ in self.ids if id_ not in self.found or self.found[id_].state != pb.ERASURE_COMPLETE]

    def _ask(self, ids: Sequence[str], told: Told, done: int) -> None:
        with ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
            for id_, answer in zip(ids, pool.map(self._one, ids), strict=True):
                self.found[id_] = answer.erasure
                done += 1
                told(done)

    def _one(self, id_: str) -> Any:
        for left in reversed(range(TRIES_MAX)):
            try:
                return self.client.erase_user(**whose(id_, self.visitor), request_id=self._requests[id_])
            except grpc.RpcError as error:
                if not left or error.code() not in AGAIN:
                    raise
                time.sleep(PAUSE_S * 2 ** (TRIES_MAX - 1 - left))
        raise AssertionError("not reached")
