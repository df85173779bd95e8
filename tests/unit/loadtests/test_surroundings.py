"""Loopback alone, what must be installed, cores, the process tree, the gateway's environment, the ids."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtests.bench.install import COMMAND, check_installed
from loadtests.bench.pin import Cores, astray, pin
from loadtests.bench.process import Tree, spent
from loadtests.gateway import environment
from loadtests.ids import Ids
from loadtests.loopback import check_loopback
from serving.core.errors import SettingError


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "::1", "[::1]", "http://127.0.0.1:8080"])
def test_this_machine_is_a_target(host: str) -> None:
    """By any of its loopback names, with or without a scheme."""
    assert check_loopback(host) in host


@pytest.mark.parametrize(
    "host", ["192.0.2.7", "0.0.0.0", "shop.example", "http://192.0.2.7", "http://localhost.example:80", "", "http://"]
)
def test_any_other_target_is_refused(host: str) -> None:
    """Nothing is sent; the error says what is allowed."""
    with pytest.raises(SettingError, match=r"127\.0\.0\.1"):
        check_loopback(host)


def test_what_is_missing_is_named_with_the_command_that_installs_it(tmp_path: Path) -> None:
    """An empty PATH does not have it."""
    with pytest.raises(SettingError, match="h2load") as error:
        check_installed(path=str(tmp_path))
    assert COMMAND == "apt-get install nghttp2-client"
    assert COMMAND in error.value.message


@pytest.fixture
def family() -> Iterator[subprocess.Popen[str]]:
    """A process with a child, which computes until it is ended."""
    code = (
        "import subprocess, sys, threading\n"
        "child = subprocess.Popen([sys.executable, '-c', 'while True: pass'])\n"
        "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "print(child.pid, flush=True)\n"
        "try: sys.stdin.read()\n"
        "finally: child.kill(); child.wait()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        try:
            assert parent.stdout is not None
            child = int(parent.stdout.readline())
            assert child > 0
            yield parent
        finally:
            parent.communicate()  # the end of its input ends it


def test_every_thread_of_every_process_is_pinned(family: subprocess.Popen[str]) -> None:
    """Children and second threads too; a second look finds nothing to move."""
    cores = frozenset(sorted(os.sched_getaffinity(0))[:1])
    pids = Tree(family.pid).pids()
    assert len(pids) == 2
    pin(pids, cores)
    assert list(astray(pids, cores)) == []
    threads = [int(entry.name) for entry in Path(f"/proc/{family.pid}/task").iterdir()]
    assert len(threads) == 2
    assert {frozenset(os.sched_getaffinity(thread)) for thread in threads} == {cores}
    assert pin(pids, cores) == 0


def test_the_tree_counts_the_time_of_children(family: subprocess.Popen[str]) -> None:
    """The parent sleeps, the child computes: time passes all the same, and memory is held."""
    tree = Tree(family.pid)
    before = tree.cpu()
    while spent(before, tree.cpu()) == 0.0:
        pass
    held = tree.memory()
    assert held.processes == 2
    assert 0 < held.uss_mib <= held.pss_mib


def test_a_tree_that_has_ended_is_empty() -> None:
    """No error while the gateway goes away."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        tree = Tree(process.pid)
        process.communicate()
    assert tree.pids() == []
    assert tree.cpu() == {}


def test_server_and_load_share_no_core() -> None:
    """And together they are all there are."""
    mine = os.sched_getaffinity(0)
    if len(mine) < 2:
        pytest.skip("one core only")
    cores = Cores.choose()
    assert cores.server.isdisjoint(cores.load)
    assert cores.server | cores.load == mine
    with pytest.raises(ValueError, match="leave none"):
        Cores.choose(len(mine))


def test_settings_of_the_surroundings_do_not_reach_the_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what the bench sets does."""
    monkeypatch.setenv("STOREGATE__SERVER__FRONT", "grpc.aio")
    monkeypatch.setenv("STOREGATE_HOME", "/elsewhere")
    found = environment(Path("/home-of-mine"), {"server.grpc_port": "0"})
    assert "STOREGATE__SERVER__FRONT" not in found
    assert found["STOREGATE__SERVER__GRPC_PORT"] == "0"
    assert found["STOREGATE_HOME"] == "/home-of-mine"
    assert found["PATH"] == os.environ["PATH"]


def test_ids_survive_their_file(tmp_path: Path) -> None:
    """What run.py writes, the Locust file reads."""
    ids = Ids(("ü1", "C2"), ("P1",))
    ids.write(tmp_path / "ids.json")
    assert Ids.read(tmp_path / "ids.json") == ids
