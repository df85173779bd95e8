"""Why each item is shown: the largest contribution to the sum of the source that brought it, from dense matrices."""

from __future__ import annotations

import numpy as np
import pytest
from histories import N, random_history

from serving.decisions.recommend.contract import ReasonCode
from serving.kernels import reasons as why
from serving.kernels import signals as k
from serving.kernels.candidates import LINEAR_CODES, Matrix
from serving.kernels.history import BOUGHT, CONTEXT
from serving.kernels.reasons import TASTE_MIN, reasons
from serving.kernels.scratch import LINEAR

B, EACH = 12, 13

seeds = pytest.mark.parametrize("rng", range(5), indirect=True)


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    return np.random.default_rng(request.param)


def matrix(dense: np.ndarray) -> Matrix:
    at, cols = np.nonzero(dense)
    indptr = np.concatenate(([0], np.cumsum(np.bincount(at, minlength=len(dense))))).astype(np.int64)
    return Matrix(indptr, cols.astype(np.int32), dense[at, cols])


NAMED = {
    k.TOGETHER: ReasonCode.BOUGHT_TOGETHER,
    k.COVIEW: ReasonCode.SIMILAR_ITEM,
    k.CONTENT: ReasonCode.SIMILAR_ITEM,
    k.TRANSITIONS: ReasonCode.OFTEN_NEXT,
}
OF_KIND = {BOUGHT: ReasonCode.BECAUSE_YOU_BOUGHT, CONTEXT: ReasonCode.BOUGHT_TOGETHER}
UNNAMED = {
    k.FRESH: ReasonCode.NEW_ARRIVAL,
    k.CONTENT: ReasonCode.SIMILAR_ITEM,
    k.SESSION: ReasonCode.LIKE_YOUR_SESSION,
}


def slow(line: np.ndarray, parts: np.ndarray, rows: np.ndarray, kinds: np.ndarray) -> tuple[int, int, float]:
    """(code, related, weight) of one pick. parts: what each entry of the history says for it."""
    source, total = int(line[k.S_SOURCE]), float(parts.sum())
    if source == k.PINNED:
        return ReasonCode.CHOSEN_BY_THE_SHOP, -1, 1.0
    if line[k.S_BUYS] > 0:
        return ReasonCode.BUY_AGAIN, -1, 1.0
    if line[k.S_SEEN] > 0:
        return ReasonCode.BECAUSE_YOU_VIEWED, -1, 1.0
    if total > 0:
        at = int(parts.argmax())
        code = NAMED.get(source) or OF_KIND.get(kinds[at], ReasonCode.BECAUSE_YOU_VIEWED)
        return code, int(rows[at]), parts[at] / total
    if source in UNNAMED:
        return UNNAMED[source], -1, 1.0
    taste = float(line[k.S_FACTORS])
    return (ReasonCode.FITS_YOUR_TASTE, -1, min(taste, 1.0)) if taste >= TASTE_MIN else (ReasonCode.TRENDING, -1, 1.0)


@seeds
def test_reasons_equal_their_twin(rng: np.random.Generator) -> None:
    """Candidates of every source, in an order of their own; the last request wants no reasons, the first has none."""
    history = random_history(rng, B)
    dense = [np.where(rng.random((N, N)) < 0.2, rng.random((N, N)), 0.0).astype(np.float32) for _ in range(LINEAR)]
    weights = np.where(rng.random((LINEAR, len(history.row))) < 0.6, 1 + rng.random(len(history.row)), 0)
    weights[:, : history.ptr[1]] = 0
    weights = weights.astype(np.float32)
    rows = np.concatenate([rng.permutation(N)[: EACH * 3] for _ in range(B)]).astype(np.int32)
    signals = np.zeros((len(rows), len(k.SIGNALS)), np.float32)
    signals[:, k.S_SOURCE] = np.arange(len(rows)) % EACH
    signals[:, k.S_BUYS], signals[:, k.S_SEEN] = rng.random((2, len(rows))) < 0.15
    signals[:, k.S_FACTORS] = rng.choice([-1, 0, TASTE_MIN, 0.5, 3], len(rows))
    picks = np.concatenate([r * EACH * 3 + rng.permutation(EACH * 3)[:30] for r in range(B)])
    wanted = np.arange(B) < B - 1
    ptr = np.arange(B + 1) * 30
    code, related, weight, source = reasons(
        rows, picks, ptr, signals, history, weights, tuple(matrix(one) for one in dense), wanted
    )
    assert source.tolist() == signals[picks, k.S_SOURCE].tolist()
    for i, pick in enumerate(picks):
        r = i // 30
        mine, line = slice(history.ptr[r], history.ptr[r + 1]), signals[pick]
        s = LINEAR_CODES.index(int(source[i])) if source[i] in LINEAR_CODES else LINEAR_CODES.index(k.ITEM_ITEM)
        parts = weights[s, mine] * dense[s][history.row[mine], rows[pick]]
        expected = slow(line, parts, history.row[mine], history.kind[mine]) if wanted[r] else (ReasonCode.NONE, -1, 0.0)
        assert (code[i], related[i]) == expected[:2]
        assert weight[i] == pytest.approx(expected[2], rel=1e-4)
    assert set(code.tolist()) == set(ReasonCode) - {ReasonCode.ON_SALE}


def test_kernel_codes_are_the_contract_s() -> None:
    """Kernels count in plain numbers; the contract names them."""
    names = "NONE BOUGHT_THIS VIEWED_THIS BOUGHT_TOGETHER AGAIN TASTE POPULAR NEW SIMILAR NEXT LIKE_SESSION SALE SHOP"
    assert [ReasonCode(getattr(why, name)) for name in names.split()] == [
        ReasonCode.NONE,
        ReasonCode.BECAUSE_YOU_BOUGHT,
        ReasonCode.BECAUSE_YOU_VIEWED,
        ReasonCode.BOUGHT_TOGETHER,
        ReasonCode.BUY_AGAIN,
        ReasonCode.FITS_YOUR_TASTE,
        ReasonCode.TRENDING,
        ReasonCode.NEW_ARRIVAL,
        ReasonCode.SIMILAR_ITEM,
        ReasonCode.OFTEN_NEXT,
        ReasonCode.LIKE_YOUR_SESSION,
        ReasonCode.ON_SALE,
        ReasonCode.CHOSEN_BY_THE_SHOP,
    ]
