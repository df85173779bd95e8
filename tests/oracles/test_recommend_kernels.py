"""Every kernel of the recommend pipeline equals a slow twin that a reader can check by eye."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from worlds import NOW

from serving.core.catalogue import Catalogue, Item
from serving.core.ids import hash64
from serving.decisions.recommend.contract import ReasonCode, Source
from serving.decisions.recommend.models import SparseRows
from serving.events.fold import CART_HOLD_S, CONTEXT_DAMP, CONTEXT_WEIGHT, TYPE_INTEREST, fold
from serving.events.records import RECORD
from serving.events.types import CART, EVENT_TYPES, PURCHASE, RETURN, UNCART
from serving.kernels import candidates as c
from serving.kernels import reasons as why
from serving.kernels.candidates import Quotas, Request, candidates, gather
from serving.kernels.fold_in import fold_in
from serving.kernels.history import BOUGHT, CARTED, CONTEXT, DAY_S, SEEN, History
from serving.kernels.reasons import reasons
from serving.kernels.rerank import Page, rerank

N, D, HALF, SHORT = 60, 16, 90 * DAY_S, 21 * DAY_S


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    return np.random.default_rng(request.param)


seeds = pytest.mark.parametrize("rng", range(5), indirect=True)


def catalogue() -> Catalogue:
    items = [Item(f"i{row}", price=50 + row, brand=f"b{row % 3}", category_path=(f"c{row % 4}",)) for row in range(N)]
    return Catalogue.build(items, model_ids=[item.item_id for item in items])


def random_records(rng: np.random.Generator, count: int) -> np.ndarray:
    records = np.zeros(count, RECORD)
    names = [f"i{row}" for row in range(N)] + ["unknown"]
    records["item"] = [hash64(names[k]) for k in rng.integers(0, len(names), count)]
    records["item"][rng.random(count) < 0.1] = 0
    records["time_s"] = np.sort(NOW - rng.integers(-3600, 200 * DAY_S, count)).astype(np.uint32)
    records["type"] = rng.integers(0, len(EVENT_TYPES), count)
    recent = slice(count - count // 3, count)
    records["time_s"][recent] = np.sort(NOW - rng.integers(0, 2 * DAY_S, count // 3))
    return records


def random_history(rng: np.random.Generator, requests: int) -> tuple[History, np.ndarray]:
    """The fold of random records, with context items in some requests."""
    books = [random_records(rng, int(size)) for size in rng.integers(0, 40, requests)]
    ptr = np.concatenate(([0], np.cumsum([len(book) for book in books]))).astype(np.int64)
    shop = catalogue()
    context_ptr = np.arange(requests + 1, dtype=np.int64) // 2
    context = rng.integers(0, N, int(context_ptr[-1])).astype(np.int32)
    return fold(
        np.concatenate(books), ptr, context, context_ptr, shop.hash_keys, shop.hash_rows, shop.price, NOW, HALF, SHORT
    )


@seeds
def test_fold_equals_its_twin(rng: np.random.Generator) -> None:
    """A dictionary per item, one pass over the records."""
    shop, records = catalogue(), random_records(rng, 200)
    nothing, nowhere = np.zeros(0, np.int32), np.zeros(2, np.int64)
    history, stats = fold(
        records, np.array([0, 200]), nothing, nowhere, shop.hash_keys, shop.hash_rows, shop.price, NOW, HALF, SHORT
    )
    row_of = {hash64(item_id): row for item_id, row in shop.row_of.items()}
    interest, buys, decay, seen, last = (defaultdict(float) for _ in range(5))
    kinds: dict[int, int] = {}
    for record in records:
        row = row_of.get(int(record["item"]))
        if row is None:
            continue
        age, kind = max(NOW - int(record["time_s"]), 0.0), int(record["type"])
        interest[row] += TYPE_INTEREST[kind] * 2 ** (-age / HALF)
        if kind == PURCHASE:
            buys[row] += 1
            decay[row] += 2 ** (-age / SHORT)
            last[row] = max(last[row], int(record["time_s"]))
            kinds[row] = BOUGHT
        elif kind == RETURN:
            buys[row] = max(buys[row] - 1, 0)
        elif TYPE_INTEREST[kind] > 0:
            seen[row] += 2 ** (-age / SHORT)
            in_cart = kind == CART and age < CART_HOLD_S
            kinds[row] = CARTED if in_cart else kinds.get(row, SEEN)
        elif kind == UNCART and kinds.get(row) == CARTED:
            kinds[row] = BOUGHT if buys[row] > 0 else SEEN
    assert sorted(history.row) == sorted(interest)
    for i, row in enumerate(history.row):
        assert history.interest[i] == pytest.approx(max(interest[row], 0), abs=1e-5)
        assert history.buys[i] == buys[row]
        assert history.buy_decay[i] == pytest.approx(decay[row], abs=1e-5)
        assert history.seen[i] == pytest.approx(seen[row], abs=1e-5)
        assert history.last_buy_s[i] == last[row]
        assert history.kind[i] == kinds.get(row, 0)
    assert stats[0, 2] == len(interest)


def test_fold_with_context_turns_the_memory_down() -> None:
    """Context items count fully, everything else by CONTEXT_DAMP."""
    shop = catalogue()
    records = np.zeros(1, RECORD)
    records["item"], records["time_s"], records["type"] = hash64("i1"), NOW, PURCHASE
    history, _ = fold(
        records, np.array([0, 1]), np.array([2], np.int32), np.array([0, 1]),
        shop.hash_keys, shop.hash_rows, shop.price, NOW, HALF, SHORT,
    )  # fmt: skip
    assert dict(zip(history.row, history.interest, strict=True)) == pytest.approx({1: CONTEXT_DAMP, 2: CONTEXT_WEIGHT})
    assert history.kind.tolist() == [BOUGHT, CONTEXT]


@seeds
def test_fold_in_is_near_the_exact_solution(rng: np.random.Generator) -> None:
    """Conjugate gradients against numpy.linalg.solve: scores differ by less than 2 % of the largest."""
    history, _ = random_history(rng, 6)
    vectors = (0.3 * rng.standard_normal((N, D))).astype(np.float32)
    gram = (0.05 * vectors.T @ vectors + 0.5 * np.eye(D)).astype(np.float32)
    found = fold_in(history, vectors, gram, np.float32(1.0))
    for r in range(6):
        part = slice(history.ptr[r], history.ptr[r + 1])
        y, w = vectors[history.row[part]].astype(float), history.interest[part].astype(float)
        exact = np.linalg.solve(gram + (y * w[:, None]).T @ y, (y * w[:, None]).sum(axis=0))
        scores, wanted = vectors @ found[r], vectors @ exact
        assert np.abs(scores - wanted).max() <= 0.02 * max(np.abs(wanted).max(), 1e-9)


def random_item_item(rng: np.random.Generator) -> tuple[SparseRows, np.ndarray]:
    dense = np.where(rng.random((N, N)) < 0.2, rng.random((N, N)), 0.0).astype(np.float32)
    np.fill_diagonal(dense, 0)
    indptr = np.concatenate(([0], np.cumsum((dense > 0).sum(axis=1)))).astype(np.int64)
    return SparseRows(indptr, np.nonzero(dense)[1].astype(np.int32), dense[dense > 0]), dense


@seeds
def test_gather_is_a_sparse_product(rng: np.random.Generator) -> None:
    """acc = interest @ item-item."""
    rows, dense = random_item_item(rng)
    history, _ = random_history(rng, 1)
    acc = np.zeros(N, np.float32)
    gather(history, 0, history.ptr[1], rows.indptr, rows.cols, rows.vals, acc)
    x = np.zeros(N)
    x[history.row] = history.interest
    np.testing.assert_allclose(acc, x @ dense, atol=1e-4)


@seeds
def test_candidates_equal_their_twin(rng: np.random.Generator) -> None:
    """Each source in its order and quota, nothing twice, blocked or unavailable; signals from products."""
    item_item, dense = random_item_item(rng)
    b = 4
    history, _ = random_history(rng, b)
    users, vectors = rng.random((b, D), np.float32), rng.random((N, D), np.float32)
    popularity = rng.random(N).astype(np.float32)
    available = rng.random(N) < 0.8
    found = np.array([rng.permutation(N)[:20] for _ in range(b)], np.int64)
    trending, fresh = rng.permutation(N).astype(np.int32), np.array([3, 5, 7], np.int32)
    blocked = rng.integers(0, N, 2 * b).astype(np.int32)
    given = rng.permutation(N)[:9].astype(np.int32)
    request = Request(
        np.arange(0, 2 * b + 1, 2), blocked, np.array([0, 0, 0, 0, 9]), given, np.array([False, False, False, True])
    )
    quotas = Quotas(total=30, item_item=8, factors=5, repeat=4, fresh=2)
    rows, signals, ptr = candidates(
        history, NOW, request, quotas, item_item.indptr, item_item.cols, item_item.vals,
        users, vectors, popularity, found, trending, fresh, available,
    )  # fmt: skip
    for r in range(b):
        mine = slice(history.ptr[r], history.ptr[r + 1])
        own, interest = history.row[mine], history.interest[mine]
        forbidden = set(blocked[2 * r : 2 * r + 2]) | set(own[history.kind[mine] == CONTEXT])
        if not request.is_given[r]:
            forbidden |= set(own[history.kind[mine] == CARTED])
        allowed = [row for row in range(N) if available[row] and row not in forbidden]
        x = np.zeros(N)
        x[own] = interest
        score = x @ dense
        taken: dict[int, int] = {}

        def take(source: int, order: list[int], quota: int) -> None:
            for row in [row for row in order if row in allowed and row not in taken][:quota]:  # noqa: B023
                if len(taken) < quotas.total:  # noqa: B023
                    taken[row] = source  # noqa: B023

        if request.is_given[r]:
            take(c.GIVEN, list(given), len(given))
        else:
            buy = {
                row: (n + decay) * popularity[row]
                for row, n, decay in zip(own, history.buys[mine], history.buy_decay[mine], strict=True)
                if n > 0
            }
            take(c.REPEAT, sorted(buy, key=lambda row: -buy[row]), quotas.repeat)
            take(c.ITEM_ITEM, [row for row in np.argsort(-score) if score[row] > 0], quotas.item_item)
            take(c.FACTORS, list(found[r]), quotas.factors)
            take(c.FRESH, list(fresh), quotas.fresh)
            take(c.TRENDING, list(trending), quotas.total)
        part = slice(ptr[r], ptr[r + 1])
        assert dict(zip(rows[part], signals[part, c.S_SOURCE], strict=True)) == taken
        np.testing.assert_allclose(signals[part, c.S_ITEM_ITEM], score[rows[part]], atol=1e-4)
        np.testing.assert_allclose(signals[part, c.S_FACTORS], vectors[rows[part]] @ users[r], rtol=1e-4)


@seeds
def test_rerank_equals_greedy_mmr(rng: np.random.Generator) -> None:
    """Maximal marginal relevance under caps, written the slow way."""
    m, size, weight, cap = 30, 8, np.float32(0.4), 3
    rows = rng.permutation(N)[:m].astype(np.int32)
    scores = rng.random(m).astype(np.float32)
    units = rng.standard_normal((N, D)).astype(np.float32)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    brand, category = (np.arange(N, dtype=np.int32) % 3) + 1, np.zeros(N, np.int32)
    one = np.ones(1, np.int32)
    page = Page(one * size, np.array([weight]), one * cap, one * 0, one * 0)
    signals = np.zeros((m, len(c.SIGNALS)), np.float32)
    picks, ptr = rerank(rows, scores, np.array([0, m]), signals, page, units, brand, category)
    relevance = (scores - scores.min()) / (scores.max() - scores.min())
    chosen: list[int] = []
    while len(chosen) < size:
        best, value = None, -np.inf
        for i in np.argsort(-scores, kind="stable"):
            if i in chosen or sum(brand[rows[j]] == brand[rows[i]] for j in chosen) >= cap:
                continue
            likeness = max([0.0, *(float(units[rows[i]] @ units[rows[j]]) for j in chosen)])
            marginal = (1 - weight) * relevance[i] - weight * likeness
            if marginal > value + 1e-7:
                best, value = i, marginal
        if best is None:
            break
        chosen.append(best)
    assert picks.tolist() == chosen
    assert ptr.tolist() == [0, len(chosen)]


@seeds
def test_reasons_name_the_largest_contribution(rng: np.random.Generator) -> None:
    """The related item and its share of the item-item score, from a dense matrix."""
    item_item, dense = random_item_item(rng)
    history, _ = random_history(rng, 2)
    rows = np.concatenate([rng.permutation(N)[:10] for _ in range(2)]).astype(np.int32)
    signals = np.zeros((20, len(c.SIGNALS)), np.float32)
    picks, ptr = np.arange(20), np.array([0, 10, 20])
    code, related, weight, _ = reasons(
        rows, picks, ptr, signals, history, item_item.indptr, item_item.cols, item_item.vals, np.array([True, True])
    )
    for r in range(2):
        mine = slice(history.ptr[r], history.ptr[r + 1])
        for i in range(ptr[r], ptr[r + 1]):
            parts = history.interest[mine] * dense[history.row[mine], rows[i]]
            if not len(parts) or parts.max() <= 0:
                assert related[i] == -1
                continue
            assert related[i] == history.row[mine][parts.argmax()]
            assert weight[i] == pytest.approx(parts.max() / parts.sum(), rel=1e-4)
            kind = history.kind[mine][parts.argmax()]
            named = {BOUGHT: ReasonCode.BECAUSE_YOU_BOUGHT, CONTEXT: ReasonCode.BOUGHT_TOGETHER}
            assert code[i] == named.get(kind, ReasonCode.BECAUSE_YOU_VIEWED)


def test_kernel_codes_are_the_contract_s() -> None:
    """Kernels count in plain numbers; the contract names them."""
    assert [why.NONE, why.BOUGHT_THIS, why.VIEWED_THIS, why.TOGETHER, why.AGAIN, why.TASTE, why.POPULAR, why.NEW] == [
        ReasonCode.NONE,
        ReasonCode.BECAUSE_YOU_BOUGHT,
        ReasonCode.BECAUSE_YOU_VIEWED,
        ReasonCode.BOUGHT_TOGETHER,
        ReasonCode.BUY_AGAIN,
        ReasonCode.FITS_YOUR_TASTE,
        ReasonCode.TRENDING,
        ReasonCode.NEW_ARRIVAL,
    ]
    assert list(Source) == [c.ITEM_ITEM, c.FACTORS, c.REPEAT, c.TRENDING, c.FRESH, c.GIVEN]
