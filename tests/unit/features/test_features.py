"""The features: the list, the calls and the files agree, and each is finite on anything."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path

import numpy as np
from worlds import NOW, Shelf, blob, checkerboard, few

import serving.features
from serving.core.catalogue import Item
from serving.decisions.recommend.contract import Query
from serving.decisions.recommend.pipeline import Recommender
from serving.features import FEATURES
from serving.features.columns import (
    I_AGE,
    I_BUYERS,
    I_INTERVAL,
    I_POPULARITY_7D,
    I_PRICE,
    I_REPURCHASE,
)
from serving.features.stats import REPURCHASE_PRIOR, item_stats, stats_of_new
from serving.kernels.history import DAY_S

HELPERS = {"__init__", "columns", "context", "inputs", "stats"}


def test_every_feature_file_is_listed_and_called_once() -> None:
    """A file that is not in FEATURES, or computed into another column, would train on the wrong numbers."""
    folder = Path(serving.features.__file__).parent
    assert {path.stem for path in folder.glob("*.py")} - HELPERS == set(FEATURES)
    source = inspect.getsource(serving.features)
    for column, name in enumerate(FEATURES):
        assert source.count(f"line[{column}] = {name}.value(x, r, i)") == 1
        assert import_module(f"serving.features.{name}").__doc__


def test_features_are_finite_and_batch_equals_single() -> None:
    """Visitors with everything, with one event and with none, on a catalogue with a new item."""
    models, catalogue = checkerboard()
    catalogue = catalogue.updated([Item("new", title="Item new", category_path=("all", "c1"), brand="b1")], 2)
    pipeline = Recommender(models, lambda: catalogue, Shelf(), few(candidates=30))
    blobs = [blob(("purchase-complete", "i2", 3), ("return", "i2", 1), ("detail-page-view", "i9", 0)), b"", b""]
    queries = [Query(user_id="a"), Query(), Query(placement="others-you-may-like", item_ids=("i1",))]
    rows, ptr, features = pipeline.features(queries, blobs, NOW)
    assert features.shape == (len(rows), len(FEATURES))
    assert 40 in rows
    assert np.isfinite(features).all()
    for i, query in enumerate(queries):
        _, _, alone = pipeline.features([query], [blobs[i]], NOW)
        np.testing.assert_array_equal(alone, features[ptr[i] : ptr[i + 1]])


def test_item_statistics_of_a_hand_made_shop() -> None:
    """Two users and an unknown one; item 0 is bought again after ten days, item 1 once, item 2 never."""
    now = 100 * DAY_S
    user = np.array([0, 0, 1, -1], np.int32)
    item = np.array([0, 0, 0, 1], np.int32)
    time = (now - np.array([17, 7, 7, 0.5]) * DAY_S).astype(np.int64)
    order = np.argsort(time)
    stats = item_stats(user[order], item[order], time[order], np.array([99, 49, 0]), 3, now)
    assert np.exp(stats[0, I_POPULARITY_7D]) - 0.5 == np.float32(0.5 + 0.5 + 2 ** (-17 / 7))
    assert np.allclose(np.exp(stats[:, I_PRICE]) - 1, [99, 49, 0], rtol=1e-4)
    assert np.allclose(np.exp(stats[:, I_BUYERS]) - 1, [2, 1, 0], rtol=1e-4)
    assert np.allclose(np.exp(stats[:, I_AGE]) - 1, [17, 0.5, 0], rtol=1e-4)
    assert stats[0, I_REPURCHASE] == np.float32((1 + 0.5 * REPURCHASE_PRIOR) / (2 + REPURCHASE_PRIOR))
    assert stats[0, I_INTERVAL] == np.float32(10)


def test_a_new_item_starts_as_the_mean_of_its_category() -> None:
    """Row 3 is new in category 1, row 4 in one nobody sells."""
    table = np.array([[1.0], [3.0], [8.0]], np.float32)
    category, brand = np.array([1, 1, 2, 1, 9], np.int32), np.zeros(5, np.int32)
    assert stats_of_new(table, category, brand, 5)[:, 0].tolist() == [1, 3, 8, 2, 4]
