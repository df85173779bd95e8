"""One contract for every baseline, and for each a world whose answer is obvious."""

from __future__ import annotations

import math

import numpy as np
import pytest

from model_repo.evaluate.baselines import in_sequence, in_time, neighbours
from model_repo.evaluate.baselines import interactions as interactions_module
from model_repo.evaluate.baselines.als import ImplicitALS, available
from model_repo.evaluate.baselines.bpr import ImplicitBPR
from model_repo.evaluate.baselines.ease import EASE, closed_form
from model_repo.evaluate.baselines.ease_transitions import EASETransitions
from model_repo.evaluate.baselines.interactions import Interactions, ages_in_sequence, distinct_lines, from_split
from model_repo.evaluate.baselines.item_knn import ItemKNN, cosine_rows
from model_repo.evaluate.baselines.neighbours import head
from model_repo.evaluate.baselines.personal_top import PersonalTop
from model_repo.evaluate.baselines.popularity import Popularity
from model_repo.evaluate.baselines.rp3beta import RP3beta, walks
from model_repo.evaluate.baselines.slim import SLIM, regressed
from model_repo.evaluate.baselines.transitions import Transitions
from model_repo.evaluate.search import build, configurations
from model_repo.evaluate.splits import DAY_S, split_at

CONTENDERS = [
    pytest.param(one, id=f"{kind}-{one.name}", marks=pytest.mark.skipif(bool(one.missing), reason=one.missing))
    for kind, every in (("time", in_time()), ("sequence", in_sequence()))
    for one in every
]


def known(rows, n_users, n_items):
    """Interactions from (user, item, age, basket), oldest first."""
    rows = sorted(rows, key=lambda row: -row[2])
    user, item, age, basket = (np.array(column) for column in zip(*rows, strict=True))
    return Interactions(
        user.astype(np.int32), item.astype(np.int32), age.astype(np.float32), basket.astype(np.int64), n_users, n_items
    )


def checkerboard(n_users=20, n_items=12):
    """Even users buy even items, odd users odd ones; each misses one of its colour."""
    rows = []
    for user in range(n_users):
        own = [item for item in range(n_items) if item % 2 == user % 2]
        missing = own[(user // 2) % len(own)]
        rows += [(user, item, float(1 + at), user) for at, item in enumerate(own) if item != missing]
    return known(rows, n_users, n_items)


def scattered(n_users=20, n_items=12):
    """Everybody bought three to nine items at some time, no two items alike."""
    rng = np.random.default_rng(3)
    rows = [
        (user, int(item), float(rng.integers(1, 60)), 100 * user + at)
        for user in range(n_users)
        for at, item in enumerate(rng.permutation(n_items)[: rng.integers(3, 10)])
    ]
    return known(rows, n_users, n_items)


def everyone(world):
    return world.of_users(np.arange(world.n_users, dtype=np.int32))


def filtering(contender):
    """Values of the search with which a baseline leaves out what was bought; none for those that repeat by design."""
    every = configurations(contender.space, 500, seed=0)
    return [values for values in every if values.get("filter_bought") or values.get("bought") == "filter"]


FILTERING = [one for one in CONTENDERS if filtering(one.values[0])]


@pytest.mark.parametrize("contender", FILTERING)
def test_the_history_stays_out_where_it_is_filtered(contender):
    world = checkerboard()
    method = build(contender, filtering(contender)[0], 0)
    method.fit(world)
    lists = method.recommend(everyone(world), 6)
    had = set(zip(world.user.tolist(), world.item.tolist(), strict=True))
    assert not {(user, item) for user, line in enumerate(lists.tolist()) for item in line} & had


@pytest.mark.parametrize("contender", CONTENDERS)
class TestEveryBaseline:
    """The Protocol's promises."""

    def test_lists_have_the_asked_shape_valid_items_and_no_duplicates(self, contender):
        world = checkerboard()
        for values in configurations(contender.space, 4, seed=0):
            method = build(contender, values, 0)
            method.fit(world)
            lists = method.recommend(everyone(world), 5)
            assert lists.shape == (20, 5)
            assert lists.dtype == np.int32
            assert lists.min() >= -1
            assert lists.max() < 12
            for line in lists:
                real = line[line >= 0]
                assert len(set(real.tolist())) == len(real)
                assert (line[len(real) :] == -1).all()

    def test_the_same_data_and_values_give_the_same_lists(self, contender):
        world, first = checkerboard(), None
        values = next(configurations(contender.space, 1, seed=0))
        for _ in range(2):
            method = build(contender, values, 7)
            method.fit(world)
            lists = method.recommend(everyone(world), 4)
            assert first is None or np.array_equal(lists, first)
            first = lists

    def test_a_batch_equals_its_customers_one_by_one(self, contender):
        """In a world without symmetry: where two items are alike, rounding may order them either way."""
        world = scattered()
        method = build(contender, next(configurations(contender.space, 1, seed=0)), 0)
        method.fit(world)
        lists = method.recommend(everyone(world), 4)
        for user in (0, 1, 7, 19):
            alone = method.recommend(world.of_users(np.array([user], np.int32)), 4)
            assert np.array_equal(alone[0], lists[user])


@pytest.mark.parametrize(
    "method",
    [
        ItemKNN(bought="filter", shrink=0.0),
        ItemKNN(bought="filter", by="basket"),
        Transitions(both_ways=1.0),
        EASE(l2=1.0, filter_bought=True),
        EASETransitions(l2=1.0),
        RP3beta(filter_bought=True),
        SLIM(l1=0.01, l2=1.0, neighbours=12, filter_bought=True),
        pytest.param(
            ImplicitBPR(factors=8, iterations=200, filter_bought=True),
            marks=pytest.mark.skipif(not available(), reason="implicit is not installed"),
        ),
        pytest.param(
            ImplicitALS(factors=4, filter_bought=True, alpha=5.0),
            marks=pytest.mark.skipif(not available(), reason="implicit is not installed"),
        ),
    ],
    ids=lambda method: type(method).__name__,
)
def test_on_the_checkerboard_the_missing_item_of_ones_colour_comes_first(method):
    world = checkerboard()
    method.fit(world)
    lists = method.recommend(everyone(world), 1)
    assert all(line[0] % 2 == user % 2 for user, line in enumerate(lists))


def test_popularity_forgets_with_its_half_life():
    """Item 0 sold four times long ago, item 1 twice yesterday."""
    rows = [(0, 0, 100.0, at) for at in range(4)] + [(1, 1, 1.0, 8), (2, 1, 1.0, 9), (-1, 2, 1.0, 10)]
    world = known(rows, 3, 3)
    for half_life, best in ((math.inf, 0), (7.0, 1)):
        method = Popularity(half_life=half_life)
        method.fit(world)
        assert method.recommend(everyone(world), 3)[:, 0].tolist() == [best] * 3


def test_personal_top_orders_by_count_then_by_what_sells_now_and_fills_with_it():
    """User 0 bought item 3 twice, 1 and 2 once; 2 sells better than 1, and 4 is somebody else's."""
    rows = [(0, 3, 9.0, 0), (0, 3, 5.0, 1), (0, 1, 5.0, 1), (0, 2, 5.0, 1)]
    rows += [(1, 2, 1.0, 2), (1, 4, 1.0, 2), (2, 4, 1.0, 3)]
    method = PersonalTop(popular=0.01)
    world = known(rows, 3, 6)
    method.fit(world)
    assert method.recommend(everyone(world), 6)[0].tolist() == [3, 2, 1, 4, -1, -1]


def test_personal_top_with_a_half_life_prefers_the_recent():
    world = known([(0, 0, 100.0, 0), (0, 0, 90.0, 1), (0, 1, 1.0, 2)], 1, 2)
    for half_life, best in ((math.inf, 0), (10.0, 1)):
        method = PersonalTop(half_life=half_life)
        method.fit(world)
        assert method.recommend(everyone(world), 1)[0, 0] == best


def test_cosine_equals_its_dense_twin_and_keeps_the_largest():
    rng = np.random.default_rng(0)
    dense = (rng.random((30, 15)) < 0.3).astype(np.float32)
    from scipy import sparse

    found = cosine_rows(sparse.csc_matrix(dense), 3.0, 15).toarray()
    norm = np.sqrt((dense**2).sum(axis=0))
    expected = dense.T @ dense / (np.outer(norm, norm) + 3.0)
    np.fill_diagonal(expected, 0.0)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    pruned = cosine_rows(sparse.csc_matrix(dense), 3.0, 4).toarray()
    for line, whole in zip(pruned, expected, strict=True):
        fourth = np.sort(whole)[-4]
        np.testing.assert_allclose(line, np.where(whole >= fourth - 1e-9, whole, 0.0), rtol=1e-5)


def random_purchases(seed, rows=40, n=14):
    from scipy import sparse

    rng = np.random.default_rng(seed)
    return sparse.csr_matrix(((rng.random((rows, n)) < 0.3) * rng.random((rows, n))).astype(np.float32))


@pytest.mark.parametrize("seed", range(3))
def test_ease_is_the_best_linear_model_with_a_zero_diagonal(seed):
    """Each column of B is the ridge regression of one item on the others, which is what equation 8 claims."""
    x = random_purchases(seed).toarray().astype(np.float64)
    found = closed_form(random_purchases(seed), 2.0)
    for item in range(x.shape[1]):
        rest = np.delete(x, item, axis=1)
        expected = np.linalg.solve(rest.T @ rest + 2.0 * np.eye(rest.shape[1]), rest.T @ x[:, item])
        np.testing.assert_allclose(np.delete(found[:, item], item), expected, atol=1e-5)
        assert found[item, item] == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_walks_equal_the_sum_over_customers(seed):
    x = random_purchases(seed)
    dense = x.toarray().astype(np.float64)
    found = np.concatenate([block.toarray() for block in walks(x, 0.8, 0.3)])
    there = (dense / np.maximum(dense.sum(axis=0), 1e-12)) ** 0.8
    back = (dense / np.maximum(dense.sum(axis=1, keepdims=True), 1e-12)) ** 0.8
    expected = np.zeros((dense.shape[1],) * 2)
    for i in range(len(expected)):
        for j in range(len(expected)):
            if i != j:
                expected[i, j] = (there[:, i] * back[:, j]).sum() / max((dense[:, j] > 0).sum(), 1) ** 0.3
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("l1", [0.01, 0.5])
def test_slim_leaves_no_weight_that_would_lower_its_loss(seed, l1):
    """The conditions of the minimum [Karush, Kuhn, Tucker]: slope 0 where there is a weight, not negative elsewhere."""
    x = random_purchases(seed)
    gram = (x.T @ x).toarray()
    near = cosine_rows(x.tocsc(), 1.0, 6)
    found = regressed(gram, near, l1, 1.5).toarray()
    assert found.min() >= 0.0
    assert (found > 0).any()
    for item in range(len(gram)):
        mine = near[item].indices
        w = found[:, item]
        assert set(np.flatnonzero(w)) <= set(mine.tolist())
        slope = (gram @ w - gram[:, item] + 1.5 * w + l1)[mine]
        assert np.abs(slope[w[mine] > 0]).max(initial=0.0) < 2e-3
        assert slope[w[mine] == 0].min(initial=0.0) > -2e-3


def test_what_is_cubic_looks_at_the_most_bought_items_only():
    """Item 0 has three purchases, 1 and 2 two each, 3 one: of equals the first stay, one purchase never does."""
    rows = [(at, item, 1.0, 10 * at + item) for at, item in enumerate((0, 0, 0, 1, 1, 2, 2, 3))]
    world = known(rows, 8, 4)
    assert head(world, 2).tolist() == [0, 1]
    assert head(world, 99).tolist() == [0, 1, 2]


@pytest.mark.parametrize(("make", "few"), [(EASE, {"l2": 1.0}), (SLIM, {"l1": 0.0, "l2": 1.0}), (RP3beta, {})])
def test_own_brings_back_what_was_bought_even_outside_the_head(make, few):
    """Customer 0 alone bought item 12, lately; without `own` nothing speaks for it, with much of it it comes first."""
    board = checkerboard()
    rows = list(zip(board.user, board.item, board.age, board.basket, strict=True))
    world = known([*rows, (0, 12, 0.5, 99)], 20, 13)
    for own, first in ((0.0, False), (100.0, True)):
        method = make(own=own, half_life=1.0, **few)
        method.fit(world)
        assert (method.recommend(everyone(world), 1)[0, 0] == 12) == first


@pytest.mark.skipif(not available(), reason="implicit is not installed")
def test_bpr_finds_customers_by_the_number_they_had_and_knows_nothing_of_new_ones():
    """Customer 21 has no purchase: an empty list, not one from numbers that were drawn."""
    board = checkerboard()
    world = known(list(zip(board.user, board.item, board.age, board.basket, strict=True)), 22, 12)
    method = ImplicitBPR(factors=8, iterations=200, filter_bought=True)
    method.fit(world)
    lists = method.recommend(world.of_users(np.array([3, 4, 21], np.int32)), 1)
    assert (lists[0, 0] % 2, lists[1, 0] % 2, lists[2, 0]) == (1, 0, -1)


def test_products_in_blocks_and_their_largest_entries(monkeypatch):
    """More rows than a block has, of each the three largest beside the diagonal; a row of fewer keeps them all."""
    from scipy import sparse

    monkeypatch.setattr(neighbours, "BLOCK_ITEMS", 4)
    left = np.random.default_rng(0).random((9, 5)).astype(np.float32)
    left[7, :] = left[:, 2] = 0
    right = np.random.default_rng(1).random((5, 9)).astype(np.float32)
    blocks = neighbours.products(sparse.csr_matrix(left), sparse.csr_matrix(right))
    found = neighbours.largest((block for _, block in blocks), 3).toarray()
    expected = left @ right
    np.fill_diagonal(expected, 0)
    expected[expected < np.sort(expected, axis=1)[:, -3:-2]] = 0
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_an_item_that_is_its_own_neighbour_comes_back():
    world = checkerboard()
    for bought, repeats in (("self", True), ("filter", False)):
        method = ItemKNN(bought=bought, shrink=50.0)
        method.fit(world)
        line = method.recommend(everyone(world), 1)[0]
        assert ((world.user == 0) & (world.item == line[0])).any() == repeats


def test_transitions_follow_the_order():
    """0 -> 1 -> 2 in every sequence: after 1 comes 2, not 0, unless both ways count."""
    rows = [(user, item, float(2 - item), user * 3 + item) for user in range(5) for item in range(3)]
    rows += [(5, 1, 0.0, 99)]
    world = known(rows, 6, 3)
    method = Transitions(both_ways=0.0)
    method.fit(world)
    assert method.recommend(everyone(world), 2)[5].tolist() == [2, -1]


def test_chunks_do_not_show(monkeypatch):
    world = checkerboard()
    method = ItemKNN()
    method.fit(world)
    whole = method.recommend(everyone(world), 5)
    monkeypatch.setattr(interactions_module, "CHUNK_USERS", 3)
    assert np.array_equal(method.recommend(everyone(world), 5), whole)


def test_a_line_repeated_in_a_basket_counts_once_and_age_is_in_days(table_of):
    events = table_of(((0, 1, 2.0, 5), (0, 1, 2.0, 5), (0, 1, 3.0, 6), (-1, 2, 4.0, 7), (0, 9, 20.0, 8)))
    found = from_split(split_at(events, 10 * DAY_S), 1, 10)
    assert found.item.tolist() == [1, 1, 2]
    assert found.age.tolist() == [8.0, 7.0, 6.0]
    assert found.matrix().toarray()[0, 1] == 2.0
    assert found.matrix(by="basket").shape == (3, 10)
    assert len(distinct_lines(events)) == 4


def test_age_in_a_sequence_is_the_number_of_later_items():
    assert ages_in_sequence(np.array([0, 1, 0, 0, 1], np.int32)).tolist() == [2.0, 1.0, 1.0, 0.0, 0.0]
