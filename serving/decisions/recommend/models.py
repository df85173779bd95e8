"""The trained parts the pipeline runs on, loaded and checked by an adapter; arrays only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from serving.core.content import ContentModel
from serving.core.ports import Scorer, VectorIndex
from serving.kernels.session_knn import Sessions


@dataclass(frozen=True, slots=True)
class SparseRows:
    """A CSR matrix. indptr: (n + 1,) int64; cols: (nnz,) int32, ascending within a row; vals: (nnz,) float32."""

    indptr: npt.NDArray[np.int64]
    cols: npt.NDArray[np.int32]
    vals: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Rankers:
    """(m, len(FEATURES)) features -> (m,) scores, each trained on a question of its own."""

    purchase: Scorer
    """What is in the visitor's next basket."""
    basket: Scorer
    """What else is in a basket, given some of it."""
    click: Scorer
    """What is looked at in the next visit; the purchase ranker where the data has no views."""


@dataclass(frozen=True, slots=True)
class Models:
    """Everything trained, over the same n items in the same order: the first n rows of the catalogue."""

    versions: dict[str, str]
    """part -> version, as in adapters/versions.py."""
    item_ids: tuple[str, ...]
    item_item: SparseRows
    """(n, n): row j holds what having item j says for other items."""
    transitions: SparseRows
    """(n, n): row j holds what comes after item j."""
    together: SparseRows
    """(n, n): row j holds the items bought with j more often than by chance, by how likely and how much more."""
    coview: SparseRows
    """(n, n): the same for items viewed in one visit."""
    sessions: Sessions
    """Past visits, for session kNN."""
    vectors: npt.NDArray[np.float32]
    """(n, d) item factors of iALS."""
    gram: npt.NDArray[np.float32]
    """(d, d): w0 * Y'Y + reg * I, the part of the user's normal equations that is the same for everybody."""
    fold_alpha: float
    """Weight of one observed item over an unobserved one in the user's normal equations."""
    content_model: ContentModel
    """Turns what the catalogue says of an item into a vector, new items included."""
    content: npt.NDArray[np.float32]
    """(n, c) content vectors of the models' items, of length one or zeros."""
    item_stats: npt.NDArray[np.float32]
    """(n, len(ITEM_STATS)) per-item statistics, see serving/features/stats.py."""
    trending: npt.NDArray[np.int32]
    """(t,) rows by decayed popularity at the end of the training data, best first."""
    index: VectorIndex
    """Over `vectors`, inner product."""
    content_index: VectorIndex
    """Over `content`, inner product."""
    rankers: Rankers
    trained_through_s: int
    """Epoch seconds of the newest event the models have seen."""
