"""Small worlds whose right answer is obvious, for the tests of the pipeline and its kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from model_repo.content import build as content
from serving.core.catalogue import Catalogue, Item
from serving.core.clock import NEVER
from serving.core.content import embed
from serving.core.errors import StoreUnavailable
from serving.core.ids import hash64
from serving.core.turn import Turn
from serving.decisions.recommend.models import Models, Rankers, SparseRows
from serving.decisions.recommend.params import Params
from serving.events.records import PACK
from serving.events.types import TYPE_CODES
from serving.features import FEATURES
from serving.features.columns import ITEM_STATS
from serving.kernels.session_knn import Sessions

NOW = 1_800_000_000.0
TURN = Turn(now=0.0, wall=NOW, deadline=NEVER)
DAY = 86_400


def blob(*events: tuple[str, str, float]) -> bytes:
    """A profile from (event type, item id, days ago), stored oldest first."""
    ordered = sorted(enumerate(events), key=lambda pair: -pair[1][2])
    return b"".join(
        PACK.pack(number + 1, hash64(item), int(NOW - days * DAY), 1, TYPE_CODES[kind], 0)
        for number, (kind, item, days) in ordered
    )


class Flat:
    """Exact inner products: the index's twin."""

    def __init__(self, vectors: np.ndarray) -> None:
        self.vectors = vectors

    def search(self, queries: np.ndarray, k: int, allowed: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        scores = (queries[:, None] * self.vectors).sum(axis=2)  # to the last bit the same in any batch, unlike BLAS
        if allowed is not None:
            scores[:, ~allowed[: len(self.vectors)]] = -np.inf
        rows = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        found = np.take_along_axis(scores, rows, axis=1)
        return found, np.where(np.isneginf(found), -1, rows).astype(np.int64)


class SumOfRetrieval:
    """A scorer that adds up the item-item and factor columns: what ranks high is plain to see."""

    def score(self, features: np.ndarray) -> np.ndarray:
        columns = [FEATURES.index("item_item_score"), FEATURES.index("factor_score"), FEATURES.index("buys")]
        return features[:, columns].sum(axis=1).astype(np.float32)


class Shelf:
    """A profile store in memory that can be told to fail; it counts how often it is touched."""

    def __init__(self, profiles: dict[str, bytes] | None = None, failure: str = "") -> None:
        self.profiles, self.failure, self.touched = profiles or {}, failure, 0

    def fetch(self, keys: Sequence[str], timeout_s: float) -> list[bytes]:
        self.touched += 1
        if self.failure:
            raise StoreUnavailable(self.failure)
        return [self.profiles.get(key, b"") for key in keys]

    def append(self, writes: Sequence[tuple[str, bytes]], durable_timeout_s: float) -> list[int]:
        raise StoreUnavailable("this shelf is read only")


def checkerboard(n: int = 40, d: int = 8) -> tuple[Models, Catalogue]:
    """Even items go with even items and odd ones with odd ones, in the item-item model and in the factors alike.

    Item i is followed by i + 2, bought with i + 2 and i - 2, and viewed with i + 4 and i - 4. Past visits hold five
    even or five odd items next to each other. The words of the items are their titles, brands and categories.
    """
    items = [
        Item(f"i{row}", title=f"Item {row}", price=100 + row, currency="GBP", brand=f"b{row % 4}",
             category_path=("all", f"c{row % 5}"))
        for row in range(n)
    ]  # fmt: skip
    same = np.equal.outer(np.arange(n) % 2, np.arange(n) % 2) & ~np.eye(n, dtype=bool)
    strength = np.where(same, 1.0 / (1.0 + np.abs(np.subtract.outer(np.arange(n), np.arange(n)))), 0.0)
    indptr = np.concatenate(([0], np.cumsum(same.sum(axis=1)))).astype(np.int64)
    rng = np.random.default_rng(0)
    vectors = 0.05 * rng.standard_normal((n, d)).astype(np.float32)
    vectors[np.arange(n), np.arange(n) % 2] += 1.0
    stats = np.zeros((n, len(ITEM_STATS)), np.float32)
    stats[:, :5] = np.log(0.5 + np.linspace(10, 0, n))[:, None]
    visits = [[row + 2 * step for step in range(5)] for row in range(n - 8)]
    content_model = content.build(items)
    words = embed(content_model, items)
    scorer = SumOfRetrieval()
    models = Models(
        versions={"item-item": "1", "factors": "1", "ranker": "1", "index": "1"},
        item_ids=tuple(item.item_id for item in items),
        item_item=SparseRows(indptr, np.nonzero(same)[1].astype(np.int32), strength[same].astype(np.float32)),
        transitions=_banded(n, {2: 1.0}),
        together=_banded(n, {2: 1.0, -2: 1.0}),
        coview=_banded(n, {4: 1.0, -4: 1.0}),
        sessions=_sessions(n, visits),
        vectors=vectors,
        gram=(0.05 * vectors.T @ vectors + 0.1 * np.eye(d)).astype(np.float32),
        fold_alpha=1.0,
        item_stats=stats,
        trending=np.arange(n, dtype=np.int32),
        index=Flat(vectors),
        content_model=content_model,
        content=words,
        content_index=Flat(words),
        rankers=Rankers(scorer, scorer, scorer),
        trained_through_s=int(NOW),
    )
    return models, Catalogue.build(items, model_ids=models.item_ids, version=1)


def few(**changes: object) -> Params:
    """Settings for a world as small as the checkerboard: 40 candidates, at most ten from a source."""
    sources = ["repeat", "transitions", "item_item", "session", "factors", "fresh", "together", "coview", "content"]
    quotas = {f"from_{name}": 10 for name in sources}
    return Params(**{"candidates": 40, **quotas, **changes})


def sold_out(catalogue: Catalogue, *item_ids: str) -> Catalogue:
    """The catalogue with no stock left of some items."""
    changes = [replace(catalogue.items[catalogue.row_of[i]], stock={"north": (0, 0)}) for i in item_ids]
    return catalogue.updated(changes, catalogue.version + 1)


def _banded(n: int, bands: dict[int, float]) -> SparseRows:
    """Row i holds the value of each band at column i + its distance."""
    rows = [sorted((i + step, value) for step, value in bands.items() if 0 <= i + step < n) for i in range(n)]
    return SparseRows(
        np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64),
        np.array([col for row in rows for col, _ in row], np.int32),
        np.array([value for row in rows for _, value in row], np.float32),
    )


def _sessions(n: int, visits: list[list[int]]) -> Sessions:
    """Visits, an hour apart, the last one the newest."""
    of_item = [[v for v in reversed(range(len(visits))) if i in visits[v]] for i in range(n)]
    return Sessions(
        np.concatenate(([0], np.cumsum([len(some) for some in of_item]))).astype(np.int64),
        np.array([v for some in of_item for v in some], np.int32),
        np.concatenate(([0], np.cumsum([len(visit) for visit in visits]))).astype(np.int64),
        np.array([i for visit in visits for i in visit], np.int32),
        np.array([int(NOW) - 3600 * (len(visits) - v) for v in range(len(visits))], np.int64),
    )
