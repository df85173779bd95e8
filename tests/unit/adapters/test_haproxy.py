"""HAProxy as our child: started again within a bound, and nothing left behind."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from edges import WAIT_S, awaited

from serving.adapters.haproxy import RESTARTS_MAX, SOCKET_PATH_BYTES_MAX, Haproxy
from serving.core.errors import NotReady, SettingError

OWNER = """
import sys, time
from pathlib import Path
from serving.adapters.haproxy import Haproxy
owned = Haproxy(Path(sys.argv[1]), lambda socket: f"global\\n    stats socket {socket} mode 600 level admin\\n")
print(owned.pid, flush=True)
time.sleep(60)
"""


def configured(socket: Path) -> str:
    """Nothing but the admin socket."""
    return f"global\n    stats socket {socket} mode 600 level admin\n"


@contextmanager
def running(folder: Path, configured: Callable[[Path], str] = configured) -> Iterator[Haproxy]:
    made = Haproxy(folder, configured)
    try:
        yield made
    finally:
        made.close(0.0)


def below() -> set[int]:
    """Processes that this one has started."""
    return {child.pid for child in psutil.Process().children(recursive=True)}


def test_its_admin_socket_is_for_its_user_alone(tmp_path: Path) -> None:
    """So is the folder, with the configuration and the log."""
    with running(tmp_path / "edge") as edge:
        assert stat.S_IMODE(edge.socket.stat().st_mode) == 0o600
        assert stat.S_IMODE(edge.socket.parent.stat().st_mode) == 0o700
        assert "Pid: " in edge.ask("show info")


def test_closing_leaves_nothing(tmp_path: Path) -> None:
    """Neither HAProxy nor its guard, and no socket; twice is no harm."""
    before = below()
    with running(tmp_path / "edge") as edge:
        assert edge.pid in below()
    assert below() == before
    assert not edge.socket.exists()
    edge.close(0.0)
    with pytest.raises(NotReady, match="admin socket"):
        edge.ask("show info")


def test_a_stopped_one_is_ended_too(tmp_path: Path) -> None:
    with running(tmp_path / "edge") as edge:
        process = psutil.Process(edge.pid)
        process.suspend()
        awaited(lambda: process.status() == psutil.STATUS_STOPPED, "it is stopped")
    assert not process.is_running()


def test_a_killed_one_is_started_again(tmp_path: Path) -> None:
    """At once, and told once."""
    said: list[str] = []
    with running(tmp_path / "edge") as edge:
        edge.look(said.append)
        first = edge.pid
        os.kill(first, signal.SIGKILL)
        awaited(lambda: edge.look(said.append) or said, "the restart is told")
        edge.look(said.append)
        assert edge.pid != first
        assert "Pid: " in edge.ask("show info")
    assert said == ["the edge had ended and was started again"]


def test_one_that_cannot_run_is_given_up(tmp_path: Path) -> None:
    """Not started for ever: after a few times its last words are an error."""
    with running(tmp_path / "edge") as edge:
        (tmp_path / "edge" / "haproxy.cfg").write_text("nonsense\n")
        os.kill(edge.pid, signal.SIGKILL)

        def lost() -> str:
            try:
                edge.look(lambda line: None)
            except NotReady as error:
                return error.message
            return ""

        problem = awaited(lost, "it is given up")
        assert f"{RESTARTS_MAX} times" in problem
        assert "nonsense" in problem


def test_a_configuration_it_does_not_take_is_told_in_its_words(tmp_path: Path) -> None:
    before = below()
    with pytest.raises(SettingError, match=r"haproxy does not start.*code 1.*nonsense"):
        Haproxy(tmp_path / "edge", lambda socket: "nonsense\n")
    assert below() == before


def test_a_home_with_a_long_name_has_its_socket_elsewhere(tmp_path: Path) -> None:
    """A path of a Unix socket has a limit; the folder it is in then is private, and goes with it."""
    with running(tmp_path / ("x" * SOCKET_PATH_BYTES_MAX)) as edge:
        folder = edge.socket.parent
        assert folder.parent == Path(tempfile.gettempdir())
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert "Pid: " in edge.ask("show info")
    assert not folder.exists()


def test_a_killed_owner_leaves_no_haproxy(tmp_path: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, tmp_path / "edge"], stdout=subprocess.PIPE, text=True)
    try:
        assert owner.stdout is not None
        owned = psutil.Process(int(owner.stdout.readline()))
    finally:
        owner.kill()
        owner.communicate()
    _, left = psutil.wait_procs([owned], timeout=WAIT_S)
    assert left == []


def test_servers_that_were_not_checked_yet_do_not_count(tmp_path: Path) -> None:
    """HAProxy takes them for well until the first check has failed."""
    with socketless(tmp_path) as edge:
        assert edge.up() == {"grpc_out": 0}


@contextmanager
def socketless(folder: Path) -> Iterator[Haproxy]:
    """With one server that nobody is behind, first checked after a minute."""

    def text(socket: Path) -> str:
        return configured(socket) + (
            "defaults\n    mode http\n    timeout connect 1s\n    timeout server 1s\n"
            "backend grpc_out\n    server slot0 127.0.0.1:1 check inter 60s\n"
        )

    with running(folder / "edge", text) as edge:
        yield edge
