"""Network against trees: no answer of the judge's time is learned from, the better try is taken, both can be served."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from click.testing import CliRunner

from model_repo.datasets.demo_store import generate
from model_repo.datasets.tables import Dataset
from model_repo.evaluate.rankers import Found, main, moments_of, rankers, stages
from model_repo.examples import Examples
from model_repo.factors import build as factors
from model_repo.ranker import build, compare, trees
from model_repo.ranker.compare import FOREST, MORE, NET, Line, Stage, winner
from model_repo.recommend import Plan
from model_repo.retrievers import Recipe
from serving.core.errors import InvalidInput

PLAN = Plan(
    moments=4, step_days=12, groups_max=200, negatives_max=30, recipe=Recipe(factors=factors.Params(d=8, epochs=2))
)
NAMES = ("a", "b", "c")


@pytest.fixture(scope="module")
def shop() -> Dataset:
    return generate(items=150, customers=300, days=120, seed=3)


def quiet(line: str) -> None:
    """Says nothing."""


@pytest.mark.parametrize("kind", ["next-basket", "basket"])
def test_a_stage_knows_nothing_of_its_judges_time(shop: Dataset, kind: str) -> None:
    """Another world from the last moment on: the same stage to choose on, the same examples to learn from, and only
    the judge of the last stage sees it."""
    (*_, report_s), _ = moments_of(shop, PLAN)
    events = shop.events
    items = np.where(events.time_s >= report_s, 149 - events.item, events.item).astype(np.int32)
    other = replace(shop, events=replace(events, item=items))
    found = [stages(data, kind, PLAN, seed=0, say=quiet) for data in (shop, other)]
    (first, last), (first_again, last_again) = found
    for one, two in (
        (first.known, first_again.known),
        (first.judge, first_again.judge),
        (last.known, last_again.known),
    ):
        np.testing.assert_array_equal(one.features, two.features)
        np.testing.assert_array_equal(one.labels, two.labels)
    assert not np.array_equal(last.judge.labels, last_again.judge.labels)
    assert len(last.known) > len(first.known) > 0


def test_an_answer_of_the_first_judges_time_is_not_learned_from(shop: Dataset) -> None:
    """Nor does the stage that chooses learn from what happened after its judge was asked."""
    (*_, choose_s, _), _ = moments_of(shop, PLAN)
    events = shop.events
    items = np.where(events.time_s >= choose_s, 149 - events.item, events.item).astype(np.int32)
    first, _ = stages(shop, "next-basket", PLAN, seed=0, say=quiet)
    again, _ = stages(replace(shop, events=replace(events, item=items)), "next-basket", PLAN, seed=0, say=quiet)
    np.testing.assert_array_equal(first.known.features, again.known.features)
    np.testing.assert_array_equal(first.known.labels, again.known.labels)
    assert not np.array_equal(first.judge.labels, again.judge.labels)


def test_a_short_history_is_refused(shop: Dataset) -> None:
    """With how long it is."""
    early = shop.events.where(shop.events.time_s < shop.events.time_s[0] + 20 * 86_400)
    with pytest.raises(InvalidInput, match="20 days"):
        moments_of(replace(shop, events=early), PLAN)


def groups(n: int, seed: int) -> Examples:
    """Groups of 5 to 14 candidates; the bought one is decided by max(b, -b) + c."""
    rng = np.random.default_rng(seed)
    offsets = np.concatenate(([0], np.cumsum(rng.integers(5, 15, n)))).astype(np.int64)
    x = rng.standard_normal((offsets[-1], 3)).astype(np.float32)
    labels = np.zeros(len(x), np.float32)
    for lo, hi in pairwise(offsets):
        labels[lo + np.argmax(np.abs(x[lo:hi, 1]) * 2 + x[lo:hi, 2])] = 1.0
    return Examples(x, labels, offsets)


def test_the_better_try_of_each_kind_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that hardly learns and a tree that is a stump lose to their neighbours; every row is a served model."""
    nets = (build.Params(epochs=1, learning_rate=1e-6), build.Params(epochs=6, batch_groups=16))
    forests = (trees.Params(leaves=2, learning_rate=1e-3), trees.Params(leaves=8, leaf_rows=20))
    monkeypatch.setattr(compare, "NETS", nets)
    monkeypatch.setattr(compare, "TREES", forests)
    monkeypatch.setattr(compare, "ROUNDS", 5)
    stage = Stage(groups(400, 0), groups(200, 1))
    lines = compare.compare(stage, Stage(groups(500, 2), groups(200, 3)), NAMES, seed=0, say=quiet)
    assert [line.name for line in lines] == [NET, FOREST, MORE]
    assert [line.tried for line in lines] == [2, 2, 1]
    assert lines[0].values["epochs"] == 6
    assert lines[1].values["leaves"] == 8
    assert all(line.micros > 0 for line in lines)
    assert all(line.ndcg > 0.5 for line in lines)


def test_both_kinds_have_as_many_tries() -> None:
    """And all networks are of one size, which is the time that the trees may take."""
    assert len(compare.NETS) == len(compare.TREES)
    assert len({params.nets * params.hidden[0] for params in compare.NETS}) == 1


def line(name: str, ndcg: float) -> Line:
    return Line(name, {"leaves": 8}, ndcg, 0.25, 30.0, 6, 1.5)


@pytest.mark.parametrize(("net", "forest", "wins"), [(0.3, 0.31, FOREST), (0.31, 0.3, NET), (0.3, 0.3, NET)])
def test_the_better_one_wins_whatever_more_trees_could_do(net: float, forest: float, wins: str) -> None:
    """The row that may take any time is for information."""
    assert winner([line(NET, net), line(FOREST, forest), line(MORE, 0.9)]) == wins


@pytest.mark.parametrize("as_json", [False, True])
def test_what_is_printed(
    shop: Dataset, as_json: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One JSON object, or a table that names the winner; the figures are those that were found."""
    found = Found([line(NET, 0.3125), line(FOREST, 0.25)], NET, {"choosing_known": 1234})
    monkeypatch.setattr("model_repo.evaluate.rankers.evaluate", lambda *_, **__: found)
    main(shop, "basket", seed=7, as_json=as_json, say=quiet)
    out = capsys.readouterr().out
    if as_json:
        said = json.loads(out)
        assert (said["winner"], said["kind"], said["seed"]) == (NET, "basket", 7)
        assert said["rows"][0]["ndcg@10"] == 0.3125
        assert said["groups"] == {"choosing_known": 1234}
    else:
        assert "0.3125" in out
        assert "1,234" in out
        assert "better at equal latency: net" in out


def test_the_command_asks_for_one_source() -> None:
    """And shows how it is used."""
    assert "exactly one of" in CliRunner().invoke(rankers, []).output
    assert "storegate evaluate rankers --demo" in CliRunner().invoke(rankers, ["--help"]).output
