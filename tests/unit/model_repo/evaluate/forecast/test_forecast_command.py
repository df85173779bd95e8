"""storegate evaluate forecast: contradictions are refused, files of series end to end."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from model_repo.evaluate.cli import evaluate
from model_repo.evaluate.forecast.series_flow import naive2
from serving.core.errors import DataError, InvalidInput


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "exactly one of"),
        (["--demo", "--series", "x.csv"], "exactly one of"),
        (["--demo", "--products", "x.csv"], "--transactions"),
        (["--demo", "--test", "x.csv"], "--series"),
        (["--demo", "--season", "7"], "--series"),
        (["--demo", "--horizon", "10"], "whole weeks, such as 7"),
        (["--demo", "--peers", "Prophet"], "all, fast, none or some of AutoETS"),
        (["--series", "x.csv"], "--test FILE or --horizon"),
        (["--series", "x.csv", "--test", "y.csv", "--horizon", "3"], "--test FILE or --horizon"),
        (["--series", "x.csv", "--horizon", "3", "--plots", "p"], "--plots"),
        (["--demo", "--horizon", "0"], "--horizon"),
    ],
)
def test_contradicting_options(options, says):
    outcome = CliRunner().invoke(evaluate, ["forecast", *options])
    assert outcome.exit_code == 2
    assert says in outcome.output


def write(path, rows):
    path.write_text(
        "\n".join(["id,1,2", *(f"{name}," + ",".join(map(str, line)) for name, line in rows.items())]) + "\n"
    )
    return str(path)


def run(*options):
    outcome = CliRunner().invoke(evaluate, ["forecast", *options, "--json"])
    if outcome.exception:
        raise outcome.exception
    return {row["name"]: row for row in json.loads(outcome.stdout)["rows"]}


def test_levels_are_scored_as_m4_scores_them(tmp_path):
    """A season on a trend: ours is far below Naive2, whose OWA is 1 by definition."""
    rng, time = np.random.default_rng(0), np.arange(108)
    lines = {
        name: np.round((100 + time) * (1 + 0.3 * np.sin(time * np.pi / 6 + shift)) + rng.normal(0, 1, 108), 2)
        for name, shift in (("a", 0.0), ("b", 1.0), ("c", 2.5))
    }
    train = write(tmp_path / "train.csv", {name: line[:96] for name, line in lines.items()})
    test = write(tmp_path / "test.csv", {name: line[96:] for name, line in reversed(lines.items())})
    rows = run("--series", train, "--test", test, "--season", "12")
    assert rows["naive2"]["series.owa"] == 1.0
    assert rows["storegate"]["series.owa"] < 0.5
    assert set(rows) == {"storegate", "naive2", "ses", "theta"}


def test_counts_are_scored_by_their_quantiles(tmp_path):
    """Half of the series sell ten times as often: the pooled model knows, and covers what it says."""
    rng = np.random.default_rng(1)
    rates = np.repeat([0.1, 1.0], 60)
    file = tmp_path / "counts.csv"
    units = rng.poisson(rates, (40, 120))
    file.write_text("\n".join([",".join(map(str, range(120))), *(",".join(map(str, row)) for row in units)]) + "\n")
    rows = run("--series", str(file), "--season", "12", "--horizon", "3", "--origins", "1", "--peers", "none")
    assert set(rows) == {"storegate", "history"}
    assert 0 < rows["storegate"]["series.counts.pinball"] < rows["history"]["series.counts.pinball"] * 1.05
    assert rows["storegate"]["series.counts.rmsse"] < rows["history"]["series.counts.rmsse"] * 1.05
    assert rows["storegate"]["series.counts.coverage@80"] == pytest.approx(0.8, abs=0.08)


def test_series_that_never_moved_have_no_scale_and_no_owa(tmp_path):
    train = write(tmp_path / "train.csv", {"a": [5] * 30, "b": [7] * 30})
    rows = run("--series", train, "--test", write(tmp_path / "test.csv", {"a": [5, 5], "b": [7, 7]}), "--season", "4")
    assert rows["storegate"]["series.smape"] == pytest.approx(0, abs=1e-6)
    assert "series.owa" not in rows["storegate"]


def test_naive2_takes_the_season_off_and_puts_it_on_again():
    time = np.arange(48)
    line = 50 * (1 + 0.5 * np.sin(time * np.pi / 6))
    np.testing.assert_allclose(
        naive2([line], 12, 6)[0], 50 * (1 + 0.5 * np.sin(np.arange(48, 54) * np.pi / 6)), rtol=0.01
    )
    np.testing.assert_allclose(naive2([line], 1, 6)[0], line[-1])


def test_a_file_that_does_not_fit_is_named(tmp_path):
    train = write(tmp_path / "train.csv", {"a": [1, 2, 3], "b": [1, 2, 3]})
    with pytest.raises(DataError, match="'b' of train is missing"):
        run("--series", train, "--test", write(tmp_path / "test.csv", {"a": [4]}))
    with pytest.raises(InvalidInput, match="3 origins of 4 periods"):
        run("--series", train, "--horizon", "4")
