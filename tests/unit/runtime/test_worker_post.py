"""A worker's process is there as a whole, or leaves nothing behind."""

from __future__ import annotations

import json
import socket
import threading
import urllib.request
from pathlib import Path

import pytest
from small_worker import small

from serving.core.clock import SystemClock
from serving.forecasting import ForecastWorker
from serving.replenishing import ReplenishWorker
from serving.runtime.home import run_folder, workers
from serving.runtime.worker_post import Post
from serving.runtime.worker_turns import Turns
from serving.settings import load


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def begun(before: set[threading.Thread]) -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread not in before]


def turns() -> Turns:
    return Turns(small(), SystemClock())


def test_it_tells_how_it_is_until_it_is_closed(tmp_path: Path) -> None:
    post = Post(small(), tmp_path, tmp_path, "one", ("127.0.0.1", (0,)), SystemClock(), turns())
    try:
        (found,) = workers(tmp_path)
        with urllib.request.urlopen(f"http://127.0.0.1:{found.admin_port}/readyz", timeout=5) as answer:
            assert answer.status == 200
        with urllib.request.urlopen(f"http://127.0.0.1:{found.admin_port}/metrics", timeout=5) as answer:
            assert b"\nstoregate_worker_bundles 0.0\n" in answer.read()
    finally:
        post.close()
    post.close()
    assert workers(tmp_path) == []
    assert (tmp_path / "closed").exists()


def test_one_that_cannot_be_announced_leaves_no_listener(tmp_path: Path) -> None:
    """The port is free again, the worker closed, and no thread goes on."""
    port, before = free_port(), set(threading.enumerate())
    (run_folder(tmp_path) / "worker-small-one.json").mkdir()  # a file cannot take its place
    with pytest.raises(OSError, match="worker-small-one"):
        Post(small(), tmp_path, tmp_path, "one", ("127.0.0.1", (port,)), SystemClock(), turns())
    assert (tmp_path / "closed").exists()
    assert begun(before) == []
    with socket.socket() as again:
        again.bind(("127.0.0.1", port))


@pytest.mark.parametrize("worker", [ForecastWorker, ReplenishWorker])
def test_a_worker_that_cannot_be_built_leaves_no_connection(
    tmp_path: Path, worker: type[ForecastWorker | ReplenishWorker]
) -> None:
    """The home is a file: the manifest cannot be looked at, when the store's connections have begun already."""
    home = tmp_path / "home"
    home.write_text(json.dumps("not a folder"))
    settings = load(environ={"STOREGATE_HOME": str(home), "STOREGATE__REDIS__URL": "redis://127.0.0.1:1/0"})
    before = set(threading.enumerate())
    with pytest.raises(NotADirectoryError):
        worker(settings)
    assert begun(before) == []
