"""core.ports.VectorIndex over FAISS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import retrieval
from serving.core.errors import InvalidInput, ModelDamaged, ModelFailed
from serving.core.ports import F32, I64


class FaissIndex:
    """Item vectors held by a FAISS index; safe from several threads."""

    def __init__(self, index: Any) -> None:
        self._index = index

    @classmethod
    def build(cls, vectors: F32, params: retrieval.Params | None = None) -> FaissIndex:
        """An index over vectors (n, d) float32. Raises InvalidInput."""
        try:
            return cls(retrieval.build(vectors, params))
        except ValueError as error:
            raise InvalidInput("vectors", vectors.shape, str(error)) from error

    @classmethod
    def load(cls, path: Path) -> FaissIndex:
        """The snapshot at `path`. Raises ModelDamaged naming the file."""
        try:
            return cls(retrieval.load(path))
        except (retrieval.SnapshotDamaged, OSError) as error:
            raise ModelDamaged(str(error), file=path.name) from error

    @property
    def shape(self) -> tuple[int, int]:
        """(number of vectors, their length)."""
        return self._index.ntotal, self._index.d

    def search(self, queries: F32, k: int, allowed: npt.NDArray[np.bool_] | None = None) -> tuple[F32, I64]:
        """queries: (b, d) float32. Returns scores (b, k) descending and rows (b, k); row -1 = fewer than k found.

        allowed: (m,) the rows that may be found, m at least the index's rows; None = all.
        Raises ModelFailed when FAISS refuses to run.
        """
        try:
            return retrieval.search(self._index, queries, k, allowed)
        except RuntimeError as error:  # what FAISS's own exceptions become
            raise ModelFailed("index", str(error)) from error

    def dumps(self) -> bytes:
        """The snapshot that `load` reads."""
        return retrieval.dumps(self._index)
