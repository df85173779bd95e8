"""Models and catalogue bound together: every per-item array the kernels read, one row an item of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from serving.core.catalogue import Catalogue
from serving.decisions.recommend.models import Models
from serving.features.columns import I_POPULARITY_14D
from serving.features.stats import means_of_kin, stats_of_new

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
    """The world of a catalogue whose first rows are the models' items.

    Reuses what it can of `before`: the engine binds between two batches, so a change of the catalogue must not cost
    what its size does.
    """
    n = len(catalogue)
    if before is None or before.models is not models or len(before.stats) > n:
        stats = stats_of_new(models.item_stats, catalogue.category, catalogue.brand, n)
        vectors = stats_of_new(models.vectors, catalogue.category, catalogue.brand, n)
        units, popularity = _units(vectors), _popularity(stats)
    elif len(rows := _changed(before, catalogue)):
        kinds = catalogue.category, catalogue.brand, rows
        stats = _replaced(before.stats, n, rows, means_of_kin(models.item_stats, *kinds))
        vectors = _replaced(before.vectors, n, rows, means_of_kin(models.vectors, *kinds))
        units, popularity = _replaced(before.units, n, rows, _units(vectors[rows])), _popularity(stats)
    else:
        stats, vectors, units, popularity = before.stats, before.vectors, before.units, before.popularity
    new = np.arange(catalogue.n_model, n, dtype=np.int32)
    fresh = new[np.argsort(-catalogue.available_s[new], kind="stable")][:FRESH_MAX]
    return World(models, catalogue, stats, vectors, units, popularity, fresh)


def _changed(before: World, catalogue: Catalogue) -> npt.NDArray[np.int64]:
    """Rows of items unknown to the models that are new, or of another category or brand than they were."""
    first, last, was = len(before.models.item_stats), len(before.stats), before.catalogue
    moved = (catalogue.category[first:last] != was.category[first:]) | (
        catalogue.brand[first:last] != was.brand[first:]
    )
    return np.concatenate((first + np.flatnonzero(moved), np.arange(last, len(catalogue))))


def _replaced(
    table: npt.NDArray[np.float32], n: int, rows: npt.NDArray[np.int64], values: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """A copy of `table` (m, k) with n rows, those of `rows` replaced."""
    out = np.empty((n, table.shape[1]), np.float32)
    out[: len(table)] = table
    out[rows] = values
    return out


def _units(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    out = np.zeros_like(vectors)
    np.divide(vectors, lengths, out=out, where=lengths > 0)
    return out


def _popularity(stats: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    recent = np.exp(stats[:, I_POPULARITY_14D]) - np.float32(0.5)
    return (np.float32(0.1) + recent / max(float(recent.max(initial=0.0)), 1e-6)).astype(np.float32)
