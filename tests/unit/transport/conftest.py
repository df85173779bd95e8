"""A small engine for the tests of the HTTP face and the client."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest

from serving.engine.calls import Call, Responder


class Recorder:
    """An Intake that answers by a function, on a thread of its own, and remembers what it saw."""

    def __init__(self) -> None:
        self.batches: list[list[Call]] = []
        self.cancelled: list[int] = []
        self.answer: Callable[[Call], None] = lambda call: call.responder.respond(call.call_id, call.payload)
        self.changed = threading.Condition()

    @property
    def calls(self) -> list[Call]:
        return [call for batch in self.batches for call in batch]

    def submit(self, calls: Sequence[Call], returning: bool = False) -> bool:
        with self.changed:
            self.batches.append(list(calls))
            self.changed.notify_all()
        threading.Thread(target=lambda: [self.answer(call) for call in calls]).start()
        return False

    def cancel(self, responder: Responder, call_id: int) -> None:
        with self.changed:
            self.cancelled.append(call_id)
            self.changed.notify_all()

    def wait(self, condition: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, 10.0)


@pytest.fixture
def engine() -> Recorder:
    return Recorder()
