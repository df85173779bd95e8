"""The bench at scale from end to end in a very small shop: the figures mean nothing, the document does."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

from loadtests.bench.alone import PREFIX
from loadtests.bench.footprint import Build, array_bytes
from loadtests.bench.report import as_json
from loadtests.bench.scale import TURN, Shop, made_shop, main, questions, run
from loadtests.bench.scale_report import markdown, show
from serving.decisions.recommend.filters import compiled
from serving.decisions.recommend.models import SparseRows
from serving.runtime.process import settle

STAGES = {"profile", "visitor", "sources", "candidates", "score", "page", "pipeline"}
N = 300


@pytest.fixture(scope="module", autouse=True)
def settled() -> None:
    """Every step of a build collects garbage before and after: not among all that earlier tests have left."""
    settle()


def _shop(seed: int) -> Shop:
    return made_shop(N, 100, seed, Build(lambda line: None))


def test_from_the_goods_to_the_document(tmp_path) -> None:
    """Every case at every size of batch with its stages, every source alone, memory, recall and changes."""
    result = run(
        N, visitors=100, seed=0, seconds=0.1, batches=(1, 4), warm=1, say=lambda line: None, command="scale --items 300"
    )
    said = json.loads(as_json(result))
    timed = {(row["name"], row["batch"]): row for row in said["rows"] if "batch" in row}
    others = {row["name"]: row for row in said["rows"] if "batch" not in row}
    for case in (
        "recommended-for-you",
        "others-you-may-like",
        "narrow filter",
        "rare filter",
        "wide filter",
        "new filter",
    ):
        for stage in STAGES:
            for batch in (1, 4):
                row = timed[f"{case}: {stage}", batch]
                assert 0 <= row["micros"] <= row["p90"] <= row["p99"]
                assert row["batches"] >= 1
    assert timed[f"{PREFIX}session", 1]["micros"] > 0
    assert timed[f"{PREFIX}factors", 1]["micros"] > 0
    assert others["recall of factors"] == {"name": "recall of factors", "index": "flat", "k": 40, "recall": 1.0}
    assert others["holds factor vectors"]["mib"] == round(N * 64 * 4 / 2**20, 2)
    assert others["memory"]["pss_mib"] > 0
    assert others["candidate count"]["most"] == 200
    assert others["change: a price"].keys() == {"name", "snapshot_ms", "bind_ms"}
    lines = markdown(result).splitlines()
    assert lines[2].startswith("|")
    assert "| 300 | recommended-for-you | 1 |" in lines[2]
    assert lines[0].count("|") == lines[2].count("|") == 10
    console = Console(width=120, record=True, file=(tmp_path / "shown").open("w"))
    show(result, console)
    text = console.export_text()
    for word in ("recommended-for-you: pipeline", "alone: session", "holds item-item", "build index", "batch 4"):
        assert word in text


def test_the_same_seed_makes_the_same_shop_and_the_same_answers() -> None:
    """And another seed another one."""
    one, same, other = _shop(0), _shop(0), _shop(1)
    assert one.users == same.users
    assert one.blobs == same.blobs != other.blobs
    assert one.catalogue.items == same.catalogue.items != other.catalogue.items
    for name, question in questions(one).items():
        (first,) = one.recommender.run([question(3)], TURN)
        (again,) = same.recommender.run([questions(same)[name](3)], TURN)
        assert np.array_equal(first.rows, again.rows)
        assert np.array_equal(first.scores, again.scores)
        assert len(first.rows) > 0


def test_the_cases_ask_what_their_names_say() -> None:
    """The narrow filter lets few items through and the wide one most; the new one is never the same twice."""
    shop = _shop(0)
    asked = questions(shop)
    world = shop.recommender.world()

    def share(case: str) -> float:
        return float(compiled(asked[case](5).filter).mask(world.catalogue, world.prices).mean())

    assert 0 < share("rare filter") < share("narrow filter") < 0.2
    assert 0.7 < share("wide filter") < 0.9
    assert asked["new filter"](1).filter != asked["new filter"](1).filter
    assert asked["narrow filter"](1).filter == asked["narrow filter"](1).filter
    (answer,) = shop.recommender.run([asked["recommended-for-you"](2)], TURN)
    assert answer.applied_through_s > 0
    assert not answer.degraded


def test_bytes_of_arrays() -> None:
    """Of one, of several in a tuple, of a dataclass of them."""
    one = np.zeros(10, np.int64)
    assert array_bytes(one) == 80
    assert array_bytes((one, one[:5])) == 120
    assert array_bytes(SparseRows(one, np.zeros(3, np.int32), np.zeros(3, np.float32))) == 104
    assert array_bytes("nothing") == 0


def test_too_few_items_are_refused() -> None:
    """The error names the option."""
    found = CliRunner().invoke(main, ["--items", "1"])
    assert found.exit_code == 2
    assert "--items" in found.output
