"""Options that contradict each other are refused with what would be right."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from model_repo.evaluate.cli import evaluate
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
        (["--demo", "--cut", "soon"], "--cut"),
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
