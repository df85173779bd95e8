"""The shadow that is an ONNX model over purchase histories: what it would have shown in place of what was shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from serving.adapters.history_scorer import HistoryScorer
from serving.core.errors import ModelFailed
from serving.core.ids import hash64
from serving.core.ports import F32
from serving.decisions.recommend.contract import Query
from serving.decisions.recommend.shadow import Sampled, comparable
from serving.events.records import RECORD
from serving.events.types import PURCHASE
from serving.kernels.history import DAY_S


class OnnxShadow:
    """A Shadow (serving/decisions/recommend/shadow.py) of one release."""

    def __init__(self, scorer: HistoryScorer, item_ids: Sequence[str]) -> None:
        """item_ids: the release's, the first rows of its catalogue."""
        self.name = scorer.model
        self._scorer, self._ids = scorer, item_ids
        hashes = np.array([hash64(item_id) for item_id in item_ids], np.uint64)
        self._row = np.argsort(hashes)
        self._hash = hashes[self._row]

    def takes(self, query: Query, group: int) -> bool:
        """Where nothing but the models decides."""
        return comparable(query, group)

    def page(self, sampled: Sampled) -> list[str]:
        """The best of the items that could be shown, as many as were. Raises ModelFailed."""
        query, answer = sampled.query, sampled.answer
        scores = self._scorer.score(self.history(sampled.blob, sampled.wall_s)[None, :])[0]
        if not np.isfinite(scores).all():
            raise ModelFailed(self.name, "it gave scores that are no numbers")
        allowed = answer.catalogue.available[: len(scores)].copy()
        for item_id in query.exclude:
            row = answer.catalogue.row_of.get(item_id, len(scores))
            if row < len(scores):
                allowed[row] = False
        rows = np.argsort(np.where(allowed, -scores, np.inf), kind="stable")[: min(len(answer.rows), allowed.sum())]
        return [self._ids[row] for row in rows.tolist()]

    def history(self, blob: bytes, wall_s: float) -> F32:
        """(n,) the purchases of the stored records, decayed by age; the lines of one basket count once an item."""
        records = np.frombuffer(blob, RECORD)
        bought = records[records["type"] == PURCHASE]
        place = np.minimum(np.searchsorted(self._hash, bought["item"]), len(self._hash) - 1)
        known = self._hash[place] == bought["item"]
        lines = np.stack([self._row[place[known]], bought["time_s"][known].astype(np.int64)])
        row, time_s = np.unique(lines, axis=1)
        age_days: npt.NDArray[np.float64] = np.maximum(wall_s - time_s, 0.0) / DAY_S
        weight = np.exp2(-age_days / self._scorer.half_life_days)
        found: F32 = np.bincount(row, weight, minlength=len(self._ids)).astype(np.float32)
        return found
