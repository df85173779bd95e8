"""What comes next: an obvious chain is found in its direction, and nothing across users."""

from __future__ import annotations

import numpy as np
import pytest

from model_repo.datasets.tables import EventTable
from model_repo.transitions.build import Params, build
from serving.core.errors import InvalidInput
from serving.decisions.recommend.models import SparseRows
from serving.events.types import PURCHASE, RETURN, UNCART
from serving.kernels.history import DAY_S

PLAIN = Params(smoothing=0.0, from_power=0.0, to_power=0.0, power=1.0, both_ways=0.0)
"""Counts as they are, forwards alone."""
LATE = 1e12


def table(*rows: tuple[int, int, float, int], types: list[int] | None = None) -> EventTable:
    """(user, item, day, visit) events, in time order; purchases unless said."""
    user, item, day, basket = (np.array(column) for column in zip(*rows, strict=True))
    n = len(rows)
    return EventTable(
        user.astype(np.int32), item.astype(np.int32), (day * DAY_S).astype(np.int64),
        np.array(types or [PURCHASE] * n, np.uint8), np.ones(n, np.int32), np.full(n, 100, np.int64),
        basket.astype(np.int64),
    )  # fmt: skip


def chain(users: int, items: int) -> EventTable:
    """Everybody has item 0, a day later item 1, and so on."""
    return table(*((user, item, float(item), user * items + item) for item in range(items) for user in range(users)))


def dense(rows: SparseRows) -> np.ndarray:
    n = len(rows.indptr) - 1
    out = np.zeros((n, n), np.float32)
    out[np.repeat(np.arange(n), np.diff(rows.indptr)), rows.cols] = rows.vals
    return out


def test_a_chain_is_found_in_its_direction() -> None:
    """The next item is the strongest, the one after it weaker by the decay, those before are none."""
    found = dense(build(chain(4, 6), 6, LATE, PLAIN))
    assert found[:5].argmax(axis=1).tolist() == [1, 2, 3, 4, 5]
    for i in range(6):
        for j in range(6):
            expected = 4 * PLAIN.skip_decay ** (j - i - 1) if j > i else 0.0
            assert found[i, j] == pytest.approx(expected, rel=1e-5)


def test_the_reverse_counts_for_less() -> None:
    """With both ways, what came before is known too, and stands behind what comes next."""
    found = dense(build(chain(4, 6), 6, LATE))
    middle = found[2]
    assert middle[3] > middle[1] > 0
    assert middle.argmax() == 3


@pytest.mark.parametrize("gap_max", [1, 2])
def test_a_gap_beyond_the_bound_does_not_count(gap_max: int) -> None:
    """Visits between, not days."""
    found = dense(build(chain(2, 5), 5, LATE, Params(**{**vars_of(PLAIN), "gap_max": gap_max})))
    reach = [max(np.flatnonzero(found[i]) - i, default=0) for i in range(5)]
    assert reach == [min(gap_max, 4 - i) for i in range(5)]


def vars_of(params: Params) -> dict[str, float]:
    return {name: getattr(params, name) for name in Params.__slots__}


def test_users_do_not_run_into_each_other() -> None:
    """The last visit of one user and the first of the next are no pair; nor are buyers whom nobody knows."""
    events = table((0, 0, 1, 0), (0, 1, 2, 1), (1, 2, 1, 2), (1, 3, 2, 3), (-1, 4, 1, 4), (-1, 5, 2, 5))
    found = dense(build(events, 6, LATE, PLAIN))
    assert sorted(zip(*np.nonzero(found), strict=True)) == [(0, 1), (2, 3)]


def test_items_of_one_visit_say_nothing_of_an_order() -> None:
    """Two things bought at once are no transition; the visit after them follows both."""
    found = dense(build(table((0, 0, 1, 0), (0, 1, 1, 0), (0, 1, 1, 0), (0, 2, 2, 1)), 3, LATE, PLAIN))
    assert found.tolist() == [[0, 0, 1], [0, 0, 1], [0, 0, 0]]


def test_nothing_at_or_after_the_moment_and_nothing_taken_back_is_seen() -> None:
    """Returns and what is taken out of the cart are no visits of their own."""
    rows = ((0, 0, 1, 0), (0, 1, 2, 1), (0, 2, 3, 2), (0, 3, 4, 3))
    whole = dense(build(table(*rows[:2]), 4, LATE, PLAIN))
    np.testing.assert_array_equal(dense(build(table(*rows), 4, 3 * DAY_S, PLAIN)), whole)
    types = [PURCHASE, PURCHASE, RETURN, UNCART]
    np.testing.assert_array_equal(dense(build(table(*rows, types=types), 4, LATE, PLAIN)), whole)


def test_rows_are_bounded_and_in_order() -> None:
    """The strongest entries, columns ascending, never the item itself."""
    found = build(chain(3, 30), 30, LATE, Params(gap_max=20, neighbours=4))
    assert np.diff(found.indptr).max() == 4
    for i in range(30):
        cols = found.cols[found.indptr[i] : found.indptr[i + 1]].tolist()
        assert cols == sorted(set(cols) - {i})
        assert i == 29 or i + 1 in cols
    assert (found.vals > 0).all()


def test_a_visit_counts_with_its_first_items_alone() -> None:
    """A crawler's visit must not make a square of pairs."""
    rows = [*((0, item, 1.0, 0) for item in range(20)), (0, 20, 2.0, 1)]
    found = dense(build(table(*rows), 21, LATE, Params(visit_items_max=5)))
    assert np.flatnonzero(found[:, 20]).tolist() == [0, 1, 2, 3, 4]


def test_without_events_there_is_nothing() -> None:
    """And no error."""
    none = chain(1, 2).where(np.zeros(2, np.bool_))
    found = build(none, 3, LATE)
    assert (found.indptr.tolist(), len(found.cols), len(found.vals)) == ([0, 0, 0, 0], 0, 0)


def test_same_events_same_bytes() -> None:
    one, other = (build(chain(5, 12), 12, LATE) for _ in range(2))
    for name in ("indptr", "cols", "vals"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), strict=True)


def test_parameters_out_of_range_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"transitions\.gap_max"):
        Params(gap_max=0)
