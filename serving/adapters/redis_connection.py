"""The one place that connects to Redis: no retries, small timeouts, a circuit breaker, one connection a purpose.

redis-py's defaults (10 retries with back-off, 5 s timeouts, reconnecting inside a call) would hold a caller for
seconds when the server is stopped. Here a call either has its replies within its timeout or fails, and
(re)connecting, with its handshakes, happens on a thread of its own, never inside a call.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection, Connection, parse_url
from redis.exceptions import InvalidResponse, RedisError, ResponseError
from redis.retry import Retry

from serving.adapters.breaker import Breaker
from serving.adapters.redis_wire import RedisWire
from serving.core.errors import SettingError, StoreUnavailable

VERSION_MIN = (6, 2)
CONNECT_TIMEOUT_S = 0.5
OWED_REPLIES_MAX = 256
IDLE_CHECK_S = 1.0
SILENT_S_MAX = 1.0
"""How old the last word of the server may be for its silence to mean that nothing has changed."""
Command = tuple[str | bytes | int, ...]
Changed = Callable[[list[bytes] | None], None]

_log = logging.getLogger(__name__)


def redacted(url: str) -> str:
    """`url` without its credentials, fit for logs and messages, however the URL may be broken: a password that is not
    percent-encoded may hold any of :/?#@."""
    scheme, separator, rest = url.partition("://")
    if not separator or "@" in scheme:
        scheme, separator, rest = "", "", url
    secret, at, place = rest.rpartition("@")
    if at and "?" in secret:
        place = ""  # it may be the end of a secret in the query
    return f"{scheme}{separator}{'***@' if at else ''}{place.partition('?')[0].partition('#')[0]}"


class RedisServer:
    """Where a Redis (or Valkey) is and how to connect to it: redis://, rediss:// (TLS) or unix://, standalone."""

    def __init__(self, url: str, *, connect_timeout_s: float = CONNECT_TIMEOUT_S) -> None:
        scheme = url.partition("://")[0].lower()
        if "sentinel" in scheme or "cluster" in scheme or "," in url.partition("?")[0]:
            raise SettingError(
                f"redis.url {redacted(url)}: Sentinel and Cluster are not yet supported, name one server"
            )
        try:
            kwargs = parse_url(url)
            self._class: type[AbstractConnection] = kwargs.pop("connection_class", Connection)
            self._kwargs = kwargs | {"socket_connect_timeout": connect_timeout_s}
            self.connection(timeout_s=connect_timeout_s)
        except (ValueError, TypeError, RedisError) as error:
            raise SettingError(
                f"redis.url {redacted(url)} cannot be used ({type(error).__name__}): "
                "expected redis://[user:password@]host:port/db, rediss://... or unix:///path?db=0"
            ) from None
        self.name = redacted(url)

    def connection(self, *, timeout_s: float, protocol: int = 2) -> Any:
        """An unconnected connection whose every send and receive waits at most `timeout_s`. protocol: RESP 2 or 3."""
        found = self._kwargs | {"protocol": protocol}
        return self._class(**found, socket_timeout=timeout_s, retry=Retry(NoBackoff(), 0))

    def evicts(self, timeout_s: float = 2.0) -> str:
        """By which policy the server throws away keys that do not expire when its memory is full; "" = it does not.
        Raises as `check`."""
        policy = self._info("memory", timeout_s).get("maxmemory_policy", "")
        return policy if policy.startswith("allkeys") else ""

    def check(self, timeout_s: float = 2.0) -> str:
        """The server's version. Raises SettingError if it cannot serve us, StoreUnavailable if it does not answer."""
        facts = self._info("server", timeout_s)
        version: str = facts.get("redis_version", "0")
        if tuple(int(part) for part in version.split(".")[:2]) < VERSION_MIN:
            raise SettingError(f"redis at {self.name} is version {version}, at least 6.2 is needed")
        if facts.get("redis_mode", "standalone") == "cluster":
            raise SettingError(f"redis at {self.name} runs in cluster mode, which is not yet supported")
        return version

    def _info(self, section: str, timeout_s: float) -> dict[str, str]:
        connection = self.connection(timeout_s=timeout_s)
        try:
            connection.connect()
            connection.send_command("INFO", section)
            reply = connection.read_response()
        except redis.AuthenticationError as error:
            raise SettingError(f"redis at {self.name} refuses the credentials of redis.url: {error}") from None
        except (RedisError, OSError) as error:
            raise StoreUnavailable(f"redis: {error}") from None
        finally:
            connection.disconnect()
        return dict(line.split(":", 1) for line in reply.decode().splitlines() if ":" in line)


class RedisLine:
    """One connection for one purpose, behind a breaker. Thread-safe: one caller at a time.

    `timeout_s` is the patience after which the server counts as failed, and what its probes must keep to.
    `scripts` (Lua) are loaded on every new connection.
    `changed`: the line wants to hear which of the keys read through it have changed since (client tracking [1]), and
    passes that on: their names, or None when any may have, because the connection was lost or the server forgot.
    Called with the line held, in the order in which the server has said it and its replies.

    [1] https://redis.io/docs/latest/develop/reference/client-side-caching/
    """

    def __init__(
        self,
        server: RedisServer,
        *,
        timeout_s: float,
        scripts: Sequence[str] = (),
        clock: Callable[[], float] = time.monotonic,
        breaker: Breaker | None = None,
        changed: Changed | None = None,
    ) -> None:
        self._server, self._timeout_s, self._scripts, self._clock = server, timeout_s, tuple(scripts), clock
        self._lock = threading.Lock()
        self._wire: RedisWire | None = None
        self._owed = 0
        self._changed, self._heard_at = changed, -math.inf
        self._tracks = False
        self._breaker = breaker or Breaker()
        self._breaker.failed(clock(), "not connected yet")
        self._wake = threading.Event()
        self._wake.set()
        self._ready = threading.Event()
        self._closing = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="redis-keeper", daemon=True)
        self._keeper.start()

    @property
    def available(self) -> bool:
        """Whether a call would be tried."""
        return self._wire is not None

    @property
    def tracks(self) -> bool:
        """Whether the server tells what has changed."""
        return self._wire is not None and self._tracks

    def wait_ready(self, timeout_s: float) -> bool:
        """Waits for a connection; whether there is one."""
        return self._ready.wait(timeout_s)

    def run(self, commands: Sequence[Command], timeout_s: float | None = None) -> list[Any]:
        """The replies, in order, of commands sent in one go; an error reply stands as a ResponseError in its place.

        `timeout_s` bounds the wait for the server (each receive; by default, and at most, the line's). Raises
        StoreUnavailable at once while the server counts as failed. After one the commands may or may not have run.
        """
        patience = self._timeout_s if timeout_s is None else min(timeout_s, self._timeout_s)
        if patience <= 0 or not self._lock.acquire(timeout=patience):
            raise StoreUnavailable("redis: no time left to ask")
        try:
            return self._exchange(commands, patience)
        finally:
            self._lock.release()

    def listen(self, timeout_s: float) -> bool:
        """Takes what the server has said unasked; whether `changed` has heard of everything that has changed, but for
        what is on its way. False without tracking, or when the server has not been heard for a while.

        `timeout_s` bounds the wait for the line. Raises StoreUnavailable as `run` does.
        """
        if not self._lock.acquire(timeout=max(0.0, min(timeout_s, self._timeout_s))):
            raise StoreUnavailable("redis: no time left to ask")
        try:
            if self._wire is None:
                raise StoreUnavailable(f"redis: {self._breaker.cause}")
            self._hear(self._wire)
            return self._tracks and self._clock() - self._heard_at < SILENT_S_MAX
        except (RedisError, OSError) as error:
            self._drop(str(error))
            raise StoreUnavailable(f"redis: {error}") from None
        except BaseException:
            self._drop("interrupted")  # as in _exchange
            raise
        finally:
            self._lock.release()

    def close(self) -> None:
        """Ends the keeper and the connection. Idempotent."""
        self._closing.set()
        self._wake.set()
        if self._keeper is not threading.current_thread():
            self._keeper.join(2 * CONNECT_TIMEOUT_S + self._timeout_s)
        with self._lock:
            self._drop("closed")

    def _exchange(self, commands: Sequence[Command], patience: float) -> list[Any]:
        wire = self._wire
        if wire is None:
            raise StoreUnavailable(f"redis: {self._breaker.cause}")
        sent = False
        replies: list[Any] = []
        try:
            wire.send(commands)
            sent = True
            self._owed += len(commands)
            while self._owed:
                reply = wire.receive(patience)
                if self._owed <= len(commands):  # else it answers an earlier call, whose caller has given up
                    replies.append(reply)
                self._owed -= 1
            self._heard_at = self._clock()
            return replies
        except TimeoutError:
            late = f"no answer within {patience * 1e3:.0f} ms"
            if not sent or patience >= self._timeout_s or self._owed > OWED_REPLIES_MAX:
                self._drop(late)  # else only this caller was in a hurry: its replies are skipped by the next one
            raise StoreUnavailable(f"redis: {late}") from None
        except (RedisError, OSError) as error:
            self._drop(str(error))
            raise StoreUnavailable(f"redis: {error}") from None
        except BaseException:
            self._drop("interrupted")  # half a reply may be in the pipe: this connection cannot go on
            raise

    def _hear(self, wire: RedisWire) -> None:
        """Needs the line to be held. Raises RedisError or OSError."""
        replies = len(wire.listen())  # to calls whose caller has given up
        if replies > self._owed:
            raise InvalidResponse("a reply that nobody has asked for")
        self._owed -= replies

    def _told(self, push: list[Any]) -> None:
        """A push of the server."""
        self._heard_at = self._clock()
        if push[0] == b"invalidate" and self._changed is not None:
            self._changed(push[1])

    def _drop(self, cause: str) -> None:
        wire, self._wire, self._owed = self._wire, None, 0
        self._ready.clear()
        if self._changed is not None:
            self._changed(None)
        self._breaker.failed(self._clock(), cause)
        self._wake.set()
        if wire is not None:
            wire.close()
            if not self._closing.is_set():
                _log.warning("redis at %s: %s", self._server.name, cause)

    def _keep(self) -> None:
        """The keeper's thread: while the line is down, tries new connections when the breaker wants it.

        An idle line that the server has closed is found and renewed too, before a caller trips over it.
        """
        while True:
            while not self._wake.wait(IDLE_CHECK_S):
                self._check_idle()
            if self._closing.wait(self._breaker.probe_in_s(self._clock())):
                return
            try:
                connection, tracks = self._connected()
            except (RedisError, OSError) as error:
                self._breaker.probe_failed(self._clock(), str(error) or type(error).__name__)
                continue
            with self._lock:
                self._wake.clear()
                if self._closing.is_set():
                    connection.disconnect()
                    return
                self._wire, self._tracks = RedisWire(connection, self._timeout_s, self._told), tracks
                self._breaker.probe_succeeded(self._clock())
                self._ready.set()

    def _check_idle(self) -> None:
        with self._lock:
            try:
                if self._wire is not None:
                    self._hear(self._wire)
            except (RedisError, OSError) as error:
                self._drop(str(error))

    def _connected(self) -> tuple[Any, bool]:
        """A connection that has just answered within the line's patience, and whether it tells what has changed.
        Raises RedisError or OSError."""
        if self._changed is not None:
            try:
                return self._greeted(("CLIENT", "TRACKING", "ON")), True
            except ResponseError as error:
                _log.warning("redis at %s does not tell what has changed: %s", self._server.name, error)
        return self._greeted(), False

    def _greeted(self, *first: Command) -> Any:
        connection = self._server.connection(timeout_s=self._timeout_s, protocol=3 if first else 2)
        try:
            connection.connect()
            for command in (*first, *(("SCRIPT", "LOAD", script) for script in self._scripts), ("PING",)):
                connection.send_command(*command)
                connection.read_response()
        except BaseException:
            connection.disconnect()
            raise
        return connection
