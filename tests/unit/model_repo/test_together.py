"""Bought together more often than by chance: chance gives next to nothing, a planted pair is found."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.stats import chi2_contingency

from model_repo.datasets.tables import EventTable
from model_repo.together.build import Params, build, likelihood_ratio, pairs
from serving.core.errors import InvalidInput
from serving.decisions.recommend.models import SparseRows
from serving.events.types import PURCHASE, VIEW
from serving.kernels.history import DAY_S

LATE = 1e12
BOUGHT = (PURCHASE,)


def baskets(*lists: list[int], kind: int = PURCHASE) -> EventTable:
    """One basket a day, each of a buyer of its own."""
    item = np.concatenate([np.array(some, np.int32) for some in lists])
    basket = np.repeat(np.arange(len(lists)), [len(some) for some in lists])
    n = len(item)
    return EventTable(
        basket.astype(np.int32), item, (basket * DAY_S).astype(np.int64), np.full(n, kind, np.uint8),
        np.ones(n, np.int32), np.full(n, 100, np.int64), basket.astype(np.int64),
    )  # fmt: skip


def random_baskets(n: int, items: int, seed: int = 0) -> list[list[int]]:
    """Five items each, drawn without regard to each other; some are ten times as popular as others."""
    rng = np.random.default_rng(seed)
    weight = np.linspace(10, 1, items)
    return [rng.choice(items, 5, replace=False, p=weight / weight.sum()).tolist() for _ in range(n)]


def dense(rows: SparseRows) -> np.ndarray:
    n = len(rows.indptr) - 1
    out = np.zeros((n, n), np.float32)
    out[np.repeat(np.arange(n), np.diff(rows.indptr)), rows.cols] = rows.vals
    return out


def test_independent_baskets_give_nearly_nothing() -> None:
    """Of 1,225 pairs at p < .001 about one is significant by chance, popular items no more than others."""
    found = dense(build(baskets(*random_baskets(3000, 50)), 50, LATE, BOUGHT))
    assert np.count_nonzero(np.triu(found)) <= 3


def test_a_planted_pair_is_found_and_stands_first() -> None:
    """Two rare items that mostly come together, among thousands of baskets of chance."""
    lists = random_baskets(2000, 50) + [[50, 51, number % 50] for number in range(30)] + [[50, 3], [51, 7]]
    found = dense(build(baskets(*lists), 52, LATE, BOUGHT))
    assert found[50].argmax() == 51
    assert found[51].argmax() == 50
    assert np.count_nonzero(np.triu(found)) <= 4


def test_a_popular_item_is_no_companion_of_everything() -> None:
    """It is in every other basket, so that it is in every other basket with anything: no lift."""
    lists = [[0] * (n % 2) + [item + 1 for item in some] for n, some in enumerate(random_baskets(2000, 20))]
    found = dense(build(baskets(*lists), 21, LATE, BOUGHT))
    assert np.count_nonzero(found[0]) + np.count_nonzero(found[:, 0]) <= 2


def two_pairs(*more: list[int]) -> list[list[int]]:
    """Items 50 and 51 in thirty baskets, 52 and 53 in four, 54 and 55 in two, among baskets of chance."""
    planted = [
        [a, b, number % 50] for a, b, times in ((50, 51, 30), (52, 53, 4), (54, 55, 2)) for number in range(times)
    ]
    return random_baskets(500, 50) + planted + list(more)


def test_the_evidence_is_of_the_pair_and_the_value_of_a_direction() -> None:
    """The bound is the same both ways round; the share of one item's baskets that hold the other is not."""
    lists = two_pairs(*([51, number % 50] for number in range(60)))
    had = np.zeros((len(lists), 56), np.float32)
    for place, items in enumerate(lists):
        had[place, items] = 1.0
    row, col, both, bound = pairs(sparse.csr_matrix(had), Params())
    said = {(r, c): (k, v) for r, c, k, v in zip(row.tolist(), col.tolist(), both, bound, strict=True)}
    assert all(said[c, r] == (k, pytest.approx(v, rel=1e-12)) for (r, c), (k, v) in said.items())
    found, (times, lift) = dense(build(baskets(*lists), 56, LATE, BOUGHT)), said[50, 51]
    assert times == 30
    assert found[50, 51] == pytest.approx(30 / 30 * lift, rel=1e-5)
    assert found[51, 50] == pytest.approx(30 / 90 * lift, rel=1e-5)


def test_rare_pairs_must_prove_more() -> None:
    """Four times together of four says less than thirty of thirty; below the support it says nothing."""
    found = dense(build(baskets(*two_pairs()), 56, LATE, BOUGHT))
    assert found[54, 55] == 0
    assert found[50, 51] > 0
    bold = dense(build(baskets(*two_pairs()), 56, LATE, BOUGHT, Params(z=0.0)))
    assert 0 < found[52, 53] < bold[52, 53]
    assert bold[52, 53] - found[52, 53] > bold[50, 51] - found[50, 51] > 0


def test_only_the_neighbours_asked_for_are_kept() -> None:
    """The strongest of each row."""
    lists = two_pairs(*([50, 52, number % 50] for number in range(10)))
    found, kept = (dense(build(baskets(*lists), 56, LATE, BOUGHT, Params(neighbours=k))) for k in (50, 1))
    assert np.count_nonzero(found[50]) > 1
    assert (np.count_nonzero(kept, axis=1) <= 1).all()
    assert kept[50].argmax() == found[50].argmax() == 51


def test_the_ratio_is_the_g_statistic_of_the_table() -> None:
    """Against SciPy's, over tables with and without empty cells."""
    tables = [(10, 20, 30, 1000), (3, 3, 3, 50), (1, 40, 60, 200), (0, 5, 9, 80)]
    for both, one, other, n in tables:
        table = [[both, one - both], [other - both, n - one - other + both]]
        expected = chi2_contingency(np.array(table), correction=False, lambda_="log-likelihood").statistic
        arrays = (np.array([float(x)]) for x in (both, one, other))
        assert likelihood_ratio(*arrays, n)[0] == pytest.approx(expected, rel=1e-9)


def test_only_the_types_asked_for_and_only_before_the_moment() -> None:
    """Views are no purchases; what happens at the moment is not before it."""
    lists = two_pairs()
    whole = build(baskets(*lists), 56, LATE, BOUGHT)
    assert build(baskets(*lists, kind=VIEW), 56, LATE, BOUGHT).vals.size == 0
    np.testing.assert_array_equal(build(baskets(*lists, kind=VIEW), 56, LATE, (VIEW,)).vals, whole.vals)
    assert build(baskets(*lists), 56, 0.0, BOUGHT).vals.size == 0
    early = build(baskets(*lists), 56, 520 * DAY_S, BOUGHT)
    np.testing.assert_array_equal(early.vals, build(baskets(*lists[:520]), 56, LATE, BOUGHT).vals)
    assert early.vals.size not in (0, whole.vals.size)


def test_an_item_twice_in_a_basket_counts_once() -> None:
    """However many lines the receipt has."""
    lists = two_pairs()
    one, other = (build(baskets(*some), 56, LATE, BOUGHT) for some in (lists, [some * 2 for some in lists]))
    np.testing.assert_array_equal(one.vals, other.vals)
    assert one.vals.size


def test_a_basket_of_everything_says_nothing_of_its_pairs() -> None:
    """A wholesaler's order is left out whole: the rest is as if it were not there."""
    lists = two_pairs()
    with_all = build(baskets(*lists, list(range(30))), 56, LATE, BOUGHT, Params(basket_items_max=20))
    without = build(baskets(*lists), 56, LATE, BOUGHT)
    assert without.vals.size
    for name in ("indptr", "cols", "vals"):
        np.testing.assert_array_equal(getattr(with_all, name), getattr(without, name))


def test_parameters_out_of_range_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"together\.support_min"):
        Params(support_min=0)
