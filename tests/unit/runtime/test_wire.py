"""Messages between two ends of a socket."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest
from link_laws import awaited

from serving.runtime.wire import HEAD, MESSAGE_BYTES_MAX, Wire


class End:
    """One end and what it has heard."""

    def __init__(self, end: socket.socket, name: str = "wire") -> None:
        self.heard: list[Any] = []
        self.lost = 0
        self.wire = Wire(end, name, self.heard.append, self._gone)
        self.wire.start()

    def _gone(self) -> None:
        self.lost += 1


@pytest.fixture
def ends() -> tuple[End, End]:
    one, other = socket.socketpair()
    return End(one), End(other)


def test_messages_come_whole_and_in_order_both_ways(ends: tuple[End, End]) -> None:
    one, other = ends
    large = b"x" * 9_000_000
    for message in (1, None, ("two", large), [3]):
        one.wire.say(message)
        other.wire.say(message)
    awaited(lambda: len(one.heard) == len(other.heard) == 4, "all have come")
    assert one.heard == other.heard == [1, None, ("two", large), [3]]
    one.wire.close()
    other.wire.close()
    assert (one.lost, other.lost) == (1, 1)


def test_what_was_said_before_the_end_is_heard(ends: tuple[End, End]) -> None:
    one, other = ends
    for number in range(1000):
        one.wire.say(number)
    one.wire.close()
    one.wire.close()
    awaited(lambda: other.lost, "the other end knows")
    assert other.heard == list(range(1000))
    other.wire.say("nobody hears that")
    other.wire.close()


def test_nobody_waits_for_an_end_that_does_not_read() -> None:
    """Neither who says something nor who closes."""
    one, deaf = socket.socketpair()
    end = End(one)
    for _ in range(10):
        end.wire.say(b"x" * 1_000_000)
    end.wire.close()
    awaited(lambda: end.lost, "it has ended")
    deaf.close()


@pytest.mark.parametrize("start", [HEAD.pack(100) + b"x", HEAD.pack(MESSAGE_BYTES_MAX + 1) + b"x" * 64, b"\0"])
def test_an_end_in_the_middle_of_a_message_is_an_end(start: bytes) -> None:
    one, other = socket.socketpair()
    name = f"wire of {start!r}"
    end = End(one, name)
    other.sendall(start)
    other.close()
    awaited(lambda: end.lost, "it has ended")
    assert end.heard == []
    end.wire.close()
    awaited(lambda: not [one for one in threading.enumerate() if one.name == name], "its threads have ended")
