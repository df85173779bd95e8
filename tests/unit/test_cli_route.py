"""`storegate route`: files in, tables, JSON and pictures out, and one clear line for what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from planners import planner
from towns import GLOBE, LINE, changed

from serving.cli import cli
from serving.core.errors import StoregateError

SOLOMON = """TINY

VEHICLE
NUMBER     CAPACITY
  2         10

CUSTOMER
CUST NO.  XCOORD.   YCOORD.    DEMAND   READY TIME  DUE DATE   SERVICE   TIME

    0      0         0          0          0       1000          0
    1      0         3          5          0       1000         10
    2      4         3          5          0       1000         10
"""


@pytest.fixture(autouse=True)
def warmed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The commands compute here, with what this process has compiled."""
    planner()
    monkeypatch.setenv("STOREGATE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def run(*arguments: object) -> Any:
    return CliRunner().invoke(cli, ["route", *map(str, arguments)], catch_exceptions=False)


def written(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value))
    return path


def test_a_plan_is_told_kept_and_drawn(tmp_path: Path) -> None:
    town = written(tmp_path / "town.json", LINE)
    done = run("plan", town, "--seconds", "0.15", "--out", "kept.json", "--draw", "town.svg")
    assert done.exit_code == 0
    assert "0.6 km" in done.output
    kept = json.loads(Path("kept.json").read_text())
    assert kept["plan"]["cost"] == 600
    assert kept["problem"]["stops"][0]["stopId"] == "a"
    assert Path("town.svg").read_text().startswith("<svg")
    assert run("draw", "kept.json", "again.html").exit_code == 0
    assert "<svg" in Path("again.html").read_text()


def test_json_is_the_final_answer(tmp_path: Path) -> None:
    done = run("plan", written(tmp_path / "town.json", LINE), "--seconds", "0.15", "--json")
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["final"]
    assert answer["plan"]["distanceM"] == "600"


def test_what_has_happened_is_in_the_file_that_is_kept(tmp_path: Path) -> None:
    """New stops and closed roads are part of the problem from then on."""
    town = changed(GLOBE, "vehicles.0.shift", {"startS": 28_800, "endS": 36_000})
    run("plan", written(tmp_path / "town.json", town), "--seconds", "0.15", "--out", "kept.json")
    written(tmp_path / "new.json", {"stopId": "new", "point": {"latitude": 51.505, "longitude": -0.12}})
    done = run(
        "replan", "kept.json", "--now", "07:00", "--new", "new.json", "--cancel", "b", "--late", "van=0", "--close",
        "a,b", "--out", "kept.json",
    )  # fmt: skip
    assert done.exit_code == 0
    assert "changed: van" in done.output
    assert "left out: b" in done.output
    kept = json.loads(Path("kept.json").read_text())
    assert [stop["stopId"] for stop in kept["problem"]["stops"]] == ["a", "b", "new"]
    assert kept["problem"]["closedRoads"] == [{"fromId": "a", "toId": "b", "bothWays": True}]
    visited = [visit["stopId"] for route in kept["plan"]["routes"] for visit in route["visits"]]
    assert sorted(visited) == ["a", "new"]
    assert "changed: no route" in run("replan", "kept.json", "--now", "07:00").output


def test_a_published_instance_is_planned(tmp_path: Path) -> None:
    """There and back past both: 3 + 4 + 5, in the instance's units."""
    (tmp_path / "tiny.txt").write_text(SOLOMON)
    done = run("plan", "tiny.txt", "--seconds", "0.15", "--json")
    plan = json.loads(done.stdout.splitlines()[-1])["plan"]
    assert [len(route["visits"]) for route in plan["routes"]] == [2]
    unit = int(plan["distanceM"]) / 12
    assert unit == pytest.approx(round(unit), rel=1e-6)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("plan", "absent.json"), "absent.json: cannot be read"),
        (("plan", "bad.json"), "bad.json"),
        (("plan", "town.json", "--seconds", "-1"), "time_limit_s"),
        (("plan", "town.json", "--seed", "-1"), "--seed"),
        (("plan", "town.json", "--draw", "town.png"), ".svg or .html"),
        (("plan", "town.json", "--seconds", "0.1", "--out", "no/such/folder.json"), "cannot be written"),
        (("replan", "kept.json", "--now", "noon"), "--now"),
        (("replan", "kept.json", "--now", "1", "--late", "van"), "VEHICLE=MINUTES"),
        (("replan", "kept.json", "--now", "1", "--late", "van=soon"), "VEHICLE=MINUTES"),
        (("replan", "kept.json", "--now", "1", "--close", "a"), "FROM,TO"),
        (("replan", "kept.json", "--now", "1", "--cancel", "moon"), "moon"),
        (("draw", "kept.json", "town.png"), ".svg or .html"),
        (("draw", "absent.json", "town.svg"), "cannot be read"),
    ],
)
def test_what_is_wrong_is_one_clear_line(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    written(tmp_path / "town.json", LINE)
    written(tmp_path / "kept.json", {"problem": LINE, "plan": {}})
    (tmp_path / "bad.json").write_text('{"stops": [{"nonsense": 1}]}')
    with pytest.raises(StoregateError) as refused:
        run(*arguments)
    assert says in refused.value.message
