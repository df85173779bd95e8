"""Options that contradict each other are refused with what would be right."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from model_repo.evaluate.cli import datasets_of, evaluate
from serving.core.errors import DataError


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "exactly one of"),
        (["--demo", "--transactions", "x.csv"], "exactly one of"),
        (["--sequences", "x.txt", "--protocol", "next-basket"], "leave-last-out"),
        (["--demo", "--protocol", "leave-last-out"], "--sequences"),
        (["--sequences", "x.txt", "--cut", "2011-01-01"], "--cut"),
        (["--demo", "-k", "0"], "-k"),
        (["--sequences", "x.txt", "--protocol", "next-week"], "leave-last-out"),
        (["--demo", "--products", "p.csv"], "--transactions"),
        (["--demo", "--cuts", "3"], "next-week"),
        (["--demo", "--protocol", "next-week", "--holdout-days", "3"], "7 or more"),
        (["--demo", "--cut", "soon"], "--cut"),
        (["--demo", "--neural", "--placements"], "--placements"),
    ],
)
def test_contradicting_options(options, says):
    outcome = CliRunner().invoke(evaluate, ["recommend", *options])
    assert outcome.exit_code == 2
    assert says in outcome.output


def test_a_file_that_is_not_there_is_named(tmp_path):
    outcome = CliRunner().invoke(evaluate, ["recommend", "--transactions", str(tmp_path / "no.csv")])
    assert isinstance(outcome.exception, DataError)
    assert "no.csv" in outcome.exception.message
    assert outcome.stdout == ""


def test_help_shows_examples():
    outcome = CliRunner().invoke(evaluate, ["recommend", "--help"])
    assert outcome.exit_code == 0
    assert "storegate evaluate recommend --demo" in outcome.output


def test_each_cut_knows_what_was_known_then(tmp_path):
    """Two cuts, the oldest first; the cancellation of day 19 is known to none, that of day 12 to one."""
    path = tmp_path / "shop.csv"
    lines = [
        ("1", "A", 1, 3),
        ("2", "B", 2, 5),
        ("C3", "A", -1, 12),
        ("4", "B", 1, 13),
        ("C5", "B", -2, 19),
        ("6", "A", 1, 20),
    ]
    rows = [f"{invoice},{item},{pieces},2026-01-{day:02} 10:00:00,2.50,u" for invoice, item, pieces, day in lines]
    path.write_text("\n".join(["InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID", *rows]) + "\n")
    found = datasets_of(path, None, 0, None, 7, lambda line: None, cuts=2)
    assert [cut_s for _, cut_s in found] == [epoch(7), epoch(14)]
    before = [dataset.events.where(dataset.events.time_s < cut_s) for dataset, cut_s in found]
    names = [
        [dataset.items[row].item_id for row in past.item] for (dataset, _), past in zip(found, before, strict=True)
    ]
    assert names == [["A", "B"], ["B", "B"]]


def epoch(day):
    return int(datetime(2026, 1, day, tzinfo=UTC).timestamp())
