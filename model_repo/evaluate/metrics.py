"""Ranking metrics over whole lists, vectorised; tests keep their slow twin.

For customer j with truth T (distinct items, never empty) and the list L = l_1, l_2, ... (best first, no duplicates):

    NDCG@k   = (sum over r <= k with l_r in T of 1 / log2(r + 1)) / (sum over r <= min(k, |T|) of 1 / log2(r + 1))
    Recall@k = |{l_1 .. l_k} & T| / |T|
    HR@k     = 1 if {l_1 .. l_k} & T is not empty, else 0

each averaged over customers. `_repeat` replaces T by the items of T that the customer had bought before, `_explore` by
those the customer had not; a customer for whom that set is empty is left out of that mean. The list stays the same, so
both parts share its k places. coverage@k = items in anybody's first k / items of the catalogue.
[1] Järvelin & Kekäläinen 2002, with binary gains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from serving.core.errors import InvalidInput
from serving.core.ports import I32, I64

Bools = npt.NDArray[np.bool_]


def evaluate(
    lists: I32,
    truth_ptr: I64,
    truth: I32,
    had_before: Bools,
    n_catalogue: int,
    ks: Sequence[int] = (10, 20),
) -> dict[str, float]:
    """All metrics of one method. A figure nobody contributes to is absent.

    lists: (u, k) item numbers, best first, -1 = nothing in this place, k >= max(ks). truth: CSR as in splits.Split.
    had_before: (t,) whether that customer had bought that item before. n_catalogue: items that could be recommended.
    """
    if lists.ndim != 2 or len(lists) != len(truth_ptr) - 1 or lists.shape[1] < max(ks):
        raise InvalidInput("lists", lists.shape, f"({len(truth_ptr) - 1}, at least {max(ks)})")
    found: dict[str, float] = {}
    parts: Mapping[str, Bools] = {
        "": np.ones(len(truth), np.bool_),
        "_repeat": had_before,
        "_explore": ~had_before,
    }
    owner = np.repeat(np.arange(len(lists)), np.diff(truth_ptr))
    for suffix, wanted in parts.items():
        size = np.bincount(owner[wanted], minlength=len(lists))
        hits = hits_of(lists, owner[wanted], truth[wanted])
        for k in ks:
            for name, each in per_customer(hits, size, k).items():
                if size.any():
                    found[f"{name}@{k}{suffix}"] = float(each[size > 0].mean())
    for k in ks:
        shown = np.unique(lists[:, :k])
        found[f"coverage@{k}"] = float((shown >= 0).sum() / max(n_catalogue, 1))
    return found


def hits_of(lists: I32, owner: npt.NDArray[np.int64], items: I32) -> Bools:
    """(u, k): whether the item in this place is among its customer's `items` (those with owner = row)."""
    width = np.int64(max(int(lists.max(initial=0)), int(items.max(initial=0))) + 2)
    keys = np.arange(len(lists), dtype=np.int64)[:, None] * width + lists
    hits: Bools = np.isin(keys, owner * width + items) & (lists >= 0)
    return hits


def per_customer(hits: Bools, size: npt.NDArray[np.int64], k: int) -> dict[str, npt.NDArray[np.float64]]:
    """NDCG, Recall and HR at k of each customer: (u,), 0 where size is 0. size: (u,) items of the truth."""
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate(([np.inf], np.cumsum(discount)))[np.minimum(size, k)]
    top = hits[:, :k]
    return {
        "ndcg": (top * discount).sum(axis=1) / ideal,
        "recall": top.sum(axis=1) / np.maximum(size, 1),
        "hr": top.any(axis=1).astype(np.float64),
    }
