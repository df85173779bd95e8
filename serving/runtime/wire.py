"""Messages between two processes of this machine, over a stream socket that only their user can reach."""

from __future__ import annotations

import pickle
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Final

HEAD: Final = struct.Struct("!Q")
"""Bytes of the message that follows."""
MESSAGE_BYTES_MAX: Final = 1 << 32
JOIN_S: Final = 1.0


class Wire:
    """One end. A thread sends and a thread receives, so that who has something to say waits for nobody.

    Messages are pickled: what comes is believed, so the socket has to be private.
    """

    def __init__(self, end: socket.socket, name: str, heard: Callable[[Any], None], lost: Callable[[], None]) -> None:
        """heard: is called with each message, lost: once, after the last one; both on the thread that receives. It
        owns `end` from now on."""
        self._end, self._heard, self._lost = end, heard, lost
        self._said: SimpleQueue[Any] = SimpleQueue()
        self._sender = threading.Thread(target=self._send, name=name, daemon=True)
        self._receiver = threading.Thread(target=self._receive, name=name, daemon=True)

    def start(self) -> None:
        """From now on messages come and go."""
        self._receiver.start()
        self._sender.start()

    def say(self, message: Any) -> None:
        """Returns at once, from any thread; what cannot be delivered any more is dropped, and `lost` tells that."""
        self._said.put((message,))

    def close(self) -> None:
        """After what has been said so far, unless the other end does not read. From any thread; idempotent."""
        self._said.put(None)
        self._join(self._sender)
        self._hang_up()
        self._join(self._receiver)

    def _join(self, thread: threading.Thread) -> None:
        if thread is not threading.current_thread() and thread.is_alive():
            thread.join(JOIN_S)

    def _send(self) -> None:
        try:
            while (said := self._said.get()) is not None:
                body = pickle.dumps(said[0], protocol=5)
                self._end.sendall(HEAD.pack(len(body)))
                self._end.sendall(body)
        except OSError:  # the other end has gone, or does not read while we leave
            pass
        finally:
            self._hang_up()

    def _receive(self) -> None:
        try:
            while (body := self._message()) is not None:
                self._heard(pickle.loads(body))  # from a process of our own user
        finally:
            self._hang_up()
            self._said.put(None)
            self._join(self._sender)
            try:
                self._lost()
            finally:
                self._end.close()

    def _message(self) -> bytearray | None:
        """The next one; None = there is none any more."""
        head = self._read(HEAD.size)
        if head is None:
            return None
        (size,) = HEAD.unpack(head)
        return self._read(size) if size <= MESSAGE_BYTES_MAX else None

    def _read(self, size: int) -> bytearray | None:
        """So many bytes; None = the other end has gone."""
        body = bytearray(size)
        left = memoryview(body)
        while left:
            try:
                count = self._end.recv_into(left)
            except OSError:
                return None
            if not count:
                return None
            left = left[count:]
        return body

    def _hang_up(self) -> None:
        """Wakes the thread that receives, here and there."""
        with suppress(OSError):  # the other end was faster
            self._end.shutdown(socket.SHUT_RDWR)
