"""`storegate evaluate route`: a row a contender, all of them feasible, nothing but JSON on standard output."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from click.testing import CliRunner

from model_repo.evaluate.cli import evaluate


def folder_of(place: Path) -> Path:
    """A Solomon file of 12 stops around the depot, wide windows."""
    rng = np.random.default_rng(0)
    rows = ["   0  50  50  0  0  1000  0"]
    rows += [f"  {i}  {x}  {y}  10  0  900  10" for i, (x, y) in enumerate(rng.integers(0, 100, (12, 2)).tolist(), 1)]
    head = "TINY\n\nVEHICLE\nNUMBER CAPACITY\n 4 60\n\nCUSTOMER\nCUST NO. XCOORD. YCOORD. DEMAND READY DUE SERVICE\n\n"
    (place / "TINY.txt").write_text(head + "\n".join(rows) + "\n")
    (place / "BKS.json").write_text(json.dumps({"TINY_distance": {"best_known_cost": 100.0}}))
    return place


def test_every_contender_has_a_row_and_a_feasible_plan(tmp_path: Path) -> None:
    args = ["route", "--instances", str(folder_of(tmp_path)), "--seconds", "0.2", "--json"]
    ran = CliRunner().invoke(evaluate, args, catch_exceptions=False)
    found = json.loads(ran.stdout)
    rows = {row["name"]: row for row in found["rows"]}
    assert list(rows) == ["served", "stream", "served-without-pyvrp", "stream-without-pyvrp", "pyvrp", "or-tools"]
    assert [row["name"] for row in found["rows"] if row["served"]] == ["served"]
    for row in rows.values():
        assert row["feasible"] == row["instances"] == 1
        assert row["gap_pct"] == row["gap_pct_worst"] > 0
    least = min(row["distance"] for row in rows.values())
    assert max(rows["served"]["distance"], rows["stream"]["distance"]) <= 1.01 * least


def test_names_that_fit_nothing_are_an_error_with_the_pattern(tmp_path: Path) -> None:
    ran = CliRunner().invoke(evaluate, ["route", "--instances", str(folder_of(tmp_path)), "--only", "R9*"])
    assert "R9*" in str(ran.exception)
