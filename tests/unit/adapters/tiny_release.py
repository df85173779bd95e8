"""A shop of twelve items, trained in no time: for the tests of publishing and loading. Read with runpy."""

from __future__ import annotations

import numpy as np

from model_repo.publish import Trained
from model_repo.ranker.network import Ranker, Scaling, initial_layers
from serving.adapters.faiss_index import FaissIndex
from serving.core.catalogue import Item
from serving.decisions.recommend.models import Models, SparseRows

FEATURES = ("price", "age", "taste")
N_ITEMS, D = 12, 4


class NoScorer:
    """Publishing does not read the scorer."""


def tiny_release(seed: int = 0) -> Trained:
    """All parts over twelve items; the same seed gives the same parts."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((N_ITEMS, D)).astype(np.float32)
    ids = tuple(f"artikel-{n}-ü" for n in range(N_ITEMS))
    models = Models(
        versions={},
        item_ids=ids,
        item_item=SparseRows(
            np.arange(N_ITEMS + 1, dtype=np.int64),
            np.roll(np.arange(N_ITEMS), 1).astype(np.int32),
            rng.random(N_ITEMS, np.float32),
        ),
        vectors=vectors,
        gram=(vectors.T @ vectors + np.eye(D)).astype(np.float32),
        fold_alpha=1.5,
        item_stats=rng.random((N_ITEMS, 5), np.float32),
        trending=rng.permutation(N_ITEMS)[:6].astype(np.int32),
        index=FaissIndex.build(vectors),
        scorer=NoScorer(),  # type: ignore[arg-type]
        trained_through_s=1_700_000_000 + seed,
    )
    width = len(FEATURES)
    ranker = Ranker(
        Scaling(np.zeros(width, np.float32), np.ones(width, np.float32), False), initial_layers((width, 4, 1), rng)
    )
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
    metrics = {"ranker": {"ndcg@10": 0.5}}
    return Trained(models, ranker, FEATURES, items, {"records.bin": bytes(100) + bytes([seed % 256])}, metrics)
