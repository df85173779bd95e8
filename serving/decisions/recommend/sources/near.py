"""Searching a vector index for a batch under its masks."""

from __future__ import annotations

import numpy as np

from serving.core.ports import F32, I32, VectorIndex
from serving.decisions.recommend.sources.protocol import Evidence, Lists, nothing
from serving.kernels.nearest import trimmed


def near(index: VectorIndex, queries: F32, quota: I32, evidence: Evidence) -> Lists:
    """The quota (b,) nearest rows of each query (b, d) among those its mask allows; none for a query of zeros.

    Requests of one mask are searched together. Raises ModelFailed when the index fails.
    """
    k = int(quota.max(initial=0))
    if k == 0:
        return nothing(len(quota))
    if len(evidence.masks) == 1:
        # Mask 0 is what is in stock, nearly everything: the union leaves out the rest more cheaply than the index.
        return Lists(trimmed(index.search(queries, k)[1], quota, queries))
    found = np.full((len(quota), k), -1, np.int64)
    asking = (quota > 0) & queries.any(axis=1)
    for mask in range(len(evidence.masks)):
        mine = np.flatnonzero(asking & (evidence.mask == mask))
        if len(mine):
            _, rows = index.search(queries[mine], k, evidence.masks[mask] if mask else None)
            found[mine, : rows.shape[1]] = rows
    return Lists(trimmed(found, quota, queries))
