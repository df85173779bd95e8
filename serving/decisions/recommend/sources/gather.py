"""What the recalled sources know already, and what those find that search."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from serving.core.errors import ModelFailed
from serving.core.ports import I32
from serving.decisions.recommend.sources import SEARCHED
from serving.decisions.recommend.sources.protocol import Evidence
from serving.kernels.candidates import Found, Recalled


def gather(
    evidence: Evidence, recalled: Recalled, quotas: I32, most: Sequence[int], degraded: list[tuple[str, str]]
) -> Found:
    """quotas: (len(Source), b) int32, and the largest of each row. A source whose model fails brings nothing, and
    `degraded` is told."""
    lists = []
    for source in SEARCHED:
        rows = None
        if most[source.code]:
            try:
                rows = source.find(evidence, quotas[source.code])
            except ModelFailed as error:
                degraded.append(("candidates", error.cause))
        lists.append(np.empty((quotas.shape[1], 0), np.int32) if rows is None else rows)
    factors, content = lists
    return Found(*recalled, factors, content, quotas)
