"""One object for programs, one table for people."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

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
