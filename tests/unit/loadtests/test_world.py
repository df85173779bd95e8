"""Generated shops are what they say: sound arrays, popular heads, the same for the same seed."""

from __future__ import annotations

import numpy as np

from loadtests.bench.world_items import NOW_S, category_path, made_items, shelves, word
from loadtests.bench.world_models import DIMENSIONS, factors, gram
from loadtests.bench.world_rows import INSIDE_SHARE, neighbours
from loadtests.bench.world_visits import RECORDS_MAX, item_hashes, profiles, visits
from serving.core.catalogue import Catalogue
from serving.core.ids import hash64
from serving.events.records import RECORD

N = 2000


def test_shelves_hold_every_item_once_and_a_few_sell_most() -> None:
    """Every category has an item, shares sum to one, and what is drawn most often is what has the largest share."""
    shelf = shelves(N, 0)
    assert np.array_equal(np.sort(shelf.members), np.arange(N))
    assert (np.diff(shelf.ptr) > 0).all()
    assert np.array_equal(shelf.category[shelf.members], np.repeat(np.arange(len(shelf.ptr) - 1), np.diff(shelf.ptr)))
    assert np.isclose(shelf.share.sum(), 1.0)
    rng = np.random.default_rng(0)
    drawn = np.bincount(shelf.draw(shelf.categories(200_000, rng), rng), minlength=N) / 200_000
    assert np.abs(drawn - shelf.share).max() < 0.003
    assert np.sort(shelf.share)[-N // 10 :].sum() > 0.4


def test_words_are_all_different() -> None:
    """Two categories of one name would be one category."""
    assert len({word(number) for number in range(5000)}) == 5000
    assert len({category_path(number) for number in range(2000)}) == 2000


def test_neighbours_are_rows_of_a_matrix() -> None:
    """Columns ascend without repeating, nothing is its own neighbour, most are of the own category."""
    shelf = shelves(N, 0)
    counts = np.arange(N) % 30
    found = neighbours(counts, shelf.category, shelf.ptr, shelf.members, shelf.category_cdf, np.uint64(5))
    indptr, cols, vals = found
    owner = np.repeat(np.arange(N), np.diff(indptr))
    assert (np.diff(indptr) <= counts).all()
    assert len(cols) > 0.7 * counts.sum()
    assert (np.diff(owner * N + cols) > 0).all()
    assert (owner != cols).all()
    assert (vals > 0).all()
    assert (shelf.category[owner] == shelf.category[cols]).mean() > INSIDE_SHARE / 2
    again = neighbours(counts, shelf.category, shelf.ptr, shelf.members, shelf.category_cdf, np.uint64(5))
    other = neighbours(counts, shelf.category, shelf.ptr, shelf.members, shelf.category_cdf, np.uint64(6))
    assert all(np.array_equal(one, two) for one, two in zip(found, again, strict=True))
    assert not np.array_equal(cols, other[1])


def test_profiles_name_items_of_the_catalogue_and_end_before_now() -> None:
    """Records lie in order, no longer than the store keeps them, and the same seed makes the same visitors."""
    shelf = shelves(N, 0)
    items = list(made_items(shelf, 0))
    catalogue = Catalogue.build(items, model_ids=[item.item_id for item in items])
    hashes = item_hashes(catalogue)
    assert hashes[17] == hash64(items[17].item_id)
    stored = profiles(shelf, catalogue, 50, 0)
    assert len(stored) == 50
    for blob in stored.values():
        records = np.frombuffer(blob, RECORD)
        assert 1 <= len(records) <= RECORDS_MAX
        assert np.isin(records["item"], hashes).all()
        assert (np.diff(records["time_s"].astype(np.int64)) >= 0).all()
        assert records["time_s"].max() < NOW_S
    assert stored == profiles(shelf, catalogue, 50, 0)
    assert stored != profiles(shelf, catalogue, 50, 1)


def test_visits_are_in_order_and_of_at_least_two_lines() -> None:
    """What the session store's builder reads."""
    table = visits(shelves(N, 0), 0)
    assert (np.diff(table.time_s) >= 0).all()
    assert np.bincount(table.basket).min() >= 2
    assert table.item.max() < N


def test_factors_lie_in_clusters_and_long_ones_sell_more() -> None:
    """Items of one category are nearer to each other than to others; the gram can be solved."""
    shelf = shelves(N, 0)
    vectors = factors(shelf, 0)
    assert vectors.shape == (N, DIMENSIONS)
    assert vectors.dtype == np.float32
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    likeness = units @ units.T
    same = np.equal.outer(shelf.category, shelf.category)
    assert likeness[same].mean() > likeness[~same].mean() + 0.4
    assert np.corrcoef(np.linalg.norm(vectors, axis=1), np.cbrt(shelf.share))[0, 1] > 0.5
    assert np.linalg.eigvalsh(gram(vectors).astype(np.float64)).min() > 1.0
