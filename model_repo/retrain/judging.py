"""The newest slice of the data, and what two releases answer there.

Nothing that either release has learnt may lie in the slice. The new one is trained on what lies before it. The live one
was trained before: so only what came after its newest event can be the slice, and not all of that, or the new release
would be judged without having learnt anything new: the slice is the newest `holdout_days`, at most half of what the
live release has not seen. Where too few customers buy in it, all that the live release has not seen is the slice; where
they are too few even then, nothing is compared and the live release stays.
(Training the live recipe again on the older part would be no other yardstick: it is the same recipe, so every
comparison would be a draw.)

Each release is asked as the gateway would ask it: with the catalogue as of the cut, and with the profiles that it would
find there. What the live release finds is its own history and the log; what the new one finds is what it brings along.
Stock is of today, so both are asked without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

import numpy as np

from model_repo.datasets.tables import Dataset, EventTable
from model_repo.evaluate import metrics
from model_repo.evaluate.recommend import had_before
from model_repo.evaluate.served import StoredHistory, answers, as_lists
from model_repo.evaluate.splits import Split, sample_users, split_at
from model_repo.retrain.comparing import METRIC, Comparison, K, compare
from model_repo.train import profiles
from serving.adapters.model_loader import Loaded
from serving.core.catalogue import Catalogue, Item
from serving.core.errors import InvalidInput
from serving.core.ports import I32, ProfileStore
from serving.core.retraining import DAY_S, RetrainParams
from serving.decisions.recommend.params import Params

CUSTOMERS_MAX: Final = 5000
"""Who are asked; drawn with the seed where there are more. More would narrow the interval little."""
KS: Final = (10, K)
TOO_LITTLE: Final = "TOO_LITTLE_DATA"


def cut_of(events: EventTable, live_through_s: int, rules: RetrainParams) -> int:
    """Epoch seconds at which the slice begins; it ends with the data. Raises InvalidInput (TOO_LITTLE_DATA)."""
    end_s = int(events.time_s[-1]) + 1 if len(events) else 0
    unseen_s = live_through_s + 1
    if end_s <= unseen_s:
        raise InvalidInput(
            "events",
            f"none after {_when(live_through_s)}",
            "events that the live release has not learnt from: is the log moved to the archive?",
            reason=TOO_LITTLE,
        )
    wanted = max(end_s - round(rules.holdout_days * DAY_S), (unseen_s + end_s) // 2)
    for cut_s in (wanted, unseen_s):
        if (count := _customers(events, cut_s)) >= rules.customers_min:
            return cut_s
    raise InvalidInput(
        "events",
        f"{count} known customers who bought after {_when(live_through_s)}",
        f"{rules.customers_min} or more that the live release has not learnt from (retrain.customers_min)",
        reason=TOO_LITTLE,
    )


def split_of(events: EventTable, cut_s: int, seed: int) -> Split:
    """The truth: each known customer's first basket after the cut."""
    return sample_users(split_at(events, cut_s), CUSTOMERS_MAX, seed)


@dataclass(frozen=True, slots=True)
class Judged:
    """What came out. live, candidate: the figures of evaluate/metrics.py."""

    comparison: Comparison
    live: dict[str, float]
    candidate: dict[str, float]


def judge(
    asked: Dataset, split: Split, live: tuple[Loaded, ProfileStore], candidate: tuple[Loaded, ProfileStore],
    items: Sequence[Item], params: Params, *, margin: float, seed: int,
) -> Judged:  # fmt: skip
    """asked: numbers the split's users and items. items: the catalogue as of the cut."""
    params = replace(params, exploration_share=0.0, shadow_share=0.0)
    row_of = {item.item_id: row for row, item in enumerate(asked.items)}
    users = [asked.users[user] for user in split.users]
    mine = had_before(split)
    n_catalogue = len(np.unique(split.train.item))
    size = np.diff(split.truth_ptr)
    owner = np.repeat(np.arange(len(users)), size)

    def lists_of(loaded: Loaded, store: ProfileStore) -> I32:
        catalogue = Catalogue.build(items, model_ids=loaded.models.item_ids)
        given = answers(
            loaded.models, catalogue, store, users, now_s=split.now_s, page_size=max(KS), params=params
        )  # fmt: skip
        return as_lists(given, row_of, max(KS))

    lists = [lists_of(*live), lists_of(*candidate)]
    each = [metrics.per_customer(metrics.hits_of(one, owner, split.truth), size, K)[METRIC] for one in lists]
    figures = [metrics.evaluate(one, split.truth_ptr, split.truth, mine, n_catalogue, KS) for one in lists]
    return Judged(compare(*each, margin=margin, seed=seed), *figures)


def catalogue_then(past: Dataset, judged: Dataset, cut_s: int) -> list[Item]:
    """The items as of the cut: those that had been seen (with their prices then), and those that had been offered."""
    items = {item.item_id: item for item in past.items if 0 < item.available_s < cut_s}
    items |= {item.item_id: item for item in judged.items}
    return [replace(items[item_id], stock={}, deleted=False) for item_id in sorted(items)]


def store_of(dataset: Dataset, records_max: int) -> StoredHistory:
    """Everybody's profile as of the end of the data."""
    keys, past = profiles(dataset, records_max)
    bounds = past.offsets.tolist()
    return StoredHistory(
        {key: past.records[a:z].tobytes() for key, a, z in zip(keys, bounds, bounds[1:], strict=False)}
    )


def _customers(events: EventTable, cut_s: int) -> int:
    try:
        return len(split_at(events, cut_s))
    except InvalidInput:  # nobody at all
        return 0


def _when(time_s: int) -> str:
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
