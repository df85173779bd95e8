"""RP3beta: two-step random walks with a discount for popular ends, for catalogues too large for EASE.

[1] Paudel, Christoffel, Newell, Bernstein 2017, "Updatable, accurate, diverse, and scalable recommendations".
"""

from __future__ import annotations

import numpy as np

from model_repo.interactions import transposed
from model_repo.item_item.kernels import walk_rows
from model_repo.work import Progress, over_rows
from serving.core.ports import F32
from serving.decisions.recommend.models import SparseRows


def walk(x: SparseRows, n: int, neighbours: int, alpha: float, beta: float, progress: Progress) -> SparseRows:
    """The `neighbours` heaviest entries of each row of (P_iu^alpha P_ui^alpha) / popularity^beta, (n, n)."""
    by_item = transposed(x, n)
    popularity = np.maximum(np.diff(by_item.indptr), 1).astype(np.float32)
    discount = (popularity ** np.float32(-beta)).astype(np.float32)
    k = min(neighbours, n)
    cols, vals = np.zeros((n, k), np.int32), np.zeros((n, k), np.float32)
    counts = np.zeros(n, np.int64)
    step_out, step_in = _steps(by_item, alpha), _steps(x, alpha)
    over_rows(
        lambda lo, hi: walk_rows(
            lo, hi, by_item.indptr, by_item.cols, step_out, x.indptr, x.cols, step_in, discount, cols, vals, counts
        ),
        n,
        progress,
    )
    valid = np.arange(k) < counts[:, None]
    indptr = np.concatenate(([0], np.cumsum(counts)))
    return SparseRows(indptr, cols[valid], vals[valid])


def _steps(rows: SparseRows, alpha: float) -> F32:
    """(nnz,) probabilities of leaving each row by each of its entries, to the power alpha."""
    totals = np.add.reduceat(np.append(rows.vals, np.float32(0)), rows.indptr[:-1])
    share = rows.vals / np.repeat(totals, np.diff(rows.indptr))
    steps: F32 = (share ** np.float32(alpha)).astype(np.float32)
    return steps
