"""Asks every source that some request of the batch wants, and lays out what they found for the union's kernel."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from serving.core.errors import ModelFailed
from serving.core.ports import F32, I32
from serving.decisions.recommend.contract import Source as Code
from serving.decisions.recommend.sources.protocol import Evidence, Lists, Scores, Source, Sum
from serving.kernels.candidates import LINEAR_CODES, Found

SIGNALLING = frozenset((*LINEAR_CODES, Code.SESSION))
FIRST = frozenset({Code.REPEAT, Code.VIEWED})
"""Lists that are taken before the sums: what the visitor did with an item himself outweighs what others did."""
_LINEAR = np.array(LINEAR_CODES, np.intp)
_NO_SCORES: F32 = np.zeros(0, np.float32)
_NO_ROWS: I32 = np.zeros(0, np.int32)


def gather(sources: Sequence[Source], evidence: Evidence, quotas: I32, degraded: list[tuple[str, str]]) -> Found:
    """quotas: (len(Code), b) int32. A source whose model fails brings nothing, and `degraded` is told.

    Sums and sessions are always asked: their signals are features of every candidate, whatever brought it, and must not
    depend on what else is in the batch.
    """
    b = quotas.shape[1]
    first: list[I32] = []
    last: list[I32] = []
    first_codes: list[tuple[int, int]] = []
    last_codes: list[tuple[int, int]] = []
    weights = np.zeros((len(LINEAR_CODES), len(evidence.history.row)), np.float32)
    most = quotas.max(axis=1, initial=0).tolist()
    scores: Scores | None = None
    for source in sources:
        code = source.code
        if not most[code] and code not in SIGNALLING:
            continue
        try:
            found = source.find(evidence, quotas[code])
        except ModelFailed as error:
            degraded.append(("candidates", error.cause))
            continue
        if isinstance(found, Sum):
            weights[LINEAR_CODES.index(code)] = found.weights
        elif isinstance(found, Lists):
            lists, codes = (first, first_codes) if code in FIRST else (last, last_codes)
            lists.append(found.rows)
            codes.append((int(code), found.rows.shape[1]))
        else:
            scores = found
    if scores is None:
        scores = Scores(np.zeros(b + 1, np.int64), _NO_ROWS, _NO_SCORES)
    return Found(
        first=_beside(first, b),
        first_code=_columns(*first_codes),
        last=_beside(last, b),
        last_code=_columns(*last_codes),
        weights=weights,
        quota=quotas[_LINEAR],
        session_ptr=scores.ptr,
        session_rows=scores.rows,
        session_scores=scores.scores,
        session_quota=quotas[Code.SESSION],
    )


@lru_cache(maxsize=256)
def _columns(*codes: tuple[int, int]) -> I32:
    """The source of each column of lists that lie beside each other; codes: (source, columns)."""
    columns = np.repeat([code for code, _ in codes], [width for _, width in codes]).astype(np.int32)
    columns.setflags(write=False)
    return columns


def _beside(lists: Sequence[I32], b: int) -> I32:
    """The lists next to each other, (b, q)."""
    if len(lists) == 1:
        return lists[0]
    return np.concatenate(lists, axis=1) if lists else np.zeros((b, 0), np.int32)
