"""Ranking metrics over whole lists, vectorised; tests keep their slow twin.

For customer j with truth T (distinct items, never empty) and the list L = l_1, l_2, ... (best first, no duplicates):

    NDCG@k   = (sum over r <= k with l_r in T of 1 / log2(r + 1)) / (sum over r <= min(k, |T|) of 1 / log2(r + 1))
    Recall@k = |{l_1 .. l_k} & T| / |T|
    HR@k     = 1 if {l_1 .. l_k} & T is not empty, else 0

each averaged over customers. `_repeat` replaces T by the items of T that the customer had bought before, `_explore` by
those the customer had not; a customer for whom that set is empty is left out of that mean. The list stays the same, so
both parts share its k places. coverage@k = items in anybody's first k / items of the catalogue.

    ILD@k = mean over pairs r < s <= k of 1 - <v(l_r), v(l_s)>, v = unit vectors of the items

over the places that hold an item with a vector; a list with fewer than two of those is left out of the mean.
[1] Järvelin & Kekäläinen 2002, with binary gains. [2] Smyth & McClave 2001, "Similarity vs. diversity" (ILD).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from serving.core.errors import InvalidInput
from serving.core.ports import F32, I32, I64

Bools = npt.NDArray[np.bool_]
LISTS_AT_ONCE = 1024
"""Bounds the gathered vectors to 1024 k d floats."""


def evaluate(
    lists: I32,
    truth_ptr: I64,
    truth: I32,
    had_before: Bools,
    n_catalogue: int,
    ks: Sequence[int] = (10, 20),
    vectors: F32 | None = None,
) -> dict[str, float]:
    """All metrics of one method. A figure nobody contributes to is absent.

    lists: (u, k) item numbers, best first, -1 = nothing in this place, k >= max(ks). truth: CSR as in splits.Split.
    had_before: (t,) whether that customer had bought that item before. n_catalogue: items that could be recommended.
    vectors: (n, d) unit vectors of all items, zeros where nothing is known about one; None = no ILD.
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
        if vectors is not None and len(each_list := intra_list_distance(lists, vectors, k)):
            found[f"ild@{k}"] = float(each_list.mean())
    return found


def intra_list_distance(lists: I32, vectors: F32, k: int) -> npt.NDArray[np.float64]:
    """(m,) ILD@k, 0..2, of those of the u lists (u, >= k) that have at least two items with a vector, in their order.

    vectors: (n, d) of length one, or zeros. Raises InvalidInput when a list names an item without a row.
    """
    top = lists[:, :k]
    if top.max(initial=-1) >= len(vectors):
        raise InvalidInput("vectors", vectors.shape, f"a row for every item, at least {int(top.max()) + 1}")
    found = np.zeros(len(top))
    pairs = np.zeros(len(top))
    for lo in range(0, len(top), LISTS_AT_ONCE):
        part = top[lo : lo + LISTS_AT_ONCE]
        held = np.where((part >= 0)[:, :, None], vectors[part], np.float32(0)).astype(np.float64)
        squares = (held**2).sum(axis=2)  # 1 for an item with a vector, else 0
        size = squares.round().sum(axis=1)
        # |sum v|^2 = sum |v|^2 + 2 sum over pairs <v, w>
        alike = ((held.sum(axis=1) ** 2).sum(axis=1) - squares.sum(axis=1)) / 2
        pairs[lo : lo + len(part)] = size * (size - 1) / 2
        found[lo : lo + len(part)] = pairs[lo : lo + len(part)] - alike
    some = pairs > 0
    each: npt.NDArray[np.float64] = found[some] / pairs[some]
    return each


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
