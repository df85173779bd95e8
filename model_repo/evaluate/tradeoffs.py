"""What an objective or diversity costs in relevance, and what it brings: the same release, asked in many ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

import numpy as np

from model_repo.datasets.tables import Dataset
from model_repo.evaluate import metrics
from model_repo.evaluate.asked import Shop, shop_at
from model_repo.evaluate.recommend import Task, counts, had_before
from model_repo.evaluate.report import SERVED_NAME, Result, Row
from serving.core.ports import I32
from serving.decisions.recommend.contract import EXPLAIN_NONE, Query
from serving.decisions.recommend.params import DIVERSIFIERS

K = 10
WEIGHTS = (0.1, 0.2, 0.35, 0.5, 0.75, 1.0)
DIVERSITIES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6)
OBJECTIVES = ("revenue", "margin")

Say = Callable[[str], None]


def tradeoffs(dataset: Dataset, task: Task, *, seed: int, say: Say, command: str) -> Result:
    """One row a way of asking: plain, each objective at each weight, each diversifier at each diversity.

    price@10: mean price of what is shown; revenue@10: what a customer paid for shown items in the truth; both in minor
    units. ild@10: mean distance of two items of a page by their words.
    """
    began = perf_counter()
    split = task.test
    users = [dataset.users[user] for user in split.users]
    say("training and publishing the served pipeline")
    rows = []
    with shop_at(dataset, split, task.plan, task.params, seed) as shop:
        plain = Query(page_size=K, explain=EXPLAIN_NONE)
        for name, query, method in _ways(plain, task.params.diversifier):
            since = perf_counter()
            params = replace(task.params, diversifier=method)
            lists = shop.ask([replace(query, user_id=user) for user in users], K, params)
            rows.append(Row(name, _figures(dataset, task, shop, lists), perf_counter() - since))
            say(f"{name}: NDCG@{K} {rows[-1].metrics[f'ndcg@{K}']:.4f}")
    return Result(
        command, dataset.name, dataset.sha256, seed, task.protocol, counts(split), rows, perf_counter() - began
    )


def _ways(plain: Query, method: str) -> list[tuple[str, Query, str]]:
    """(name, query, diversifier)."""
    ways = [(SERVED_NAME, plain, method)]
    for objective in OBJECTIVES:
        for weight in WEIGHTS:
            query = replace(plain, objective=objective, objective_weight=weight)
            ways.append((f"{objective} {weight:g}", query, method))
    for name in DIVERSIFIERS:
        ways += [(f"{name} {diversity:g}", replace(plain, diversity=diversity), name) for diversity in DIVERSITIES]
    return ways


def _figures(dataset: Dataset, task: Task, shop: Shop, lists: I32) -> dict[str, float]:
    split = task.test
    found = metrics.evaluate(
        lists, split.truth_ptr, split.truth, had_before(split), len(np.unique(split.train.item)), (K,), shop.vectors
    )
    price = np.array([item.price for item in dataset.items], np.float64)
    shown = lists >= 0
    owner = np.repeat(np.arange(len(lists)), np.diff(split.truth_ptr))
    hits = metrics.hits_of(lists, owner, split.truth)
    found[f"price@{K}"] = float(price[lists[shown]].mean()) if shown.any() else 0.0
    found[f"revenue@{K}"] = float((price[lists] * hits).sum() / max(len(lists), 1))
    return found
