"""One object for programs, one table for people."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from rich.console import Console

from model_repo.evaluate.report import Result, Row, as_json, report
from model_repo.evaluate.search import Chosen

RESULT = Result(
    command="evaluate recommend",
    data="shop",
    sha256="ab" * 32,
    seed=3,
    protocol="nothing after noon is known",
    counts={"customers_evaluated": 1234},
    rows=[
        Row("served", {"ndcg@10": 0.25, "ndcg@10_repeat": 0.5}, 12.0),
        Row("popularity", {"ndcg@10": 0.125}, 0.5, Chosen({"half_life": float("inf")}, 0.11, 6)),
    ],
    seconds=20.04,
    notes=["no row for implicit-als: implicit is not installed"],
    when=datetime(2026, 1, 2, tzinfo=UTC),
)


def test_json_has_the_agreed_keys_and_leaves_out_what_was_not_measured():
    found = json.loads(as_json(RESULT))
    assert "\n" not in as_json(RESULT)
    assert {"command", "date", "machine", "data", "seed", "seconds", "peak_rss_mib", "rows"} <= found.keys()
    assert found["machine"]["cores"] >= 1
    assert found["machine"]["cpu"]
    assert found["peak_rss_mib"] > 1
    assert found["data"] == {"name": "shop", "sha256": "ab" * 32}
    served, popularity = found["rows"]
    assert (served["name"], served["served"], served["ndcg@10"]) == ("served", True, 0.25)
    assert "chosen" not in served
    assert "ndcg@10_repeat" not in popularity
    assert popularity["served"] is False
    assert popularity["chosen"] == {"half_life": "inf"}


def test_the_table_names_counts_values_and_what_is_missing():
    console = Console(file=io.StringIO(), width=100)
    report(RESULT, console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    for part in ("customers evaluated 1,234", "ndcg@10_repeat", "0.2500", "half_life=inf", "best of 6", "implicit"):
        assert part in text


@pytest.mark.parametrize(
    ("metric", "bold"),
    [
        ("ndcg@10", "0.5000"), ("coverage@10", "0.5000"), ("margin_per_day", "0.5000"), ("revenue@10", "0.5000"),
        ("rmse_log_units", "0.2500"), ("mape", "0.2500"), ("regret_pct", "0.2500"), ("regret_pct_worst", "0.2500"),
        ("items.day.pinball", "0.2500"), ("rmsse", "0.2500"), ("series.owa", "0.2500"), ("series.smape", "0.2500"),
        ("series.mase", "0.2500"), ("cost", "0.2500"), ("cost_of_normal", "0.2500"), ("rule_violations", "0.2500"),
        ("regret_pct_se", ""), ("elasticity_median", ""), ("elasticity Florida Gold 64 oz", ""),
    ],
)  # fmt: skip
def test_the_best_figure_by_the_metrics_direction_is_bold(metric: str, bold: str) -> None:
    rows = [Row("served", {metric: 0.25}, 1.0), Row("popularity", {metric: 0.5}, 1.0)]
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system="standard")
    report(replace(RESULT, rows=rows), console)
    line = next(line for line in console.file.getvalue().splitlines() if metric in line)  # type: ignore[attr-defined]
    assert [value for value in ("0.2500", "0.5000") if f"\x1b[1m{value}" in line] == ([bold] if bold else [])


def test_who_knows_the_truth_is_no_contender() -> None:
    """The oracle's figures are never bold, nor do they take it from the best that could be."""
    metrics = ("margin_per_day", "regret_pct")
    rows = [
        Row("served", dict.fromkeys(metrics, 0.25), 1.0),
        Row("fixed", {"margin_per_day": 0.125, "regret_pct": 0.375}, 1.0),
        Row("oracle", {"margin_per_day": 0.5, "regret_pct": 0.0}, 1.0, competes=False),
    ]
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system="standard")
    report(replace(RESULT, rows=rows), console)
    lines = [line for line in console.file.getvalue().splitlines() if any(name in line for name in metrics)]  # type: ignore[attr-defined]
    assert [line.count("\x1b[1m") for line in lines] == [1, 1]
    assert all("\x1b[1m0.2500" in line for line in lines)
