"""Item-item weights as rows: how they are pruned, and how a history is scored with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

import numpy as np
from scipy import sparse

from model_repo.evaluate.baselines.interactions import Interactions
from serving.core.ports import F32, I32

BLOCK_ITEMS = 1024
"""Rows made at once: bounds what is held before pruning to 1024 n_items entries."""
Rows: TypeAlias = "sparse.csr_matrix | F32"


def products(left: sparse.csr_matrix, right: sparse.csr_matrix) -> Iterator[tuple[int, sparse.csr_matrix]]:
    """left (n, m) @ right (m, n) in blocks of rows, each with its first row; the diagonal is left out."""
    for lo in range(0, left.shape[0], BLOCK_ITEMS):
        block = (left[lo : lo + BLOCK_ITEMS] @ right).tocsr()
        block.setdiag(0.0, k=lo)
        block.eliminate_zeros()
        yield lo, block


def largest(blocks: Iterable[sparse.csr_matrix], neighbours: int) -> sparse.csr_matrix:
    """(n, n) float32 of the blocks (b, n), of each row only its `neighbours` largest entries; not negative.

    Ties with the last one stay, so the result does not depend on an order. The blocks are overwritten.
    """
    kept = []
    for block in blocks:
        for row in np.flatnonzero(np.diff(block.indptr) > neighbours).tolist():
            values = block.data[block.indptr[row] : block.indptr[row + 1]]
            values[values < np.partition(values, len(values) - neighbours)[len(values) - neighbours]] = 0.0
        block.eliminate_zeros()
        kept.append(block)
    return sparse.vstack(kept, format="csr")


def voted(history: sparse.csr_matrix, rows: Rows, own: float = 0.0) -> F32:
    """(b, n) float32 scores = history @ rows + own * history, dense.

    history: (b, n). own: how much a purchase speaks for the very same item, on the scale of the rows.
    """
    found = history @ rows
    scores: F32 = np.asarray(found.toarray() if sparse.issparse(found) else found, np.float32)
    if own:
        scores += np.float32(own) * history.toarray()
    return scores


def head(interactions: Interactions, items_max: int) -> I32:
    """The items of at least two purchases, at most the `items_max` most bought ones; ascending, ties by number.

    What is cubic in the items looks at these only: one purchase says nothing about what goes with an item.
    """
    counts = np.bincount(interactions.item, minlength=interactions.n_items)
    order = np.argsort(-counts, kind="stable")[:items_max]
    return np.sort(order[counts[order] >= 2]).astype(np.int32)


def spread(weights: sparse.csr_matrix, items: I32, n_items: int) -> sparse.csr_matrix:
    """Weights (m, m) among `items` (m,) as (n_items, n_items)."""
    made = weights.tocoo()
    return sparse.csr_matrix((made.data, (items[made.row], items[made.col])), shape=(n_items, n_items))
