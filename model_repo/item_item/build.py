"""The item-item model: what having one item says about wanting another, as sparse rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from model_repo.interactions import by_user
from model_repo.item_item.ease import ease_rows
from model_repo.item_item.walk import walk
from model_repo.work import Progress, one_blas_thread
from serving.core.ports import F32, I32
from serving.core.ranges import check_ranges
from serving.decisions.recommend.models import SparseRows


@dataclass(frozen=True, slots=True)
class Params:
    """How the model is built.

    l2: 1e-3..1e6, ridge of EASE in units of the mean squared weight; more = smoother, safer for little data.
    power: 0..1, how much more the ridge holds back popular items (0 = the paper's EASE).
        Defaults: Online Retail with decayed weights, next basket after 65 % of the lines and before 80 %,
        NDCG@10 all / not had before: power 0: .226/.079, 0.5: .232/.080, 1: .233/.073 (2026-11-23).
    neighbours: 1..1000, entries kept a row.
    ease_items_max: 0..20000, the largest catalogue for the closed form: its memory grows with the square
        (4 bytes n^2: 625 MB at 12,500), its time with the cube.
    walk_alpha: 0.1..2, walk_beta: 0..1: exponents of the random walk used for larger catalogues.
    """

    l2: float = 200.0
    power: float = 0.5
    neighbours: int = 200
    ease_items_max: int = 12_500
    walk_alpha: float = 1.0
    walk_beta: float = 0.4

    def __post_init__(self) -> None:
        check_ranges(
            self,
            "item-item",
            ("l2", 1e-3, 1e6),
            ("power", 0.0, 1.0),
            ("neighbours", 1, 1000),
            ("ease_items_max", 0, 20_000),
            ("walk_alpha", 0.1, 2.0),
            ("walk_beta", 0.0, 1.0),
        )


def build(
    users: I32,
    items: I32,
    weights: F32,
    n_users: int,
    n_items: int,
    *,
    params: Params | None = None,
    progress: Progress | None = None,
) -> SparseRows:
    """Rows (n_items, n_items): positive weights, scores = x @ rows, the diagonal left out.

    users, items, weights: (m,) int32, int32, float32, one interaction each. Deterministic. Raises InvalidInput.
    """
    params = params or Params()
    report = progress or (lambda share: None)
    x = by_user(users, items, weights, n_users, n_items)
    if n_items <= params.ease_items_max:
        with one_blas_thread():
            rows = pruned(ease_rows(x, n_items, params.l2, params.power, report), params.neighbours)
    else:
        rows = walk(x, n_items, params.neighbours, params.walk_alpha, params.walk_beta, report)
    report(1.0)
    return rows


def pruned(blocks: Iterable[F32], neighbours: int) -> SparseRows:
    """The `neighbours` largest positive entries of each row of the dense blocks (b, n), cols ascending."""
    counts, cols, vals = [np.zeros(1, np.int64)], [], []
    for block in blocks:
        if neighbours < block.shape[1]:
            cut = -np.partition(-block, neighbours - 1, axis=1)[:, neighbours - 1]
            keep = (block > 0) & (block >= cut[:, None])
        else:
            keep = block > 0
        for row in np.flatnonzero(keep.sum(axis=1) > neighbours):  # ties at the cut: the first columns win
            order = np.argsort(-block[row], kind="stable")[neighbours:]
            keep[row, order] = False
        counts.append(keep.sum(axis=1))
        cols.append(np.nonzero(keep)[1].astype(np.int32))
        vals.append(block[keep])
    return SparseRows(np.cumsum(np.concatenate(counts)), np.concatenate(cols), np.concatenate(vals))
