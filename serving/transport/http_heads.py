"""uvicorn's faster protocol, with the bound it lacks: httptools collects a request's head for as long as it arrives.

And with the shortcuts of http_shortcut.py.
"""

from __future__ import annotations

from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.transport.http_shortcut import UNUSUAL, Shortcut, Shortcuts

HEAD_BYTES_MAX: Final = 64 * 1024
"""Of a request line with its headers, of trailers, of a chunk's extensions: whatever is not a body."""


class BoundedHeads(HttpToolsProtocol):
    """Answers 400 and hangs up when a head is too long."""

    def __init__(self, *arguments: Any, shortcuts: Shortcuts | None = None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._shortcuts = shortcuts
        self._unfinished = 0
        """Bytes received since a head was complete or a piece of a body came."""

    def data_received(self, data: bytes) -> None:
        self._unfinished += len(data)
        super().data_received(data)
        if self._unfinished <= HEAD_BYTES_MAX or self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            self.send_400_response(f"The head of the request is longer than {HEAD_BYTES_MAX} bytes.")
        else:
            self.transport.close()

    def on_headers_complete(self) -> None:
        self._unfinished = 0
        shortcuts = self._shortcuts
        method = None if shortcuts is None else shortcuts.paths.get(self.url)
        if shortcuts is None or method is None or not self._may_be_short():
            super().on_headers_complete()
            return
        self.scope["method"] = "POST"
        shortcut = Shortcut(self, shortcuts, method)
        self.cycle = shortcut  # type: ignore[assignment]  # offers what is used of uvicorn's own
        shortcut.open()

    def _may_be_short(self) -> bool:
        """Whether nothing about the request or the connection is unusual; what is, goes the long way."""
        limit = self.limit_concurrency
        return (
            self.parser.get_method() == b"POST"
            and self.parser.get_http_version() == "1.1"
            and (self.cycle is None or self.cycle.response_complete)
            and not self.flow.write_paused
            and UNUSUAL.isdisjoint([name for name, _ in self.headers])
            and (limit is None or (len(self.connections) < limit and len(self.tasks) < limit))
        )

    def on_body(self, body: bytes) -> None:
        self._unfinished = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unfinished = 0
        super().on_message_complete()
