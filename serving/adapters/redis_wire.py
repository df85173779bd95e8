"""Commands and replies over a connection that redis-py has opened, authenticated and secured: hiredis and the socket.

redis-py's own way in and out sets the socket's timeout twice a reply, two system calls, and passes several layers. What
a reply is stays its business: errors become its exceptions.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Sequence
from typing import Any

import hiredis
from redis.connection import DefaultParser
from redis.exceptions import ConnectionError as Lost
from redis.exceptions import InvalidResponse

READ_BYTES = 64 * 1024
_NOT_YET = object()


class RedisWire:
    """Not thread-safe. Raises redis-py's exceptions, TimeoutError and OSError."""

    __slots__ = ("_connection", "_line_timeout_s", "_poll", "_reader", "_socket", "_timeout_s", "_told")

    def __init__(self, connection: Any, timeout_s: float, told: Callable[[list[Any]], None] | None = None) -> None:
        """connection: redis-py's, connected, with no reply owed; from now on nothing else may read from it.
        timeout_s: its socket's. told: gets what the server says unasked (RESP3 pushes), in its place among the
        replies."""
        self._connection, self._socket, self._told = connection, connection._sock, told
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        self._poll = poll.poll
        self._line_timeout_s = self._timeout_s = timeout_s
        self._reader = hiredis.Reader(
            protocolError=InvalidResponse, replyError=DefaultParser.parse_error, notEnoughData=_NOT_YET
        )

    def send(self, commands: Sequence[tuple[str | bytes | int, ...]]) -> None:
        """All commands in one go. Waits as long as the line does, also for a caller in a hurry: half a command cannot
        be taken back."""
        self._wait_at_most(self._line_timeout_s)
        self._socket.sendall(b"".join(map(hiredis.pack_command, commands)))

    def receive(self, timeout_s: float) -> Any:
        """The next reply, waiting at most `timeout_s` for each part of it. An error reply is returned as an exception,
        unless it says that the server cannot serve this connection: that is raised."""
        self._wait_at_most(timeout_s)
        while (reply := self._next()) is _NOT_YET:
            self._read()
        return reply

    def listen(self) -> list[Any]:
        """The replies that are there, without waiting. Raises Lost when the other side has hung up."""
        replies = []
        while True:
            while (reply := self._next()) is not _NOT_YET:
                replies.append(reply)
            if not self._poll(0):
                return replies
            self._read()

    def close(self) -> None:
        """Ends the connection. Idempotent."""
        self._connection.disconnect()

    def _next(self) -> Any:
        """The next reply of what was read, or _NOT_YET. Pushes before it are passed on."""
        while type(reply := self._reader.gets()) is hiredis.PushNotification:
            if self._told is not None:
                self._told(reply)
        if isinstance(reply, Lost):
            raise reply
        return reply

    def _read(self) -> None:
        part = self._socket.recv(READ_BYTES)
        if not part:
            raise Lost("the server closed the connection")
        self._reader.feed(part)

    def _wait_at_most(self, timeout_s: float) -> None:
        if timeout_s != self._timeout_s:  # a system call
            self._socket.settimeout(timeout_s)
            self._timeout_s = timeout_s
