"""`python -m loadtests.peers` from end to end with a server that needs no environment of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.alone
@pytest.mark.skipif(shutil.which("h2load") is None, reason="needs h2load: apt-get install nghttp2-client")
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="server and load need a core each")
def test_one_command_compares_servers_on_one_pipeline(tmp_path: Path) -> None:
    """Started, checked against the pipeline's own answers, measured, drawn, ended."""
    plot = tmp_path / "peers.svg"
    command = [
        sys.executable, "-m", "loadtests.peers", "--only", "grpc_aio", "--items", "300", "--callers", "1,8",
        "--seconds", "0.5", "--rounds", "1", "--folder", str(tmp_path), "--plot", str(plot), "--json",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    rows = [row for row in json.loads(done.stdout)["rows"] if row.get("name") == "grpc_aio" and row.get("callers")]
    assert [row["callers"] for row in rows] == [1, 8]
    assert all(row["failed"] == 0 and 0 < row["p50_ms"] <= row["p99_ms"] for row in rows)
    assert plot.read_text().startswith("<svg")


def test_an_unknown_server_is_refused() -> None:
    """The error names the ones there are."""
    command = [sys.executable, "-m", "loadtests.peers", "--only", "apache"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode != 0
    assert "apache" in done.stderr
    assert "grpc_aio" in done.stderr
