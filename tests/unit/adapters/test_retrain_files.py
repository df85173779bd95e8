"""What retraining leaves below home."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from serving.adapters import retrain_files as files
from serving.core.errors import Conflict, NotFound


def last(outcome: str, at: float = 10.0) -> files.Last:
    return files.Last(outcome, "because", "r", at - 1, at)


def test_one_at_a_time_and_the_owner_is_named(tmp_path: Path) -> None:
    with files.alone(tmp_path), pytest.raises(Conflict, match=f"process {os.getpid()}"), files.alone(tmp_path):
        pass
    with files.alone(tmp_path):
        pass


def test_the_lock_ends_with_its_process(tmp_path: Path) -> None:
    """Killed, it leaves none behind."""
    hold = (
        "import sys, time; from pathlib import Path; from serving.adapters.retrain_files import alone\n"
        "with alone(Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", hold, tmp_path], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(Conflict, match=f"process {holder.pid}"), files.alone(tmp_path):
            pass
        holder.kill()
        holder.wait()
    with files.alone(tmp_path):
        pass


def test_outcomes_are_counted(tmp_path: Path) -> None:
    assert files.status(tmp_path) == files.Status()
    assert files.retrain_families(tmp_path) == []
    for at, outcome in enumerate((files.PROMOTED, files.FAILED, files.FAILED), 1):
        files.count(tmp_path, last(outcome, at))
    found = files.status(tmp_path)
    assert found.counts == {"promoted": 1, "kept": 0, "failed": 2}
    assert found.last == last(files.FAILED, 3)
    counter, gauge = files.retrain_families(tmp_path)
    assert dict(counter.rows) == {("promoted",): 1.0, ("kept",): 0.0, ("failed",): 2.0}
    assert gauge.rows == [(("failed",), 3.0)]


@pytest.mark.parametrize("damaged", [b"", b"{}", b"[1]", b'{"counts": 1, "last": {}}', b"\xff"])
def test_a_damaged_status_is_none(tmp_path: Path, damaged: bytes) -> None:
    files.place(tmp_path)
    (tmp_path / "retrain" / "status.json").write_bytes(damaged)
    assert files.status(tmp_path) == files.Status()


def test_cards_are_bounded_and_the_newest_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "CARDS_MAX", 2)
    for day in (1, 2, 3):
        files.write_card(tmp_path, f"2026110{day}T000000-0badcafe", f"# {day}\n", {"day": day})
    assert sorted(path.name[:8] for path in (tmp_path / "cards").iterdir()) == ["20261102"] * 2 + ["20261103"] * 2
    assert files.read_card(tmp_path, "20261103T000000-0badcafe") == "# 3\n"
    assert '"day": 3' in files.read_card(tmp_path, "20261103T000000-0badcafe", for_programs=True)


@pytest.mark.parametrize("name", ["absent", "../cards/x", "", "a/b"])
def test_a_card_that_is_not_there_is_said(tmp_path: Path, name: str) -> None:
    """No path leads out of the folder."""
    files.write_card(tmp_path, "x", "text", {})
    with pytest.raises(NotFound):
        files.read_card(tmp_path, name)
