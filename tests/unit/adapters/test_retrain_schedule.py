"""The schedule: one process at a time, told and counted however it ends."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from serving.adapters import retrain_schedule
from serving.adapters.releases import Release
from serving.adapters.retrain_files import FAILED, KEPT, Last, count, status
from serving.adapters.retrain_schedule import RetrainSchedule
from serving.core.retraining import HOUR_S, RetrainParams

HOURLY = RetrainParams(every_hours=1, hours_max=2)


class Clock:
    """A wall clock that goes only where it is put."""

    def __init__(self) -> None:
        self.now = 1_795_700_000.0

    def __call__(self) -> float:
        return self.now


class Launcher:
    """Looks after one schedule, whose processes are real ones."""

    def __init__(self, home: Path, script: str, params: RetrainParams = HOURLY) -> None:
        self.home, self.clock, self.said = home, Clock(), list[str]()
        command = [sys.executable, "-c", script, str(home), "retrain"]
        self.schedule = RetrainSchedule(home, params, command, dict(os.environ), self.clock)

    def look(self) -> None:
        self.schedule.look(self.said.append)

    def look_until(self, seen: Callable[[], object]) -> None:
        until = time.monotonic() + 30
        while not seen():
            assert time.monotonic() < until, self.said
            self.look()
            time.sleep(0.01)

    def started(self) -> None:
        self.clock.now += HOUR_S
        self.look()
        assert self.schedule.running, self.said


COUNTS_ITSELF = """
import sys; from pathlib import Path; from serving.adapters.retrain_files import KEPT, Last, count
count(Path(sys.argv[1]), Last(KEPT, "it was worse", "r", 1795703600.0, 1795703601.0)); sys.exit(3)
"""


def test_nothing_begins_before_it_is_due(tmp_path: Path) -> None:
    """Not with the start of the gateway, and not before an hour has passed since the last one of another launcher."""
    launcher = Launcher(tmp_path, "")
    launcher.look()
    launcher.clock.now += HOUR_S - 1
    launcher.look()
    assert not launcher.schedule.running
    count(tmp_path, Last(KEPT, "", "", launcher.clock.now - 1, launcher.clock.now))
    assert Launcher(tmp_path, "").schedule.due_s == launcher.clock.now + HOUR_S


def test_one_that_counted_itself_is_told(tmp_path: Path) -> None:
    launcher = Launcher(tmp_path, COUNTS_ITSELF)
    launcher.started()
    launcher.look_until(lambda: not launcher.schedule.running)
    assert launcher.said[-1] == "retraining: kept: it was worse"
    assert status(tmp_path).counts == {"promoted": 0, "kept": 1, "failed": 0}
    assert launcher.schedule.due_s == launcher.clock.now + HOUR_S


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("raise RuntimeError('a defect')", "ended with 1: RuntimeError: a defect"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "killed by signal 9: it said nothing"),
    ],
)
def test_one_that_could_not_is_counted(tmp_path: Path, script: str, said: str) -> None:
    """And the next one comes when it is due, not at once."""
    launcher = Launcher(tmp_path, script)
    launcher.started()
    launcher.look_until(lambda: not launcher.schedule.running)
    assert launcher.said[-1] == f"retraining failed: {said}"
    found = status(tmp_path)
    assert found.counts["failed"] == 1
    assert found.last is not None
    assert found.last.reason == said
    launcher.look()
    assert not launcher.schedule.running


def test_one_that_finds_another_at_work_is_told_and_not_counted(tmp_path: Path) -> None:
    launcher = Launcher(tmp_path, "import sys; print('storegate: it runs already', file=sys.stderr); sys.exit(2)")
    launcher.started()
    launcher.look_until(lambda: not launcher.schedule.running)
    assert launcher.said[-1] == "retraining failed: storegate: it runs already"
    assert status(tmp_path).last is None


def test_one_that_hangs_is_ended(tmp_path: Path) -> None:
    launcher = Launcher(tmp_path, "import time; time.sleep(600)")
    launcher.started()
    launcher.clock.now += HOURLY.hours_max * HOUR_S - 1
    launcher.look()
    assert launcher.schedule.running
    launcher.clock.now += 2
    launcher.look()
    assert not launcher.schedule.running
    assert "longer than 2 hours" in launcher.said[-1]
    assert status(tmp_path).counts["failed"] == 1


def test_drafts_of_one_that_was_killed_go(tmp_path: Path) -> None:
    """They hold people's events, and it could not remove them itself."""
    work = tmp_path / "retrain" / "work"
    launcher = Launcher(tmp_path, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    work.mkdir(parents=True)
    launcher.started()
    launcher.look_until(lambda: not launcher.schedule.running)
    assert not work.exists()


def test_the_interval_begins_with_the_live_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A launcher that is often started anew does not begin it anew each time."""
    made = RetrainSchedule(tmp_path, HOURLY, ["x"], {}, lambda: 1_800_000_000.0)
    assert made.due_s == 1_800_000_000.0 + HOUR_S
    release = Release("20270115T070000-0badcafe", {})
    monkeypatch.setattr(retrain_schedule, "live", lambda home: release)
    again = RetrainSchedule(tmp_path, HOURLY, ["x"], {}, lambda: 1_800_000_000.0)
    assert again.due_s == datetime(2027, 1, 15, 8, tzinfo=UTC).timestamp()


def test_it_ends_with_the_gateway(tmp_path: Path) -> None:
    """Nothing is left behind, and being ended is no failure."""
    launcher = Launcher(tmp_path, "import time; time.sleep(600)")
    launcher.started()
    children = psutil.Process().children(recursive=True)
    assert any(str(tmp_path) in child.cmdline() for child in children)
    launcher.schedule.close()
    launcher.schedule.close()
    assert not any(child.is_running() and str(tmp_path) in child.cmdline() for child in children)
    assert status(tmp_path).last is None


def test_a_command_that_is_not_there_is_told(tmp_path: Path) -> None:
    clock, said = Clock(), list[str]()
    schedule = RetrainSchedule(tmp_path, HOURLY, [str(tmp_path / "absent")], {}, clock)
    clock.now += HOUR_S
    schedule.look(said.append)
    assert "does not start" in said[-1]
    assert status(tmp_path).counts[FAILED] == 1
