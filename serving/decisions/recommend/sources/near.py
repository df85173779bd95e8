"""Searching a vector index for a batch under its masks."""

from __future__ import annotations

import numpy as np

from serving.core.ports import F32, I64, VectorIndex
from serving.decisions.recommend.sources.protocol import Evidence, Quota


def near(index: VectorIndex, queries: F32, quota: Quota, evidence: Evidence) -> I64:
    """(b, quota.most) the nearest rows of each query (b, d) among those its mask allows, -1 = none.

    None for a query of zeros, to which everything is equally near: it is not searched for. Requests of one mask are
    searched together. Raises ModelFailed when the index fails.
    """
    k = quota.most
    if len(evidence.masks) == 1 and quota.least == k and np.count_nonzero(queries[:, 0]) == len(queries):
        # The usual batch. Mask 0 is what is in stock, nearly everything: the union leaves out the rest more cheaply
        # than the index. A first coordinate that is not 0 is no vector of zeros.
        return index.search(queries, k)[1]
    out = np.full((len(queries), k), -1, np.int64)
    asking = (quota.each > 0) & queries.any(axis=1)
    for mask in range(len(evidence.masks)):
        mine = np.flatnonzero(asking & (evidence.mask == mask))
        if len(mine):
            _, rows = index.search(queries[mine], k, evidence.masks[mask] if mask else None)
            out[mine, : rows.shape[1]] = rows
    out[np.arange(k) >= quota.each[:, None]] = -1
    return out
