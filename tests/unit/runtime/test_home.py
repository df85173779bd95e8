"""The run folder: one gateway a home, replicas that announce themselves, a private token."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from serving.core.errors import SettingError
from serving.runtime.home import announce, announce_worker, locked, ray_token, replicas, withdraw, workers
from serving.runtime.parts import Addresses

HERE = Addresses("127.0.0.1", 1, 2, "127.0.0.1", 3)


def test_a_second_gateway_on_a_home_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    """The lock is free again afterwards."""
    refused = pytest.raises(SettingError, match=rf"process {os.getpid()}.*{tmp_path}")
    with locked(tmp_path), refused, locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


def test_a_killed_owner_does_not_keep_the_lock(tmp_path: Path) -> None:
    """The kernel lets go of it when the process ends, however it ends."""
    code = (
        "import os, pathlib, signal, sys\nfrom serving.runtime.home import locked\n"
        "with locked(pathlib.Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == -9
    with locked(tmp_path):
        pass


def test_replicas_are_found_until_they_withdraw(tmp_path: Path) -> None:
    """By name; a half-written or foreign file is not one of them."""
    first = announce(tmp_path, "b", HERE)
    announce(tmp_path, "a", HERE)
    (tmp_path / "run" / "replica-c.json").write_text("{")
    found = replicas(tmp_path)
    assert [(one.name, one.pid, one.addresses) for one in found] == [("a", os.getpid(), HERE), ("b", os.getpid(), HERE)]
    withdraw(first)
    withdraw(first)
    assert [one.name for one in replicas(tmp_path)] == ["a"]


def test_a_new_gateway_forgets_the_replicas_of_a_killed_one(tmp_path: Path) -> None:
    """Whoever has the lock knows that nobody else runs."""
    announce(tmp_path, "stale", HERE)
    with locked(tmp_path):
        assert replicas(tmp_path) == []


def test_workers_are_found_beside_the_replicas(tmp_path: Path) -> None:
    """Each as what it is, until it withdraws or a new gateway begins."""
    announce(tmp_path, "a", HERE)
    first = announce_worker(tmp_path, "forecast", "w1", "127.0.0.1", 9100)
    announce_worker(tmp_path, "forecast", "w2", "127.0.0.1", 9101)
    assert [one.name for one in replicas(tmp_path)] == ["a"]
    found = [(one.worker, one.name, one.pid, one.admin_port, one.here) for one in workers(tmp_path)]
    assert found == [("forecast", "w1", os.getpid(), 9100, True), ("forecast", "w2", os.getpid(), 9101, True)]
    withdraw(first)
    assert [one.name for one in workers(tmp_path)] == ["w2"]
    with locked(tmp_path):
        assert workers(tmp_path) == []


def test_a_killed_replica_is_forgotten(tmp_path: Path) -> None:
    """It could not withdraw; one of another machine that shares the folder is left alone."""
    code = (
        "import os, pathlib, signal, sys\nfrom serving.runtime.home import announce\n"
        "from serving.runtime.parts import Addresses\n"
        "announce(pathlib.Path(sys.argv[1]), 'killed', Addresses('127.0.0.1', 1, 2, '127.0.0.1', 3))\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == -9
    (path,) = (tmp_path / "run").glob("replica-*.json")
    said = json.loads(path.read_text())
    (tmp_path / "run" / "replica-far.json").write_text(json.dumps(said | {"name": "far", "node": "another"}))
    assert [one.name for one in replicas(tmp_path)] == ["far"]
    assert not path.exists()


def test_no_home_has_no_replicas(tmp_path: Path) -> None:
    """Asking does not create the folder."""
    assert replicas(tmp_path / "none") == []
    assert not (tmp_path / "none").exists()


def test_the_ray_token_is_private_and_stays(tmp_path: Path) -> None:
    """256 bits, for its user alone, the same at the next start."""
    path = ray_token(tmp_path)
    token = path.read_text()
    assert len(token) == 64
    assert path.stat().st_mode & 0o077 == 0
    assert ray_token(tmp_path).read_text() == token
