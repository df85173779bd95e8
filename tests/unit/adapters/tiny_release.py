"""A shop of twelve items, trained in no time: for the tests of publishing and loading. Read with runpy."""

from __future__ import annotations

import numpy as np

from model_repo.content import build as content
from model_repo.publish import Trained
from model_repo.ranker.network import Ranker, Scaling, initial_layers
from model_repo.ranker.onnx_file import to_onnx
from model_repo.retrievers import Unranked
from serving.adapters.faiss_index import FaissIndex
from serving.adapters.model_loader import RANKERS
from serving.core.catalogue import Item
from serving.core.content import embed
from serving.decisions.recommend.models import Models, Rankers, SparseRows
from serving.features.columns import ITEM_STATS
from serving.kernels.session_knn import Sessions

FEATURES = ("price", "age", "taste")
N_ITEMS, D = 12, 6


def tiny_rankers(seed: int = 0) -> dict[str, Ranker]:
    """One network a name, each with weights of its own."""
    width = len(FEATURES)
    scaling = Scaling(np.zeros(width, np.float32), np.ones(width, np.float32), False)
    return {
        name: Ranker(scaling, initial_layers((width, 4, 1), np.random.default_rng((seed, place))))
        for place, name in enumerate(RANKERS)
    }


def ring(step: int, rng: np.random.Generator) -> SparseRows:
    """One neighbour an item, `step` before it."""
    indptr = np.arange(N_ITEMS + 1, dtype=np.int64)
    return SparseRows(indptr, np.roll(np.arange(N_ITEMS), step).astype(np.int32), rng.random(N_ITEMS, np.float32))


def visits() -> Sessions:
    """Six visits of two items, a minute apart."""
    pairs = np.arange(0, N_ITEMS + 1, 2, dtype=np.int64)
    every = np.arange(N_ITEMS, dtype=np.int32)
    return Sessions(np.arange(N_ITEMS + 1, dtype=np.int64), every // 2, pairs, every, 1_700_000_000 + 60 * pairs[:-1])


def tiny_release(seed: int = 0) -> Trained:
    """All parts over twelve items; the same seed gives the same parts."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((N_ITEMS, D)).astype(np.float32)
    ids = tuple(f"artikel-{n}-ü" for n in range(N_ITEMS))
    items = [
        Item(
            item_id,
            title=f"Item {n} of {seed}",
            category_path=("Home", "Tea")[: n % 3],
            brand="B",
            currency="GBP",
            price=100 + n,
            cost=50,
            list_price=120 + n,
            stock={"north": (n, 2), "south": (0, 1)} if n % 2 else {},
            weight_grams=10 * n,
            size_mm=(1, 2, n),
            available_s=1_600_000_000,
            deleted=n == 7,
        )
        for n, item_id in enumerate((*ids, "not-in-the-models"))
    ]
    described = content.build(items[:N_ITEMS])
    words = embed(described, items[:N_ITEMS])
    models = Models(
        versions={},
        item_ids=ids,
        item_item=ring(1, rng),
        transitions=ring(2, rng),
        together=ring(3, rng),
        coview=ring(4, rng),
        sessions=visits(),
        vectors=vectors,
        gram=(vectors.T @ vectors + np.eye(D)).astype(np.float32),
        fold_alpha=1.5,
        content_model=described,
        content=words,
        item_stats=rng.random((N_ITEMS, len(ITEM_STATS)), np.float32),
        trending=rng.permutation(N_ITEMS)[:6].astype(np.int32),
        index=FaissIndex.build(vectors),
        content_index=FaissIndex.build(words),
        rankers=Rankers(Unranked(), Unranked(), Unranked()),
        trained_through_s=1_700_000_000 + seed,
    )
    rankers = {name: to_onnx(ranker, FEATURES) for name, ranker in tiny_rankers(seed).items()}
    metrics = {"ranker": {"ndcg@10": 0.5}}
    rows = rng.standard_normal((8, len(FEATURES))).astype(np.float32)
    golden = {"features": rows, **{name: ranker.score(rows) for name, ranker in tiny_rankers(seed).items()}}
    return Trained(models, rankers, FEATURES, items, {"records.bin": bytes(100) + bytes([seed % 256])}, metrics, golden)
