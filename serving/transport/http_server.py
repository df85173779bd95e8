"""An ASGI app on a port, served by uvicorn in a thread of its own (uvloop and httptools where they are installed)."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any, Final

import uvicorn

from serving.transport.listening import listening_socket

CONNECTIONS_MAX: Final = 4096
"""Open connections and running requests; more are answered 503."""
EXIT_S_MAX: Final = 5.0


class HttpServer:
    """Bound when constructed, so that a taken port fails early."""

    def __init__(
        self,
        app: Any,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        reuse_port: bool = False,
        setting: str = "--http-port",
        idle_s: float = 5.0,
    ) -> None:
        """setting: what the error for a taken port tells people to change. idle_s: after so long without a request a
        connection is closed. Raises SettingError."""
        self._socket = listening_socket(host, port, reuse_port=reuse_port, setting=setting)
        self._port: int = self._socket.getsockname()[1]
        self._config = uvicorn.Config(
            app,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=CONNECTIONS_MAX,
            timeout_keep_alive=idle_s,  # type: ignore[arg-type]  # a float serves as well
            http=_protocol(app),
        )
        self._server = uvicorn.Server(self._config)
        self._leave = getattr(getattr(app, "state", None), "leave", None)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False

    @property
    def port(self) -> int:
        return self._port

    def start(self) -> None:
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name=f"http-{self._port}", daemon=True
        )
        self._thread.start()

    def close(self, grace_s: float) -> None:
        """Stops listening; running requests get up to `grace_s` to be answered. Idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._config.timeout_graceful_shutdown = grace_s  # type: ignore[assignment]  # a float serves as well
            if self._leave is not None:
                self._leave()
            self._server.should_exit = True
            if self._thread is not None:
                self._thread.join(grace_s + EXIT_S_MAX)
            self._socket.close()


def _protocol(app: Any) -> Any:
    """httptools where it is installed, with the app's shortcuts if it has some; h11 bounds heads by itself."""
    try:
        from serving.transport.http_heads import BoundedHeads
    except ImportError:
        return "h11"
    return partial(BoundedHeads, shortcuts=getattr(app.state, "shortcuts", None))
