"""`storegate bench` from end to end on a very small shop, without Ray; the figures mean nothing, the document does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

STAGES = {"profile", "visitor", "sources", "candidates", "score", "page", "decode", "encode", "request"}


@pytest.mark.alone
@pytest.mark.skipif(shutil.which("h2load") is None, reason="needs h2load: apt-get install nghttp2-client")
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="server and load need a core each")
def test_one_command_measures_the_floor_and_what_is_made_of_it(tmp_path: Path) -> None:
    """One JSON object on standard output with every row, no failed call, and no process left."""
    home = tmp_path / "home"
    command = [
        str(Path(sys.executable).with_name("storegate")), "bench", "--json", "--local", "--home", str(home),
        "--items", "300", "--users", "200", "--seconds", "0.5", "--rounds", "1", "--callers", "1,64",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    rows = {(row["name"], row.get("callers", row.get("batch"))): row for row in said["rows"]}
    for stage in STAGES:
        assert {(stage, 1), (stage, 8), (stage, 32)} <= rows.keys()
    for name in ("recommend", "recommend_anonymous", "http_recommend", "ping"):
        for callers in (1, 64):
            row = rows[name, callers]
            assert row["failed"] == 0
            assert row["calls"] > 0
            assert 0 < row["p50_ms"] <= row["p99_ms"]
    assert rows["share", 64]["share"] > 0
    assert rows["memory", None]["pss_mib"] > 0
    assert rows["start-up", None]["seconds"] > 0
    assert said["data"] | {"sha256": ""} == {"name": "demo", "sha256": "", "items": 300, "users": 200}
    assert not list((home / "run").glob("replica-*.json"))
    again = subprocess.run([*command, "--seed", "1"], capture_output=True, text=True, timeout=60, check=False)
    assert again.returncode != 0
    assert "holds a shop made with" in again.stderr
