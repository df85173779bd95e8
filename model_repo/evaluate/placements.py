"""Every placement judged by a question of its own, beside what popularity would have shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from model_repo.cases import next_visit, rest_of_basket
from model_repo.datasets.tables import Dataset
from model_repo.evaluate import metrics
from model_repo.evaluate.asked import shop_at
from model_repo.evaluate.recommend import Task, counts, had_before
from model_repo.evaluate.report import SERVED_NAME, Result, Row
from model_repo.histories import Histories
from serving.core.ports import I32
from serving.decisions.recommend import contract
from serving.decisions.recommend.contract import EXPLAIN_NONE, Query
from serving.events.types import PURCHASE
from serving.kernels.history import DAY_S

K = 10
CASES_MAX = 2000
"""Questions a placement, drawn with the seed."""
WINDOW_DAYS = 28.0
BESIDE_ITEMS = (
    contract.OTHERS_YOU_MAY_LIKE,
    contract.SIMILAR_ITEMS,
    contract.FREQUENTLY_BOUGHT_TOGETHER,
    contract.COMPLETE_THE_BASKET,
)
"""Judged by the rest of a basket of which some is given."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """Questions and what came true. truth: item numbers each."""

    queries: list[Query]
    truth: list[I32]

    def of(self, placement: str) -> list[Query]:
        """The questions, put for a placement."""
        return [replace(query, placement=placement, page_size=K, explain=EXPLAIN_NONE) for query in self.queries]


def placements(dataset: Dataset, task: Task, *, seed: int, say: Say, command: str) -> Result:
    """One row a placement: NDCG@10, HR@10 and the same of the most popular items (`_popular`), for questions it is for.

    Beside items: the rest of a basket, given a part. Personal ones: the next basket, its repeated items for
    buy-it-again; recently-viewed: what is looked at in the next visit. A placement for which the data has no question
    (no views, no list prices) has no row, and a note says so.
    """
    began = perf_counter()
    split = task.test
    users = [dataset.users[user] for user in split.users]
    truth = np.split(split.truth, split.truth_ptr[1:-1])
    again = np.split(had_before(split), split.truth_ptr[1:-1])
    plain = Asked([Query(user_id=user) for user in users], truth)
    repeated = [
        (query, items[some]) for query, items, some in zip(plain.queries, truth, again, strict=True) if some.any()
    ]
    asked: dict[str, Asked] = {
        contract.RECOMMENDED_FOR_YOU: plain,
        contract.BUY_IT_AGAIN: Asked([q for q, _ in repeated], [t for _, t in repeated]),
        contract.TRENDING_NOW: plain,
    }
    cases = rest_of_basket(dataset, _histories(dataset), split.now_s, split.now_s + WINDOW_DAYS * DAY_S, seed)
    named = [replace(q, user_id=dataset.users[int(q.user_id)] if q.user_id else "") for q in cases.queries]
    asked |= dict.fromkeys(BESIDE_ITEMS, _some(Asked(named, cases.truth), seed))
    visits = next_visit(dataset, _histories(dataset), split.now_s, split.now_s + WINDOW_DAYS * DAY_S, seed)
    seen = [replace(q, user_id=dataset.users[int(q.user_id)]) for q in visits.queries]
    asked[contract.RECENTLY_VIEWED] = _some(Asked(seen, visits.truth), seed)
    notes = [f"no row for {name}: the data has no question for it" for name, some in asked.items() if not some.queries]
    notes.append("no row for on-sale: prices of the past are not kept")
    popular = _popular(dataset, split.now_s)
    say("training and publishing the served pipeline")
    rows = []
    with shop_at(dataset, split, task.plan, task.params, seed) as shop:
        for name, some in asked.items():
            if not some.queries:
                continue
            since = perf_counter()
            found = _figures(shop.ask(some.of(name), K), some.truth)
            base = _figures(np.tile(popular, (len(some.queries), 1)), some.truth)
            figures = {**found, **{f"{key}_popular": value for key, value in base.items()}}
            figures["questions"] = float(len(some.queries))
            row = SERVED_NAME if name == contract.RECOMMENDED_FOR_YOU else name
            rows.append(Row(row, figures, perf_counter() - since))
            say(f"{name}: NDCG@{K} {found[f'ndcg@{K}']:.4f}, popularity {base[f'ndcg@{K}']:.4f}")
    return Result(
        command, dataset.name, dataset.sha256, seed, task.protocol, counts(split), rows, perf_counter() - began, notes
    )


def _histories(dataset: Dataset) -> Histories:
    return Histories.of(dataset)


def _some(asked: Asked, seed: int) -> Asked:
    """At most CASES_MAX of them."""
    if len(asked.queries) <= CASES_MAX:
        return asked
    chosen = np.sort(np.random.default_rng(seed).choice(len(asked.queries), CASES_MAX, replace=False)).tolist()
    return Asked([asked.queries[i] for i in chosen], [asked.truth[i] for i in chosen])


def _popular(dataset: Dataset, now_s: float) -> I32:
    """(K,) the most bought items of the four weeks before."""
    events = dataset.events
    recent = (events.type == PURCHASE) & (events.time_s < now_s) & (events.time_s >= now_s - WINDOW_DAYS * DAY_S)
    count = np.bincount(events.item[recent], minlength=len(dataset.items))
    return np.argsort(-count, kind="stable")[:K].astype(np.int32)


def _figures(lists: I32, truth: Sequence[I32]) -> dict[str, float]:
    size = np.array([len(items) for items in truth])
    hits = metrics.hits_of(lists, np.repeat(np.arange(len(lists)), size), np.concatenate(list(truth)))
    each = metrics.per_customer(hits, size, K)
    return {f"{name}@{K}": float(values.mean()) for name, values in each.items()}
