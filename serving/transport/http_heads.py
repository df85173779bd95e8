"""uvicorn's faster protocol, with the bound it lacks: httptools collects a request's head for as long as it arrives."""

from __future__ import annotations

from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX: Final = 64 * 1024
"""Of a request line with its headers, of trailers, of a chunk's extensions: whatever is not a body."""


class BoundedHeads(HttpToolsProtocol):
    """Answers 400 and hangs up when a head is too long."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
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
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unfinished = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unfinished = 0
        super().on_message_complete()
