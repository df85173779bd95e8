"""The evaluation end to end: the served row is the gateway's own answers, and nothing after the cut reaches it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from model_repo.datasets.demo_store import generate
from model_repo.datasets.tables import Dataset
from model_repo.evaluate import recommend as flow
from model_repo.evaluate.cli import dataset_of, evaluate
from model_repo.evaluate.knowledge import known_before
from model_repo.evaluate.report import as_json
from model_repo.evaluate.served import served_answers
from model_repo.evaluate.splits import HOLDOUT_DAYS, cut_before_end
from model_repo.recommend import Plan
from model_repo.train import train
from serving.core.clock import SystemClock
from storegate.client import Client

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("STOREGATE_DATA", ROOT.parent / "shared" / "data"))
SMALL = Plan(moments=2)
START_S_MAX = 120.0
COMPARED = 200


@pytest.fixture(scope="module")
def shop() -> Dataset:
    return generate(items=300, customers=1200, days=120, seed=5)


@pytest.fixture(scope="module")
def task(shop: Dataset) -> flow.Task:
    return replace(flow.next_basket(shop, cut_before_end(shop.events)), plan=SMALL)


def silent(line: str) -> None:
    """Progress is not looked at here."""


def test_the_served_pipeline_beats_popularity_and_every_row_has_every_figure(shop, task):
    """A small demo store; the same metric keys in every row, all of them shares; one JSON object."""
    result = flow.evaluate(shop, task, ks=(5, 10), seed=0, budget=2, say=silent, command="evaluate recommend")
    found = json.loads(as_json(result))
    rows = {row["name"]: row for row in found["rows"]}
    assert [row["name"] for row in found["rows"] if row["served"]] == ["served"]
    assert {"popularity", "item-knn", "personal-top"} <= rows.keys()
    assert rows["served"]["ndcg@10"] > rows["popularity"]["ndcg@10"]
    for row in rows.values():
        for key in ("ndcg@5", "ndcg@10", "recall@10", "hr@10", "ndcg@10_repeat", "ndcg@10_explore", "coverage@10"):
            assert 0.0 <= row[key] <= 1.0
    assert found["counts"]["customers_evaluated"] == len(task.test)


def test_what_happens_after_the_cut_changes_no_answer(shop, task):
    """Other items, prices and stock after the cut, in the events and in the catalogue: the lists are the same."""
    cut_s = task.test.now_s
    later = shop.events.time_s >= cut_s
    rng = np.random.default_rng(0)
    events = replace(
        shop.events,
        item=np.where(later, rng.integers(0, len(shop.items), len(later)), shop.events.item).astype(np.int32),
        price=np.where(later, 1, shop.events.price),
    )
    items = tuple(replace(item, price=item.price + 500, stock={"here": (0, 0)}) for item in shop.items)
    other = replace(shop, events=events, items=items)
    changed = replace(flow.next_basket(other, cut_s), plan=SMALL)
    shared = np.intersect1d(task.test.users, changed.test.users)
    before = flow.served_lists(shop, task, 10, 0, silent)[np.isin(task.test.users, shared)]
    after = flow.served_lists(other, changed, 10, 0, silent)[np.isin(changed.test.users, shared)]
    assert len(shared) > 100
    assert np.array_equal(before, after)


def test_two_hundred_answers_are_those_of_a_running_gateway(shop, task, tmp_path):
    """The same release, over gRPC from `storegate serve --local` and from the evaluation's own call."""
    past, _ = known_before(shop, task.test.train)
    train(tmp_path, past, seed=0, plan=SMALL)
    users = [shop.users[user] for user in task.test.users[:COMPARED]]
    assert len(users) == COMPARED
    asked, degraded = {}, []
    with Serving(tmp_path) as target, Client(target, timeout_s=5.0) as client:
        for user in users:
            answer = client.recommend(user, page_size=20)
            asked[user] = [result.item_id for result in answer.results]
            degraded += list(answer.serving_info.degraded)
    expected = served_answers(tmp_path, users, now_s=SystemClock().wall(), page_size=20)
    assert degraded == []
    same = [asked[user] == list(answer) for user, answer in zip(users, expected, strict=True)]
    assert all(same), f"{same.count(False)} of {COMPARED} answers differ"


def test_the_command_prints_one_json_object_and_nothing_else(tmp_path):
    """Sequences, leave-last-out: two rings that everybody walks along, so the next item is known from the last."""
    path = tmp_path / "rings.txt"
    rings = [[f"{'ab'[user % 2]}{(user // 2 + step) % 12}" for step in range(7)] for user in range(240)]
    path.write_text("".join(f"u{user} {' '.join(ring)}\n" for user, ring in enumerate(rings)))
    outcome = CliRunner().invoke(
        evaluate, ["recommend", "--sequences", str(path), "-k", "10", "--budget", "2", "--json"]
    )
    assert outcome.exit_code == 0, outcome.exception
    found = json.loads(outcome.stdout)
    rows = {row["name"]: row for row in found["rows"]}
    assert rows["transitions"]["hr@10"] == 1.0
    assert rows["served"]["hr@10"] > rows["popularity"]["hr@10"]
    assert found["data"]["name"] == "rings"
    assert "transitions" in outcome.stderr


def test_online_retail_is_beaten_in_ndcg_at_10():
    """The issue's own measure with less training and a smaller search: the served row is above every baseline."""
    path = DATA / "online_retail" / "online_retail.csv.gz"
    if not path.exists():
        pytest.skip(f"{path} is not here; UCI Machine Learning Repository, Online Retail")
    dataset, cut_s = dataset_of(path, None, 0, None, HOLDOUT_DAYS, silent)
    task = replace(flow.next_basket(dataset, cut_s), plan=SMALL)
    result = flow.evaluate(dataset, task, ks=(10, 20), seed=0, budget=2, say=silent, command="evaluate recommend")
    ndcg = {row.name: row.metrics["ndcg@10"] for row in result.rows}
    served = ndcg.pop("served")
    assert served > max(ndcg.values()), (served, ndcg)
    assert ndcg["personal-top"] > 0.29
    assert result.counts["customers_evaluated"] == 1297


class Serving:
    """`storegate serve --local` on free ports, as a process of its own; ended by its id."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def __enter__(self) -> str:
        from serving.runtime.home import replicas

        ports = ["--grpc-port", "0", "--http-port", "0", "--admin-port", "0"]
        self._log = (self._home / "serve.log").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "serving.cli", "serve", "--local", "--home", str(self._home), *ports],
            cwd=ROOT,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        until = time.monotonic() + START_S_MAX
        while not (running := replicas(self._home)):
            if self._process.poll() is not None or time.monotonic() > until:
                self.__exit__()
                pytest.fail("the gateway did not start: " + (self._home / "serve.log").read_text()[-2000:])
            with suppress(subprocess.TimeoutExpired):  # looks again in a tenth of a second, or when it has ended
                self._process.wait(0.1)
        address = running[0].addresses
        target = f"{address.host}:{address.grpc_port}"
        with Client(target, timeout_s=START_S_MAX) as client:
            client.ping()
        return target

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)
        self._log.close()
