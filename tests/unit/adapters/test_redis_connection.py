"""Which servers we accept, and that credentials stay out of every message."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.adapters.embedded_redis import EmbeddedRedis
from serving.adapters.redis_connection import RedisLine, RedisServer, redacted
from serving.core.errors import SettingError, StoreUnavailable

WAIT_S = 5.0


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    server = EmbeddedRedis(tmp_path_factory.mktemp("home"))
    yield server
    server.close()


def answering(reply: bytes) -> str:
    """The URL of a server that says `reply` to every request of its first caller."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        caller, _ = listener.accept()
        with listener, caller:
            while caller.recv(4096):
                caller.sendall(reply)

    threading.Thread(target=serve, daemon=True).start()
    return f"redis://127.0.0.1:{listener.getsockname()[1]}"


def info(text: str) -> bytes:
    return f"${len(text)}\r\n{text}\r\n".encode()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://user:secret@host:6379/0", "redis://***@host:6379/0"),
        ("rediss://:secret@host/0?ssl_keyfile=secret", "rediss://***@host/0"),
        ("unix:///run/redis.sock?password=secret", "unix:/run/redis.sock"),
        ("redis://host", "redis://host"),
        (":secret@host:6379", "***@host:6379"),
        ("redis://:sec#secret@host:6379", "redis://***@host:6379"),
        ("redis://:sec/secret@host/0", "redis://***@host/0"),
        ("redis://:sec?secret@host/0", "redis://***@"),
        ("redis://:sec://secret@host/0", "redis://***@host/0"),
        ("redis://host/0?password=a@secret", "redis://***@"),
        ("redis://[secret@host", "redis://***@host"),
    ],
)
def test_credentials_are_cut_out_of_urls(url: str, shown: str) -> None:
    assert redacted(url).replace("unix:///", "unix:/") == shown


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("http://host", "expected redis://"),
        ("redis://host:port/0", "expected redis://"),
        ("redis://[secret@host", r"\*\*\*@host .*expected redis://"),
        ("redis://host/0?nonsense=1", "expected redis://"),
        ("redis+sentinel://host/main", "not yet supported"),
        ("redis-cluster://host", "not yet supported"),
        ("redis://one:1,two:2/0", "not yet supported"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused(url: str, part: str) -> None:
    with pytest.raises(SettingError, match=part):
        RedisServer(url)


def test_the_version_is_checked(embedded: EmbeddedRedis) -> None:
    assert tuple(map(int, RedisServer(embedded.url).check().split(".")[:2])) >= (6, 2)


def test_a_server_that_is_too_old_is_refused() -> None:
    """No such server can be installed here, so a socket says what one would say."""
    with pytest.raises(SettingError, match=r"version 5\.0\.14, at least 6\.2"):
        RedisServer(answering(info("redis_version:5.0.14\r\nredis_mode:standalone\r\n"))).check()


def test_a_cluster_is_refused() -> None:
    with pytest.raises(SettingError, match="cluster mode"):
        RedisServer(answering(info("redis_version:7.2.0\r\nredis_mode:cluster\r\n"))).check()


def test_nobody_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        RedisServer(f"unix://{tmp_path}/nothing").check()


def test_wrong_credentials_are_refused_without_being_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the error of the check, nor that of a line, nor a log line carries them."""
    caplog.set_level(logging.DEBUG)
    embedded = EmbeddedRedis(tmp_path)
    line = RedisLine(RedisServer(embedded.url), timeout_s=2.0)
    assert line.wait_ready(WAIT_S)
    line.run([("CONFIG", "SET", "requirepass", "right-secret")])
    line.close()
    try:
        with pytest.raises(SettingError, match="refuses the credentials") as refused:
            RedisServer(f"{embedded.url}?password=wrong-secret").check()
        wrong = RedisLine(RedisServer(f"{embedded.url}?password=wrong-secret"), timeout_s=2.0)
        with pytest.raises(StoreUnavailable) as unavailable:
            wrong.run([("PING",)])
        wrong.close()
        right = RedisLine(RedisServer(f"{embedded.url}?password=right-secret"), timeout_s=2.0)
        assert right.wait_ready(WAIT_S)
        assert right.run([("PING",)]) == [b"PONG"]
        right.close()
    finally:
        embedded.close()
    assert "secret" not in f"{refused.value}{unavailable.value}{caplog.text}"


def test_an_error_reply_stands_in_its_place(embedded: EmbeddedRedis) -> None:
    """And the commands around it have their answers."""
    line = RedisLine(RedisServer(embedded.url), timeout_s=2.0)
    assert line.wait_ready(WAIT_S)
    first, error, last = line.run([("ECHO", "a"), ("NONSENSE",), ("ECHO", "b")])
    assert (first, last) == (b"a", b"b")
    assert "NONSENSE" in str(error)
    line.close()
    line.close()
    with pytest.raises(StoreUnavailable):
        line.run([("PING",)])
