"""The server of our own: one owner a home, data kept, nothing left behind. On every server this machine has."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serving.adapters import embedded_redis
from serving.adapters.embedded_redis import (
    EmbeddedRedis,
    binary_version,
    candidates,
    find_binary,
    running_url,
)
from serving.adapters.redis_connection import RedisLine, RedisServer
from serving.core.errors import SettingError

WAIT_S = 5.0
OWNER = """
import sys, pathlib
from serving.adapters.embedded_redis import EmbeddedRedis
owner = EmbeddedRedis(pathlib.Path(sys.argv[1]), binary=pathlib.Path(sys.argv[2]))
print(owner.pid, flush=True)
if sys.argv[3] == "wait":
    sys.stdin.read()
"""


@pytest.fixture(params=candidates(), ids=lambda path: "redis-{}.{}".format(*binary_version(path)))
def binary(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture
def start(binary: Path) -> Iterator[Callable[[Path], EmbeddedRedis]]:
    started: list[EmbeddedRedis] = []

    def make(home: Path) -> EmbeddedRedis:
        started.append(EmbeddedRedis(home, binary=binary))
        return started[-1]

    yield make
    for embedded in started:
        embedded.close()


def ask(embedded: EmbeddedRedis, *command: str) -> object:
    line = RedisLine(RedisServer(embedded.url), timeout_s=2.0)
    try:
        assert line.wait_ready(WAIT_S)
        return line.run([command])[0]
    finally:
        line.close()


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_data_survive_a_restart(start: Callable[[Path], EmbeddedRedis], tmp_path: Path) -> None:
    first = start(tmp_path)
    pid = first.pid
    ask(first, "SET", "key", "kept")
    first.close()
    first.close()
    assert gone(pid)
    assert ask(start(tmp_path), "GET", "key") == b"kept"


def test_it_listens_on_a_private_unix_socket_only(start: Callable[[Path], EmbeddedRedis], tmp_path: Path) -> None:
    embedded = start(tmp_path)
    assert stat.S_IMODE(embedded.socket.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "redis").stat().st_mode) == 0o700
    assert ask(embedded, "CONFIG", "GET", "port") == [b"port", b"0"]
    assert ask(embedded, "CONFIG", "GET", "maxmemory-policy") == [b"maxmemory-policy", b"noeviction"]
    assert ask(embedded, "CONFIG", "GET", "appendonly") == [b"appendonly", b"yes"]


def test_a_long_or_odd_home_works(start: Callable[[Path], EmbeddedRedis], tmp_path: Path) -> None:
    """Socket paths end at 107 bytes; spaces and percent signs mean something in a URL."""
    long = start(tmp_path / ("long" * 40))
    assert len(os.fsencode(long.socket)) <= 107
    assert ask(long, "PING") == b"PONG"
    folder = long.socket.parent
    long.close()
    assert not folder.exists()
    assert ask(start(tmp_path / "a b%41?#"), "PING") == b"PONG"


@pytest.mark.parametrize("folder", ["home", "long" * 40])
def test_others_find_the_one_that_runs(start: Callable[[Path], EmbeddedRedis], tmp_path: Path, folder: str) -> None:
    """Wherever its socket lies; a server that has ended is not found."""
    home = tmp_path / folder
    assert running_url(home) == ""
    embedded = start(home)
    assert running_url(home) == embedded.url
    embedded.close()
    assert running_url(home) == ""


def test_a_second_owner_is_refused(
    start: Callable[[Path], EmbeddedRedis], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(tmp_path)
    monkeypatch.setattr(embedded_redis, "LOCK_WAIT_S", 0.0)
    with pytest.raises(SettingError, match=rf"another storegate \(process {os.getpid()}\)"):
        start(tmp_path)


def test_a_killed_server_comes_back_with_its_data(start: Callable[[Path], EmbeddedRedis], tmp_path: Path) -> None:
    embedded = start(tmp_path)
    ask(embedded, "SET", "key", "kept")
    assert not embedded.revive()
    os.kill(embedded.pid, signal.SIGKILL)
    os.waitpid(embedded.pid, 0)
    assert embedded.revive()
    assert embedded.alive
    assert ask(embedded, "GET", "key") == b"kept"


@pytest.mark.parametrize("end", ["killed", "exits"])
def test_no_server_outlives_its_owner(
    start: Callable[[Path], EmbeddedRedis], binary: Path, tmp_path: Path, end: str
) -> None:
    """Whether the owner is killed or just ends; the next owner waits until the server has let go of the data."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path), str(binary), "wait" if end == "killed" else "end"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    if end == "killed":
        owner.kill()
    owner.communicate()
    assert ask(start(tmp_path), "PING") == b"PONG"
    assert gone(pid)


def test_a_stopped_server_can_be_closed(start: Callable[[Path], EmbeddedRedis], tmp_path: Path) -> None:
    embedded = start(tmp_path)
    pid = embedded.pid
    os.kill(pid, signal.SIGSTOP)
    embedded.close()
    assert gone(pid)


def test_data_of_a_newer_server_are_not_ignored(tmp_path: Path) -> None:
    """6.2 does not see what 7 wrote: it would start with nothing, and nobody would notice."""
    old = [path for path in candidates() if binary_version(path) < (7, 0)]
    if not old:
        pytest.skip("no server older than 7 on this machine")
    (tmp_path / "redis" / "appendonlydir").mkdir(parents=True)
    with pytest.raises(SettingError, match="written by Redis 7"):
        EmbeddedRedis(tmp_path, binary=old[0])


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "appendonly.aof").write_bytes(b"*not an append-only file\r\n")
    (tmp_path / "redis" / "appendonlydir").write_bytes(b"not a folder")
    newest = max(candidates(), key=binary_version)
    with pytest.raises(SettingError, match=r"ended with code 1; the end of .*redis\.log"):
        EmbeddedRedis(tmp_path, binary=newest)


def test_without_any_server_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=5.0.14 sha=0 bits=64'\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}")
    monkeypatch.setattr(embedded_redis.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SettingError, match=r"redis-server \(version (5\.0|0\.0)\).*apt-get install redis-server"):
        find_binary()


def test_the_newest_server_wins_whatever_its_place_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server cannot read what a newer one wrote, so the order of the PATH must not decide."""
    for folder, version in (("first", "6.2.14"), ("second", "7.0.15")):
        server = tmp_path / folder / "redis-server"
        server.parent.mkdir()
        server.write_text(f"#!/bin/sh\necho 'Redis server v={version} sha=0 bits=64'\n")
        server.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'first'}:{tmp_path / 'second'}:/bin:/usr/bin")
    monkeypatch.setattr(embedded_redis, "binary_version", lambda path: (7, 0) if "second" in str(path) else (6, 2))
    assert find_binary() == tmp_path / "second" / "redis-server"
