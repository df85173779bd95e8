"""The fold of event records, and the visitor placed among the item factors, equal slow twins."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pytest
from histories import HALF, SHORT, N, folded, random_history, random_records, shop
from worlds import NOW

from serving.core.ids import hash64
from serving.events.fold import CART_HOLD_S, CONTEXT_DAMP, CONTEXT_WEIGHT, TYPE_INTEREST
from serving.events.records import RECORD
from serving.events.types import CART, PURCHASE, RETURN, UNCART, VIEW
from serving.kernels.fold_in import fold_in
from serving.kernels.history import BOUGHT, CARTED, CONTEXT, DAY_S, SEEN, USER_STATS, History

D = 16

seeds = pytest.mark.parametrize("rng", range(5), indirect=True)


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    return np.random.default_rng(request.param)


def slow_fold(records: np.ndarray, page: Sequence[int]) -> dict[int, tuple[float, ...]]:
    """A dictionary per column, one pass over the records: row -> the columns of History."""
    row_of = {hash64(item_id): row for item_id, row in shop().row_of.items()}
    interest, buys, decay, seen, last, touched, viewed = (defaultdict(float) for _ in range(7))
    kinds: dict[int, int] = {}
    visit, basket = 0, None
    for record in records:
        row = row_of.get(int(record["item"]))
        if row is None:
            continue
        at, kind = int(record["time_s"]), int(record["type"])
        age, positive = max(NOW - at, 0.0), TYPE_INTEREST[int(record["type"])] > 0
        together = (at, kind) if kind == PURCHASE else None
        visit += together is None or together != basket
        basket = together
        interest[row] += TYPE_INTEREST[kind] * 2 ** (-age / HALF) * (CONTEXT_DAMP if page else 1)
        if positive:
            touched[row] = visit
        if kind == VIEW:
            viewed[row] = max(viewed[row], at)
        if kind == PURCHASE:
            buys[row] += 1
            decay[row] += 2 ** (-age / SHORT)
            last[row] = max(last[row], at)
            kinds[row] = BOUGHT
        elif kind == RETURN:
            buys[row] = max(buys[row] - 1, 0)
        elif positive:
            seen[row] += 2 ** (-age / SHORT)
            in_cart = kind == CART and age < CART_HOLD_S
            kinds[row] = CARTED if in_cart else kinds.get(row, SEEN)
        elif kind == UNCART and kinds.get(row) == CARTED:
            kinds[row] = BOUGHT if buys[row] > 0 and not page else SEEN
    if page:
        buys.clear(), decay.clear(), seen.clear(), last.clear()
    out = {
        row: (max(interest[row], 0), buys[row], decay[row], seen[row], last[row], kinds.get(row, 0),
              visit - touched[row] + bool(page), viewed[row])
        for row in interest
    }  # fmt: skip
    for row in page:
        out[row] = (CONTEXT_WEIGHT, *out.get(row, (0,) * 8)[1:5], CONTEXT, 0, viewed[row])
    return out


def entries(history: History, r: int) -> dict[int, tuple[float, ...]]:
    """The same of the kernel; no row stands twice."""
    mine = slice(history.ptr[r], history.ptr[r + 1])
    lines = zip(*(column[mine].tolist() for column in history[2:]), strict=True)
    out = dict(zip(history.row[mine].tolist(), lines, strict=True))
    assert len(out) == history.ptr[r + 1] - history.ptr[r]
    return out


@seeds
def test_fold_equals_its_twin(rng: np.random.Generator) -> None:
    """Visitors with much, with nothing, on an item's page and on a page of items they know."""
    books = [random_records(rng, size) for size in (200, 0, 150, 9, 0)]
    pages = [[], [], [1, int(rng.integers(2, N)), 0], [5], [7]]
    history, stats = folded(books, pages)
    assert len(history.ptr) == 6
    for r, (book, page) in enumerate(zip(books, pages, strict=True)):
        found, expected = entries(history, r), slow_fold(book, page)
        assert found.keys() == expected.keys()
        for row, line in found.items():
            assert line == pytest.approx(expected[row], abs=1e-5)
        assert stats[r, USER_STATS.index("items")] == len(expected)


@seeds
def test_visitor_statistics_equal_their_definition(rng: np.random.Generator) -> None:
    """Baskets are the seconds in which something was bought; tenure and idleness count every record."""
    book, one = random_records(rng, 120), shop()
    _, stats = folded([book])
    row_of = {hash64(item_id): row for item_id, row in one.row_of.items()}
    lines = [
        (int(r["time_s"]), row_of[int(r["item"])]) for r in book if r["type"] == PURCHASE and int(r["item"]) in row_of
    ]
    baskets, first, last = len({at for at, _ in lines}), int(book["time_s"].min()), int(book["time_s"].max())
    history = slow_fold(book, [])
    assert dict(zip(USER_STATS, stats[0], strict=True)) == pytest.approx({
        "baskets": baskets,
        "buys": len(lines),
        "items": len(history),
        "idle_days": max(NOW - last, 0) / DAY_S,
        "tenure_days": (NOW - first) / DAY_S,
        "mean_log_price": np.mean([np.log1p(one.price[row]) for _, row in lines]),
        "repeat_share": sum(line[1] > 1 for line in history.values()) / len(history),
        "gap_days": (last - first) / DAY_S / (baskets - 1),
    }, rel=1e-5, abs=1e-6)  # fmt: skip


def test_fold_with_context_turns_the_memory_down() -> None:
    """Context items count fully, everything else by CONTEXT_DAMP, and none of it is a reason to be shown again."""
    records = np.zeros(1, RECORD)
    records["item"], records["time_s"], records["type"] = hash64("i1"), NOW, PURCHASE
    history, _ = folded([records], [[2]])
    assert dict(zip(history.row, history.interest, strict=True)) == pytest.approx({1: CONTEXT_DAMP, 2: CONTEXT_WEIGHT})
    assert history.kind.tolist() == [BOUGHT, CONTEXT]
    assert history.rank.tolist() == [1, 0]
    assert not history.buys.any() | history.buy_decay.any() | history.seen.any() | history.last_buy_s.any()


def test_a_basket_is_one_visit() -> None:
    """Two items bought together are as near to the end as each other; what came before is one visit further."""
    records = np.zeros(4, RECORD)
    records["item"] = [hash64(name) for name in ("i1", "i2", "i3", "i4")]
    records["time_s"] = NOW - np.array([9, 5, 5, 1]) * DAY_S
    records["type"] = [PURCHASE, PURCHASE, PURCHASE, VIEW]
    history, _ = folded([records])
    assert dict(zip(history.row.tolist(), history.rank.tolist(), strict=True)) == {1: 2, 2: 1, 3: 1, 4: 0}


@seeds
def test_fold_in_is_near_the_exact_solution(rng: np.random.Generator) -> None:
    """Conjugate gradients against numpy.linalg.solve: scores differ by less than 2 % of the largest."""
    history = random_history(rng, 6)
    vectors = (0.3 * rng.standard_normal((N, D))).astype(np.float32)
    gram = (0.05 * vectors.T @ vectors + 0.5 * np.eye(D)).astype(np.float32)
    found = fold_in(history, vectors, gram, np.float32(1.0))
    for r in range(6):
        part = slice(history.ptr[r], history.ptr[r + 1])
        y, w = vectors[history.row[part]].astype(float), history.interest[part].astype(float)
        exact = np.linalg.solve(gram + (y * w[:, None]).T @ y, (y * w[:, None]).sum(axis=0))
        scores, wanted = vectors @ found[r], vectors @ exact
        assert np.abs(scores - wanted).max() <= 0.02 * max(np.abs(wanted).max(), 1e-9)
