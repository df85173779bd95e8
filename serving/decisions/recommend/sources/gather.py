"""What those sources find that search."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from serving.core.errors import ModelFailed
from serving.core.ports import I64
from serving.decisions.recommend.asking import Asked
from serving.decisions.recommend.sources import SEARCHING
from serving.decisions.recommend.sources.protocol import Evidence, Quota


def gather(evidence: Evidence, asked: Asked, degraded: list[tuple[str, str]]) -> list[I64]:
    """What each of SEARCHING found (b, q), -1 = none. A source whose model fails brings nothing, and `degraded` is
    told."""
    lists = []
    for source in SEARCHING:
        code, rows = source.CODE, None
        if asked.most[code]:
            try:
                rows = source.find(evidence, Quota(asked.quotas[code], asked.most[code], asked.least[code]))
            except ModelFailed as error:
                degraded.append(("candidates", error.cause))
        lists.append(_none(len(asked.keys)) if rows is None else rows)
    return lists


@lru_cache(maxsize=256)
def _none(b: int) -> I64:
    """No candidates for anybody; nobody writes into it."""
    return np.empty((b, 0), np.int64)
