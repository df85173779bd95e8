"""Models and catalogue bound together: every per-item array the kernels read, one row an item of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from serving.core.catalogue import Catalogue
from serving.decisions.recommend.models import Models
from serving.features.columns import I_POPULARITY_14D
from serving.features.stats import stats_of_new

FRESH_MAX = 512
"""New arrivals that are looked at, newest first."""


@dataclass(frozen=True, slots=True)
class World:
    """Immutable; replaced as a whole when the catalogue or the models change."""

    models: Models
    catalogue: Catalogue
    stats: npt.NDArray[np.float32]
    """(n, len(ITEM_STATS)); a new item starts as the mean of its category."""
    vectors: npt.NDArray[np.float32]
    """(n, d); likewise."""
    units: npt.NDArray[np.float32]
    """(n, d) vectors of length one, zeros where there is none."""
    popularity: npt.NDArray[np.float32]
    """(n,) recent popularity, 0.1 to 1.1: own purchases that others buy now come first."""
    fresh: npt.NDArray[np.int32]
    """(f,) rows of items the models have not seen, newest first."""


def bind(models: Models, catalogue: Catalogue, before: World | None = None) -> World:
    """The world of a catalogue whose first rows are the models' items. Reuses the arrays of `before` where it can."""
    n = len(catalogue)
    if before is not None and before.models is models and len(before.stats) == n:
        stats, vectors, units, popularity = before.stats, before.vectors, before.units, before.popularity
    else:
        stats = stats_of_new(models.item_stats, catalogue.category, catalogue.brand, n)
        vectors = stats_of_new(models.vectors, catalogue.category, catalogue.brand, n)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        units = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
        recent = np.exp(stats[:, I_POPULARITY_14D]) - np.float32(0.5)
        popularity = (np.float32(0.1) + recent / max(float(recent.max(initial=0.0)), 1e-6)).astype(np.float32)
    new = np.arange(catalogue.n_model, n, dtype=np.int32)
    fresh = new[np.argsort(-catalogue.available_s[new], kind="stable")][:FRESH_MAX]
    return World(models, catalogue, stats, vectors, units, popularity, fresh)
