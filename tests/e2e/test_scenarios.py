"""Locust runs every scenario against one gateway, also with workers; a stall is seen; a soak ends with a verdict."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e.gateways import Gateway

from loadtests.ids import of_home
from loadtests.run import LOCUSTFILE
from loadtests.scenarios.omission import shown
from loadtests.users import BULK

SECONDS = {"steady": "4", "step": "8", "spike": "6", "soak": "6", "bulk": "6"}
RUN_S_MAX = 120
ANY = ["--expect", "failures<=1", "--expect", "requests_per_s>=1"]
"""What holds on the busiest machine: what was answered wrongly stands in the failures, and is looked at there."""
BUSY = ("DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "status 429", "timed out")
"""What a machine without time for the gateway may answer."""


class Runs:
    """All scenarios at once, each a Locust of its own; `finished` waits for one of them."""

    def __init__(self, gateway: Gateway, folder: Path) -> None:
        of_home(gateway.home).write(folder / "ids.json")
        self._folder = folder
        self._running = {name: self._start(gateway, name) for name in SECONDS}

    def finished(self, name: str) -> tuple[int, dict[str, Any]]:
        """Exit code, and the verdict."""
        code = self._running[name].wait(RUN_S_MAX)
        return code, json.loads((self._folder / name / "verdict.json").read_text())

    def close(self) -> None:
        for process in self._running.values():
            if process.poll() is None:
                process.kill()
                process.wait()

    def _start(self, gateway: Gateway, name: str) -> subprocess.Popen[bytes]:
        out = self._folder / name
        out.mkdir()
        expect = ["--expect", "p50_ms<=0"] if name == "spike" else ANY
        command = [
            sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--only-summary", "--scenario", name,
            "--length", SECONDS[name], "--users", "4", "--rate", "4", "--host", gateway.url,
            "--grpc-port", gateway.target.rpartition(":")[2], "--ids-file", str(self._folder / "ids.json"),
            "--html", str(out / "report.html"), "--report-dir", str(out), "--stop-timeout", "5", *expect,
        ]  # fmt: skip
        with open(out / "said", "wb") as said:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)


@pytest.fixture(scope="module")
def runs(local_gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    all_of_them = Runs(local_gateway, tmp_path_factory.mktemp("scenarios"))
    yield all_of_them
    all_of_them.close()


@pytest.mark.parametrize("name", list(SECONDS))
def test_a_scenario_runs_and_is_judged(runs: Runs, name: str) -> None:
    """Over gRPC and HTTP nothing is answered wrongly; each stage has its figures; a broken threshold ends with 1."""
    code, said = runs.finished(name)
    assert [error for error in said["errors"] if not any(why in error for why in BUSY)] == []
    assert said["held"] is (name != "spike")
    assert code == (1 if name == "spike" else 0)
    levels, names = said["levels"], said["names"]
    assert len(levels) == {"steady": 1, "step": 8, "spike": 3, "soak": 4, "bulk": 3}[name]
    assert all(level["lag_p99_ms"] is not None for level in levels if level["calls"])
    assert {"known user", "anonymous"} <= names.keys()
    assert set(BULK).issubset(names) is (name == "bulk")


def test_workers_share_the_load(local_gateway: Gateway, tmp_path: Path) -> None:
    """The usual command with two workers: both ask, their master adds up, and all end in order."""
    command = [
        sys.executable, "-m", "loadtests.run", "--home", str(local_gateway.home), "--seconds", "4", "--users", "8",
        "--grpc-port", local_gateway.target.rpartition(":")[2], "--http-port", local_gateway.url.rpartition(":")[2],
        "--scenario", "steady", "--processes", "2", "--out", str(tmp_path), *ANY,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_S_MAX, check=False)
    assert done.returncode == 0, done.stderr
    assert "2 workers connected" in done.stderr
    assert "terminate called" not in done.stderr
    said = json.loads((tmp_path / "verdict.json").read_text())
    assert said["names"]["all"]["calls"] > 0
    assert said["workers"] == 2
    assert (tmp_path / "report.html").stat().st_size > 0
    assert (tmp_path / "load.svg").stat().st_size > 0


def test_workers_started_by_hand_are_told_by_their_master(local_gateway: Gateway, tmp_path: Path) -> None:
    """A worker without a word about the run makes heavy calls when its master's scenario has them."""
    of_home(local_gateway.home).write(tmp_path / "ids.json")
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = str(one.getsockname()[1])
    locust = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--only-summary"]
    master = [
        "--master", "--expect-workers", "1", "--master-bind-port", port, "--headless", "--scenario", "bulk",
        "--length", "8", "--users", "4", "--rate", "4", "--host", local_gateway.url, "--stop-timeout", "5",
        "--grpc-port", local_gateway.target.rpartition(":")[2], "--ids-file", str(tmp_path / "ids.json"),
        "--report-dir", str(tmp_path), *ANY,
    ]  # fmt: skip
    with open(tmp_path / "said", "wb") as said:
        worker = subprocess.Popen([*locust, "--worker", "--master-port", port], stdout=said, stderr=said)
        try:
            done = subprocess.run([*locust, *master], capture_output=True, text=True, timeout=RUN_S_MAX, check=False)
            assert done.returncode == 0, done.stderr
            assert worker.wait(RUN_S_MAX) == 0, (tmp_path / "said").read_text()
        finally:
            worker.kill()
            worker.wait()
    told = json.loads((tmp_path / "verdict.json").read_text())
    assert told["workers"] == 1
    assert set(BULK) <= told["names"].keys()
    assert told["title"].startswith("bulk: 4 users at most, open loop, 4/s a user")


def test_a_closed_loop_omits_what_an_open_loop_sees() -> None:
    """A server that stalls for a second: the closed loop's one caller sees it once, those who arrive see it each."""
    closed, opened = shown(rate=100, seconds=2.5, stall_s=1.0, seed=0)
    assert closed.slow(1.0) >= 1
    assert opened.slow(1.0) >= 50
    assert opened.slow(1.0) > 5 * closed.slow(1.0)


@pytest.mark.alone
@pytest.mark.skipif(shutil.which("h2load") is None, reason="needs h2load: apt-get install nghttp2-client")
def test_a_soak_ends_with_a_verdict(new_home: Callable[[], Path], tmp_path: Path) -> None:
    """Every kind of request is answered, nothing fails, and what did not grow is said to be flat."""
    command = [
        sys.executable, "-m", "loadtests.soak", "--requests", "20000", "--sample-seconds", "0.1", "--growth-mib", "500",
        "--home", str(new_home()), "--plot", str(tmp_path / "soak.svg"), "--json",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_S_MAX, check=False)
    said = json.loads(done.stdout)
    assert (done.returncode, said["notes"]) == (0, []), done.stderr
    trends = {row["of"]: row for row in said["rows"] if row["name"] == "trend"}
    assert trends.keys() == {"dirty_mib", "store_mib", "threads", "descriptors"}
    samples = [row for row in said["rows"] if row["name"] == "sample"]
    assert samples[-1]["answered"] >= 20_000
    assert samples[-1]["failed"] == 0
    assert samples[-1]["threads"] > 0
    assert (tmp_path / "soak.svg").read_text().startswith("<svg")
