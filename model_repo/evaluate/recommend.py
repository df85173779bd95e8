"""`storegate evaluate recommend`: how good are the lists that are served, against well-kept baselines.

file | demo store -> Dataset
  |
  +-- cut --> Split: train | truth             from here on only `truth` knows what came after the cut
        |       |
        |       +-- tuning cut --> Split ----> search.py: each baseline's values, the same budget for all
        |       |
        |       +-- purchases ---------------> baselines, fitted with those values --> lists (u, k) --+
        |       |                                                                                     |
        |       +-- known_before() --> train --> a release in a temporary home                        |
        |                                --> loaded as the gateway does, profiles in the stored form   |
        |                                --> Recommender.run(queries at the cut) ------> lists (u, k) -+
        |                                                                                             |
        +-- truth --------------------------------------------------------> metrics.evaluate <--------+
                                                                                 |
                                                                     rows -> table | JSON
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import numpy as np
import numpy.typing as npt

from model_repo.datasets.tables import Dataset
from model_repo.evaluate import metrics
from model_repo.evaluate.baselines import Contender, in_sequence, in_time
from model_repo.evaluate.baselines.interactions import Interactions, from_split
from model_repo.evaluate.knowledge import known_before
from model_repo.evaluate.report import SERVED_NAME, Result, Row
from model_repo.evaluate.search import BUDGET, build, search
from model_repo.evaluate.served import as_lists, served_answers
from model_repo.evaluate.splits import (
    Split,
    leave_last_out,
    sample_users,
    split_at,
    tuning_split,
)
from model_repo.recommend import Plan
from model_repo.train import train
from serving.core.ports import I32
from serving.decisions.recommend.params import Params
from serving.events.types import PURCHASE

TUNING_USERS_MAX = 5000
"""Customers that judge a configuration; more would not change the choice, only the time."""

SEQUENCE_PARAMS = Params(
    half_life_days=2.0, short_half_life_days=1.0, from_repeat=0, from_item_item=120, from_factors=60
)
SEQUENCE_PLAN = Plan(moments=2, step_days=1.0, horizon_days=1.0, groups_max=20_000)
"""Sequences lie on a clock of one item a day (datasets/sequences.py) and never repeat: the settings of such a shop."""

Say = Callable[[str], None]
"""Takes one line about what is being done."""


@dataclass(frozen=True, slots=True)
class Task:
    """The question and what may answer it."""

    protocol: str
    test: Split
    tuning: Split
    contenders: tuple[Contender, ...]
    sequences: bool
    """The history is left out of every list, and ages are in items."""
    params: Params = field(default_factory=Params)
    plan: Plan = field(default_factory=Plan)
    """How the served pipeline is trained and asked."""


def next_basket(dataset: Dataset, cut_s: int) -> Task:
    """One global cut in time; see splits.py."""
    when = datetime.fromtimestamp(cut_s, UTC).strftime("%Y-%m-%d %H:%M")
    return Task(
        f"nothing after {when} UTC is known; the truth is each known customer's first basket after it",
        split_at(dataset.events, cut_s),
        tuning_split(dataset.events, cut_s),
        in_time(),
        sequences=False,
    )


def next_item(dataset: Dataset) -> Task:
    """Leave-last-out over sequences."""
    return Task(
        "the truth is each sequence's last item (values chosen on the last but one), ranked among all items",
        leave_last_out(dataset.events, 1),
        leave_last_out(dataset.events, 2),
        in_sequence(),
        sequences=True,
        params=SEQUENCE_PARAMS,
        plan=SEQUENCE_PLAN,
    )


def evaluate(
    dataset: Dataset, task: Task, *, ks: Sequence[int], seed: int, budget: int = BUDGET, say: Say, command: str
) -> Result:
    """The served row and one row for each baseline that can run here."""
    began = perf_counter()
    k = max(ks)
    test = task.test
    bought = had_before(test)
    n_catalogue = len(np.unique(test.train.item))

    def row(name: str, lists: I32, since: float, **more: object) -> Row:
        found = metrics.evaluate(lists, test.truth_ptr, test.truth, bought, n_catalogue, ks)
        return Row(name, found, perf_counter() - since, **more)  # type: ignore[arg-type]

    say("training and publishing the served pipeline")
    since = perf_counter()
    rows = [row(SERVED_NAME, served_lists(dataset, task, k, seed, say), since)]
    notes = ["no list holds an item of that customer's history"] if task.sequences else []
    judged_by = sample_users(task.tuning, TUNING_USERS_MAX, seed)
    early, known = _purchases(dataset, task.tuning, task), _purchases(dataset, test, task)
    for contender in task.contenders:
        if contender.missing:
            notes.append(f"no row for {contender.name}: {contender.missing}")
            continue
        chosen = search(contender, early, judged_by, seed=seed, budget=budget, progress=say)
        since = perf_counter()
        method = build(contender, chosen.values, seed)
        method.fit(known)
        rows.append(row(contender.name, method.recommend(known.of_users(test.users), k), since, chosen=chosen))
    return Result(
        command, dataset.name, dataset.sha256, seed, task.protocol, counts(test, bought, n_catalogue), rows,
        perf_counter() - began, notes,
    )  # fmt: skip


def served_lists(dataset: Dataset, task: Task, k: int, seed: int, say: Say) -> I32:
    """(u, k) item numbers of `dataset`: train on what was known, publish, load, ask at the cut."""
    test = task.test
    past, _ = known_before(dataset, test.train)
    row_of = {item.item_id: row for row, item in enumerate(dataset.items)}
    users = [dataset.users[user] for user in test.users]
    exclude = histories(dataset, test) if task.sequences else ()
    with tempfile.TemporaryDirectory(prefix="storegate-evaluate-") as folder:
        home = Path(folder)
        train(
            home,
            past,
            seed=seed,
            progress=lambda what, done, total: say(f"served: {what} {done}/{total}"),
            plan=task.plan,
            params=task.params,
        )
        answers = served_answers(home, users, now_s=test.now_s, page_size=k, exclude=exclude, params=task.params)
    return as_lists(answers, row_of, k)


def histories(dataset: Dataset, split: Split) -> list[tuple[str, ...]]:
    """The ids of everything each evaluated customer had before."""
    mine: dict[int, list[str]] = {int(user): [] for user in split.users}
    for user, item in zip(split.train.user.tolist(), split.train.item.tolist(), strict=True):
        if user in mine:
            mine[user].append(dataset.items[item].item_id)
    return [tuple(dict.fromkeys(mine[int(user)])) for user in split.users]


def had_before(split: Split) -> npt.NDArray[np.bool_]:
    """(t,) whether the truth's customer had bought that item in the training rows."""
    past = split.train.where((split.train.type == PURCHASE) & (split.train.user >= 0))
    width = np.int64(max(past.item.max(initial=0), split.truth.max(initial=0)) + 1)
    owner = np.repeat(split.users, np.diff(split.truth_ptr)).astype(np.int64)
    held: npt.NDArray[np.bool_] = np.isin(owner * width + split.truth, past.user.astype(np.int64) * width + past.item)
    return held


def counts(split: Split, bought: npt.NDArray[np.bool_], n_catalogue: int) -> dict[str, int]:
    """How many rows, customers and items the figures stand on."""
    return {
        "training_rows": len(split.train),
        "customers_evaluated": len(split),
        "new_customers_left_out": split.unknown_users,
        "items": n_catalogue,
        "truth_items": len(split.truth),
        "truth_items_repeat": int(bought.sum()),
        "truth_items_never_seen": int((~np.isin(split.truth, split.train.item)).sum()),
    }


def _purchases(dataset: Dataset, split: Split, task: Task) -> Interactions:
    return from_split(split, len(dataset.users), len(dataset.items), sequences=task.sequences)
