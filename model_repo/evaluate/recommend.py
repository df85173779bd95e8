"""`storegate evaluate recommend`: how good are the lists that are served, against well-kept baselines.

file | demo store -> Dataset
  |                                            (next-week: once for each of several cuts; figures are means over them)
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
from dataclasses import dataclass, field, replace
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
from model_repo.evaluate.search import BUDGET, Chosen, Fold, Say, build, search
from model_repo.evaluate.served import as_lists, served_answers
from model_repo.evaluate.splits import (
    Split,
    leave_last_out,
    sample_users,
    split_at,
    tuning_split,
    week_after,
    weeks_before,
)
from model_repo.recommend import Plan
from model_repo.retrievers import Recipe
from model_repo.train import train
from model_repo.transitions.build import Params as Transitions
from serving.core.ports import F32, I32
from serving.decisions.recommend.params import Params
from serving.events.types import PURCHASE

TUNING_USERS_MAX = 5000
"""Customers that judge a configuration; more would not change the choice, only the time."""

SEQUENCE_PARAMS = Params(
    candidates=240, half_life_days=2.0, short_half_life_days=1.0, from_repeat=0, from_item_item=60, from_factors=40,
    from_transitions=100, from_session=40, from_fresh=0,
)  # fmt: skip
SEQUENCE_PLAN = Plan(
    moments=1, step_days=1.0, horizon_days=1.0, groups_max=20_000, recipe=Recipe(transitions=Transitions(gap_max=30))
)
"""Sequences lie on a clock of one item a day (datasets/sequences.py) and never repeat: the settings of such a shop."""

FIXED = "the served pipeline runs with its defaults, fixed before the test split was read"


@dataclass(frozen=True, slots=True)
class Task:
    """The question and what may answer it."""

    protocol: str
    test: Split
    tuning: tuple[Split, ...]
    """On which values are chosen; the mean over them decides."""
    contenders: tuple[Contender, ...]
    sequences: bool
    """The history is left out of every list, and ages are in items."""
    params: Params = field(default_factory=Params)
    plan: Plan = field(default_factory=Plan)
    """How the served pipeline is trained and asked."""
    vectors: F32 | None = None
    """(items of the dataset, d) of length one, or zeros: for every row's intra-list distance; None = no such line."""


def next_basket(dataset: Dataset, cut_s: int) -> Task:
    """One global cut in time; see splits.py."""
    when = datetime.fromtimestamp(cut_s, UTC).strftime("%Y-%m-%d %H:%M")
    return Task(
        f"nothing after {when} UTC is known; the truth is each known customer's first basket after it",
        split_at(dataset.events, cut_s),
        (tuning_split(dataset.events, cut_s),),
        in_time(),
        sequences=False,
    )


def next_week(dataset: Dataset, cut_s: int, weeks: int = 1) -> Task:
    """Everything bought in the 7 days after a cut in time, tuned on the same question `weeks` weeks before it."""
    when = datetime.fromtimestamp(cut_s, UTC).strftime("%Y-%m-%d %H:%M")
    return Task(
        f"nothing after {when} UTC is known; the truth is everything each known customer buys in the next 7 days",
        week_after(dataset.events, cut_s),
        weeks_before(dataset.events, cut_s, weeks),
        in_time(),
        sequences=False,
    )


def next_item(dataset: Dataset) -> Task:
    """Leave-last-out over sequences."""
    return Task(
        "the truth is each sequence's last item (values chosen on the last but one), ranked among all items",
        leave_last_out(dataset.events, 1),
        (leave_last_out(dataset.events, 2),),
        in_sequence(),
        sequences=True,
        params=SEQUENCE_PARAMS,
        plan=SEQUENCE_PLAN,
    )


def evaluate(
    dataset: Dataset, task: Task, *, ks: Sequence[int], seed: int, budget: int = BUDGET, say: Say, command: str,
    tune_served: bool = False,
) -> Result:  # fmt: skip
    """The served row and one row for each baseline that can run here."""
    return evaluate_cuts(
        [(dataset, task)], ks=ks, seed=seed, budget=budget, say=say, command=command, tune_served=tune_served
    )


def evaluate_cuts(
    cuts: Sequence[tuple[Dataset, Task]], *, ks: Sequence[int], seed: int, budget: int = BUDGET, say: Say,
    command: str, tune_served: bool = False,
) -> Result:  # fmt: skip
    """The same question at several cuts, oldest first: every method learns anew at each, figures are means over them.

    Values are chosen once, before the oldest cut, so that no cut's truth is seen by any choice.
    """
    began = perf_counter()
    k, (oldest, first) = max(ks), cuts[0]
    notes = ["no list holds an item of that customer's history"] if first.sequences else []
    chosen: Chosen | None = None
    if tune_served:
        from model_repo.evaluate.served_search import tuned  # asks this module for lists

        chosen, plan, params = tuned(oldest, first, seed=seed, budget=budget, say=say)
        cuts = [(dataset, replace(task, plan=plan, params=params)) for dataset, task in cuts]
    else:
        notes.append(FIXED)
    say("training and publishing the served pipeline")
    rows = [_row(SERVED_NAME, cuts, ks, lambda dataset, task: served_lists(dataset, task, k, seed, say), chosen)]
    judged_by = [sample_users(split, TUNING_USERS_MAX, seed) for split in first.tuning]
    folds = [Fold(_purchases(oldest, split, first), split) for split in judged_by]
    for contender in first.contenders:
        if contender.missing:
            notes.append(f"no row for {contender.name}: {contender.missing}")
            continue
        found = search(contender, folds, seed=seed, budget=budget, progress=say)

        def lists(dataset: Dataset, task: Task, contender: Contender = contender, found: Chosen = found) -> I32:
            method, known = build(contender, found.values, seed), _purchases(dataset, task.test, task)
            method.fit(known)
            return method.recommend(known.of_users(task.test.users), k)

        rows.append(_row(contender.name, cuts, ks, lists, found))
    return Result(
        command, oldest.name, oldest.sha256, seed, _question(cuts), _totals([counts(task.test) for _, task in cuts]),
        rows, perf_counter() - began, notes,
    )  # fmt: skip


def _row(
    name: str,
    cuts: Sequence[tuple[Dataset, Task]],
    ks: Sequence[int],
    lists: Callable[[Dataset, Task], I32],
    chosen: Chosen | None,
) -> Row:
    """A method's figures, the mean over the cuts where it has one."""
    since = perf_counter()
    each = []
    for dataset, task in cuts:
        test = task.test
        given = lists(dataset, task)
        each.append(
            metrics.evaluate(
                given, test.truth_ptr, test.truth, had_before(test), len(np.unique(test.train.item)), ks, task.vectors
            )
        )
    names = dict.fromkeys(name for figures in each for name in figures)
    means = {name: float(np.mean([figures[name] for figures in each if name in figures])) for name in names}
    return Row(name, means, perf_counter() - since, chosen)


def _question(cuts: Sequence[tuple[Dataset, Task]]) -> str:
    _, last = cuts[-1]
    return last.protocol if len(cuts) == 1 else f"{last.protocol}; mean of {len(cuts)} cuts, 7 days apart"


def _totals(each: Sequence[dict[str, int]]) -> dict[str, int]:
    """Sums over the cuts, but for what one training stands on: the newest cut's."""
    return {
        name: each[-1][name] if name in ("training_rows", "items") else sum(one[name] for one in each)
        for name in each[0]
    }


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
            decisions=False,
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


def counts(split: Split) -> dict[str, int]:
    """How many rows, customers and items the figures stand on."""
    return {
        "training_rows": len(split.train),
        "customers_evaluated": len(split),
        "new_customers_left_out": split.unknown_users,
        "items": len(np.unique(split.train.item)),
        "truth_items": len(split.truth),
        "truth_items_repeat": int(had_before(split).sum()),
        "truth_items_never_seen": int((~np.isin(split.truth, split.train.item)).sum()),
    }


def _purchases(dataset: Dataset, split: Split, task: Task) -> Interactions:
    return from_split(split, len(dataset.users), len(dataset.items), sequences=task.sequences)
