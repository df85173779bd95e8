"""Past visits for session kNN: two indexes that say the same, newest first, bounded."""

from __future__ import annotations

import numpy as np
import pytest

from model_repo.datasets.tables import EventTable
from model_repo.sessions.build import ITEMS_MAX, Params, build
from serving.core.errors import InvalidInput
from serving.events.types import RETURN, UNCART, VIEW
from serving.kernels.session_knn import Sessions

LATE = 1e12


def visits(*rows: tuple[int, int, int], types: list[int] | None = None) -> EventTable:
    """(visit, item, second) events in time order, of nobody in particular."""
    basket, item, time_s = (np.array(column) for column in zip(*rows, strict=True))
    n = len(rows)
    return EventTable(
        np.full(n, -1, np.int32), item.astype(np.int32), time_s.astype(np.int64),
        np.array(types or [VIEW] * n, np.uint8), np.ones(n, np.int32), np.full(n, 100, np.int64),
        basket.astype(np.int64),
    )  # fmt: skip


def items_of(sessions: Sessions) -> list[list[int]]:
    """The items of each visit."""
    ptr = sessions.session_ptr
    return [sessions.session_items[ptr[s] : ptr[s + 1]].tolist() for s in range(len(ptr) - 1)]


def visits_of(sessions: Sessions, item: int) -> list[int]:
    return sessions.item_sessions[sessions.item_ptr[item] : sessions.item_ptr[item + 1]].tolist()


def test_visits_are_numbered_by_their_end_and_items_know_theirs_newest_first() -> None:
    """Visit 7 ended last though it began first; one of a single item teaches nothing."""
    found = build(visits((7, 0, 10), (5, 1, 20), (5, 2, 21), (9, 3, 30), (6, 1, 40), (6, 3, 41), (7, 1, 50)), 4, LATE)
    assert found.session_time_s.tolist() == [21, 41, 50]
    assert [sorted(items) for items in items_of(found)] == [[1, 2], [1, 3], [0, 1]]
    assert [visits_of(found, item) for item in range(4)] == [[2], [2, 1, 0], [0], [1]]


def test_types_and_dtypes_are_what_the_kernel_reads() -> None:
    found = build(visits((0, 0, 1), (0, 1, 2)), 3, LATE)
    assert [array.dtype.name for array in found] == ["int64", "int32", "int64", "int32", "int64"]
    assert (len(found.item_ptr), len(found.session_ptr)) == (4, 2)


def test_the_two_indexes_say_the_same() -> None:
    """Over random visits, as long as nothing is cut: item in visit <=> visit in item."""
    rng = np.random.default_rng(0)
    rows = sorted(
        ((int(v), int(i), int(t)) for v, i, t in rng.integers(0, (80, 30, 10_000), (600, 3))), key=lambda r: r[2]
    )
    found = build(visits(*rows), 30, LATE)
    one = {(s, item) for s, items in enumerate(items_of(found)) for item in items}
    assert one == {(s, item) for item in range(30) for s in visits_of(found, item)}
    assert (np.diff(found.session_time_s) >= 0).all()
    for item in range(30):
        assert visits_of(found, item) == sorted(visits_of(found, item), reverse=True)
    truth = {v: {i for w, i, _ in rows if w == v} for v, _, _ in rows}
    assert sorted(map(sorted, items_of(found))) == sorted(sorted(items) for items in truth.values() if len(items) > 1)


def test_only_the_newest_visits_are_kept() -> None:
    """Of all visits, and of those of one item."""
    rows = [(v, item, 10 * v) for v in range(9) for item in (0, v % 3 + 1)]
    found = build(visits(*rows), 4, LATE, Params(sessions_max=5))
    assert found.session_time_s.tolist() == [40, 50, 60, 70, 80]
    found = build(visits(*rows), 4, LATE, Params(recent_max=2))
    assert len(found.session_time_s) == 9
    assert visits_of(found, 0) == [8, 7]


def test_a_long_visit_is_kept_with_its_last_items() -> None:
    """An item seen again counts where it was seen last."""
    rows = [(0, item, item) for item in range(ITEMS_MAX + 10)] + [(0, 3, 1000)]
    (items,) = items_of(build(visits(*rows), ITEMS_MAX + 10, LATE))
    assert len(items) == len(set(items)) == ITEMS_MAX
    assert set(items) == {3, *range(11, ITEMS_MAX + 10)}


def test_nothing_at_or_after_the_moment_and_nothing_taken_back_is_seen() -> None:
    rows = [(0, 0, 1), (0, 1, 2), (0, 2, 3), (1, 0, 4), (1, 1, 5)]
    assert [sorted(items) for items in items_of(build(visits(*rows), 3, 3.0))] == [[0, 1]]
    kinds = [VIEW, VIEW, RETURN, VIEW, UNCART]
    assert [sorted(items) for items in items_of(build(visits(*rows, types=kinds), 3, LATE))] == [[0, 1]]


@pytest.mark.parametrize("rows", [[(0, 1, 1)], [(0, 1, 1), (1, 2, 2)]])
def test_without_a_visit_of_two_items_there_is_nothing(rows: list[tuple[int, int, int]]) -> None:
    """And no error; the offsets are whole."""
    found = build(visits(*rows), 3, LATE)
    assert [len(array) for array in found] == [4, 0, 1, 0, 0]
    none = build(visits(*rows).where(np.zeros(len(rows), np.bool_)), 3, LATE)
    assert [len(array) for array in none] == [4, 0, 1, 0, 0]


def test_parameters_out_of_range_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"sessions\.recent_max"):
        Params(recent_max=0)
