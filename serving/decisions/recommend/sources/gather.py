"""Asks every source that some request of the batch wants, and lays out what they found for the union's kernel."""

from __future__ import annotations

from collections.abc import Sequence

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
    """quotas: (b, len(Code)) int32. A source whose model fails brings nothing, and `degraded` is told.

    Sums and sessions are always asked: their signals are features of every candidate, whatever brought it, and must not
    depend on what else is in the batch.
    """
    b = len(quotas)
    first: list[I32] = []
    last: list[I32] = []
    codes: dict[bool, list[int]] = {True: [], False: []}
    weights = np.zeros((len(LINEAR_CODES), len(evidence.history.row)), np.float32)
    by_source = np.ascontiguousarray(quotas.T)
    wanted = by_source.max(axis=1, initial=0).tolist()
    scores = Scores(np.zeros(b + 1, np.int64), _NO_ROWS, _NO_SCORES)
    for source in sources:
        if not wanted[source.code] and source.code not in SIGNALLING:
            continue
        try:
            found = source.find(evidence, by_source[source.code])
        except ModelFailed as error:
            degraded.append(("candidates", error.cause))
            continue
        if isinstance(found, Sum):
            weights[LINEAR_CODES.index(source.code)] = found.weights
        elif isinstance(found, Lists):
            early = source.code in FIRST
            (first if early else last).append(found.rows)
            codes[early] += [int(source.code)] * found.rows.shape[1]
        else:
            scores = found
    return Found(
        first=_beside(first, b),
        first_code=np.array(codes[True], np.int32),
        last=_beside(last, b),
        last_code=np.array(codes[False], np.int32),
        weights=weights,
        quota=by_source[_LINEAR],
        session_ptr=scores.ptr,
        session_rows=scores.rows,
        session_scores=scores.scores,
        session_quota=by_source[Code.SESSION],
    )


def _beside(lists: Sequence[I32], b: int) -> I32:
    """The lists next to each other, (b, q)."""
    if not lists:
        return np.zeros((b, 0), np.int32)
    return np.ascontiguousarray(lists[0] if len(lists) == 1 else np.concatenate(lists, axis=1))
