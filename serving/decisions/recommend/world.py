"""Models and catalogue bound together: every per-item array the kernels read, one row an item of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from serving.core.catalogue import Catalogue, Item
from serving.core.content import embed
from serving.core.ports import I32, I64
from serving.core.prices import Prices, Quoted, catalogue_prices
from serving.decisions.recommend.live import Live, held
from serving.decisions.recommend.models import Models, SparseRows
from serving.features.columns import I_POPULARITY_14D
from serving.features.stats import means_of_kin, stats_of_new
from serving.kernels.candidates import Matrix
from serving.kernels.scratch import Scratch, scratch
from serving.kernels.session_knn import SessionScratch, session_scratch

FRESH_MAX = 512
"""New arrivals that are looked at, newest first."""


@dataclass(frozen=True, slots=True)
class World:
    """Immutable but for the scratch; replaced as a whole when the catalogue or the models change."""

    models: Models
    catalogue: Catalogue
    """`given`, less what visitors have seen out of stock."""
    given: Catalogue
    live: Live | None
    """What the event log says since the models were trained; None = nothing."""
    until_s: float
    """Epoch seconds at which something counts as out of stock no longer; infinity = nothing does."""
    versions: dict[str, str]
    trending: I32
    """(t,) rows, best first."""
    quoted: Quoted | None
    """Prices that were decided for the catalogue; None = it shows its own."""
    prices: Prices
    matrices: tuple[Matrix, ...]
    """Of the sources that are sums, in the order of kernels/candidates.py."""
    stats: npt.NDArray[np.float32]
    """(n, len(ITEM_STATS)); a new item starts as the mean of its category."""
    vectors: npt.NDArray[np.float32]
    """(n, d); likewise."""
    content: npt.NDArray[np.float32]
    """(n, c) of length one or zeros; a new item's is computed from its words when it arrives."""
    worded: bool
    """Whether the models know any words."""
    units: npt.NDArray[np.float32]
    """(n, u) what likeness on a page is measured by, of length one or zeros: content, or factors in a shop without
    words."""
    popularity: npt.NDArray[np.float32]
    """(n,) recent popularity, 0.1 to 1.1: own purchases that others buy now come first."""
    popular: npt.NDArray[np.int32]
    """(n,) all rows by recent popularity, best first: what fills a page when all else is used up."""
    fresh: npt.NDArray[np.int32]
    """(f,) rows of items the models have not seen, newest first."""
    scratch: Scratch
    session_scratch: SessionScratch


def bind(
    models: Models,
    given: Catalogue,
    before: World | None = None,
    *,
    live: Live | None = None,
    quoted: Quoted | None = None,
    hold_s: float = 0.0,
    now_s: float = 0.0,
) -> World:
    """The world of a catalogue whose first rows are the models' items.

    live: of these models and this catalogue, or of it when it had fewer items; so is quoted. hold_s, now_s: see
    live.held.

    Reuses what it can of `before`: the engine binds between two batches, so a change of the catalogue must not cost
    what its size does.
    """
    n = len(given)
    short, until_s = held(live, given, hold_s, now_s) if live else (np.zeros(0, np.int64), np.inf)
    catalogue = _without(given, short)
    if before is None or before.models is not models or len(before.stats) > n:
        stats = stats_of_new(models.item_stats, catalogue.category, catalogue.brand, n)
        vectors = stats_of_new(models.vectors, catalogue.category, catalogue.brand, n)
        content = np.concatenate((models.content, embed(models.content_model, catalogue.items[len(models.content) :])))
        popularity = _popularity(stats)
    elif len(rows := _changed(before, catalogue)):
        kinds = catalogue.category, catalogue.brand, rows
        stats = _replaced(before.stats, n, rows, means_of_kin(models.item_stats, *kinds))
        vectors = _replaced(before.vectors, n, rows, means_of_kin(models.vectors, *kinds))
        items = [catalogue.items[row] for row in rows.tolist()]
        content = _replaced(before.content, n, rows, embed(models.content_model, items))
        popularity = _popularity(stats)
    else:
        stats, vectors, content, popularity = before.stats, before.vectors, before.content, before.popularity
    worded = bool(models.content.any()) if before is None or before.models is not models else before.worded
    units = content if worded else _units(vectors)
    same = before is not None and before.popularity is popularity
    new = np.arange(catalogue.n_model, n, dtype=np.int32)
    return World(
        models=models,
        catalogue=catalogue,
        given=given,
        live=live,
        until_s=until_s,
        versions=live.versions if live else models.versions,
        trending=live.trending if live else models.trending,
        quoted=quoted,
        prices=catalogue_prices(catalogue) if quoted is None else quoted.prices(catalogue),
        matrices=_matrices(models, live),
        stats=stats,
        vectors=vectors,
        content=content,
        worded=worded,
        units=units,
        popularity=popularity,
        popular=before.popular if before is not None and same else _order(popularity),
        fresh=new[np.argsort(-catalogue.available_s[new], kind="stable")][:FRESH_MAX],
        scratch=before.scratch if before is not None and len(before.scratch.slot) == n else scratch(n),
        session_scratch=(
            before.session_scratch
            if before is not None and before.models is models
            else session_scratch(models.sessions, len(models.item_ids))
        ),
    )


def _without(catalogue: Catalogue, rows: I64) -> Catalogue:
    """The catalogue with these rows not available."""
    if not catalogue.available[rows].any():
        return catalogue
    available = catalogue.available.copy()
    available[rows] = False
    return replace(catalogue, available=available)


def _matrices(models: Models, live: Live | None) -> tuple[Matrix, ...]:
    coview = live.coview if live else _matrix(models.coview)
    return (_matrix(models.together), coview, _matrix(models.transitions), _matrix(models.item_item))


def _matrix(rows: SparseRows) -> Matrix:
    return Matrix(rows.indptr, rows.cols, rows.vals)


def _order(popularity: npt.NDArray[np.float32]) -> npt.NDArray[np.int32]:
    return np.argsort(-popularity, kind="stable").astype(np.int32)


def _changed(before: World, catalogue: Catalogue) -> npt.NDArray[np.int64]:
    """Rows of items unknown to the models that are new, or described otherwise than they were."""
    first, last, was = len(before.models.item_stats), len(before.stats), before.catalogue
    moved = [
        row
        for row, (now, then) in enumerate(zip(catalogue.items[first:last], was.items[first:], strict=True), first)
        if now is not then and _told(now) != _told(then)
    ]
    return np.concatenate((np.array(moved, np.int64), np.arange(last, len(catalogue))))


def _told(item: Item) -> tuple[object, ...]:
    """What of an item its vectors are made of."""
    return item.title, item.category_path, item.brand, item.attributes


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
