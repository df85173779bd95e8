"""The union of the candidate sources equals a slow twin, request by request, and leaves its workspace clean."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from histories import N, random_history
from worlds import NOW

from serving.decisions.recommend.contract import Source
from serving.decisions.recommend.sources import SOURCES
from serving.kernels import signals as k
from serving.kernels.candidates import LINEAR_CODES, LINEAR_SIGNALS, SCAN_ROWS_MAX, Found, Matrix, Request, candidates
from serving.kernels.candidates import likeness as fill_likeness
from serving.kernels.history import BOUGHT, CARTED, CONTEXT, DAY_S, SEEN, History
from serving.kernels.scratch import LINEAR, Scratch, scratch

KNOWN, B = 50, 7
"""Items that the models know, and requests: the last one ranks given items."""
FIRST = (("bought", k.REPEAT), ("viewed", k.VIEWED))
LAST = (("fresh", k.FRESH), ("factors", k.FACTORS), ("content", k.CONTENT))

seeds = pytest.mark.parametrize("rng", range(8), indirect=True)


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    return np.random.default_rng(request.param)


def matrix(rng: np.random.Generator) -> tuple[Matrix, np.ndarray]:
    """A sparse matrix over the known items, and the same dense, (N, N)."""
    dense = np.zeros((N, N), np.float32)
    dense[:KNOWN, :KNOWN] = np.where(rng.random((KNOWN, KNOWN)) < 0.15, 0.1 + rng.random((KNOWN, KNOWN)), 0.0)
    np.fill_diagonal(dense, 0)
    at, cols = np.nonzero(dense[:KNOWN])
    indptr = np.concatenate(([0], np.cumsum(np.bincount(at, minlength=KNOWN)))).astype(np.int64)
    return Matrix(indptr, cols.astype(np.int32), dense[at, cols]), dense


def lists(rng: np.random.Generator, many: int) -> tuple[np.ndarray, np.ndarray]:
    """Some rows for everybody, with gaps, and of which request."""
    rows = [rng.permutation(N)[: rng.integers(0, many + 1)].astype(np.int32) for _ in range(B)]
    return np.cumsum([0, *map(len, rows)]), np.concatenate(rows)


def column(rng: np.random.Generator) -> np.ndarray:
    """Six rows for everybody, -1 = none among them."""
    rows = np.stack([rng.permutation(N)[:6] for _ in range(B)])
    rows[rng.random(rows.shape) < 0.2] = -1
    return rows.astype(np.int32)


class Asked:
    """B random requests with every source, every rule and every quota."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.history: History = random_history(rng, B)
        self.matrices, self.dense = zip(*(matrix(rng) for _ in range(LINEAR)), strict=True)
        flag = lambda: rng.random(B) < 0.4  # noqa: E731
        given = np.arange(B) == B - 1
        self.request = Request(
            rng.integers(4, 40, B).astype(np.int32), flag(),
            rng.integers(0, 3, B).astype(np.int32), flag(), flag(), given,
            *lists(rng, 4), *lists(rng, 9), given, *lists(rng, 3),
        )  # fmt: skip
        weights = rng.random((LINEAR, len(self.history.row))).astype(np.float32)
        weights[rng.random(weights.shape) < 0.3] = 0
        ptr, rows = lists(rng, 12)
        self.found = Found(
            column(rng), column(rng), weights, ptr, rows, (0.1 + rng.random(len(rows))).astype(np.float32),
            column(rng), *(column(rng).astype(np.int64) for _ in range(2)),
            rng.integers(0, 9, (len(Source), B)).astype(np.int32),
        )  # fmt: skip
        self.popular, self.trending = (rng.permutation(N).astype(np.int32) for _ in range(2))
        self.trending = self.trending[:10]
        self.masks = rng.random((3, N)) < [[0.8], [0.5], [0.15]]

    def run(self, workspace: Scratch, n: int = N) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        masks = np.zeros((3, n), bool)
        masks[:, :N] = self.masks
        return candidates(
            self.history, NOW, self.request, self.found, self.matrices, self.popular, self.trending, masks, workspace
        )

    def mine(self, r: int, name: str) -> list[int]:
        """Of blocked, given and pinned."""
        ptr = getattr(self.request, f"{name}_ptr")
        return getattr(self.request, name)[ptr[r] : ptr[r + 1]].tolist()


def slow(asked: Asked, r: int) -> tuple[dict[int, int], dict[int, np.ndarray]]:
    """One request: row -> source in the order in which they come, and the score of every row by source."""
    request, found, history = asked.request, asked.found, asked.history
    own = range(history.ptr[r], history.ptr[r + 1])
    score = {}
    for s, code in enumerate(LINEAR_CODES):
        score[code] = np.zeros(N)
        for i in own:
            score[code] += found.weights[s, i] * asked.dense[s][history.row[i]].astype(float)
    score[k.SESSION] = np.zeros(N)
    said = slice(found.session_ptr[r], found.session_ptr[r + 1])
    score[k.SESSION][found.session_rows[said]] = found.session_scores[said]

    kinds = {CONTEXT} | (set() if request.keep_cart[r] else {CARTED})
    kinds |= {BOUGHT} if request.skip_bought[r] else set()
    kinds |= {SEEN, CARTED} if request.skip_viewed[r] else set()
    forbidden = {history.row[i] for i in own if history.kind[i] in kinds} | set(asked.mine(r, "blocked"))
    forbidden |= {history.row[i] for i in own if request.skip_bought[r] and history.buys[i] > 0}
    forbidden |= {
        history.row[i] for i in own if request.skip_viewed[r] and max(history.seen[i], history.viewed_s[i]) > 0
    }
    allowed = set(np.flatnonzero(asked.masks[request.mask[r]])) - forbidden
    taken: dict[int, int] = {}

    def take(source: int, order: Any, quota: int, stop: int) -> None:
        for row in [int(row) for row in order if row in allowed and row not in taken][:quota]:
            if len(taken) < stop:
                taken[row] = source

    take(k.PINNED, asked.mine(r, "pinned"), N, N)
    if request.is_given[r]:
        take(k.GIVEN, asked.mine(r, "given"), N, N)
        return taken, score
    stop = len(taken) + request.total[r]
    for name, code in FIRST:
        take(code, getattr(found, name)[r], N, stop)
    for code in (*LINEAR_CODES, k.SESSION):
        best = np.argsort(-score[code], kind="stable")
        take(code, [row for row in best if score[code][row] > 0], found.quotas[code, r], stop)
    for name, code in LAST:
        take(code, getattr(found, name)[r], N, stop)
    if request.fills[r]:
        take(k.TRENDING, asked.trending, N, stop)
        take(k.TRENDING, asked.popular, N, stop)
    return taken, score


def test_the_order_of_the_twin_is_that_of_the_tuple() -> None:
    """What the kernel is held to below is what sources/__init__.py says."""
    mine = [*(code for _, code in FIRST), *LINEAR_CODES, k.SESSION, *(code for _, code in LAST), k.TRENDING]
    assert [source.CODE for source in SOURCES] == mine


@seeds
def test_candidates_equal_their_twin(rng: np.random.Generator) -> None:
    """Each source in its order and quota, under every rule; lists keep their order, sums are sets."""
    asked = Asked(rng)
    rows, signals, ptr = asked.run(scratch(N))
    assert (ptr[0], ptr[-1], len(signals)) == (0, len(rows), len(rows))
    for r in range(B):
        part = slice(ptr[r], ptr[r + 1])
        expected, score = slow(asked, r)
        found = dict(zip(rows[part].tolist(), signals[part, k.S_SOURCE].astype(int).tolist(), strict=True))
        assert len(found) == ptr[r + 1] - ptr[r]
        assert found == expected
        assert list(found.values()) == list(expected.values())
        sums = {*LINEAR_CODES, k.SESSION}
        listed = [[row for row, code in some.items() if code not in sums] for some in (found, expected)]
        assert listed[0] == listed[1]
        for code, column in [*zip(LINEAR_CODES, LINEAR_SIGNALS, strict=True), (k.SESSION, k.S_SESSION)]:
            np.testing.assert_allclose(signals[part, column], score[code][rows[part]], atol=1e-4)


@seeds
def test_signals_of_the_history_stand_beside_each_candidate(rng: np.random.Generator) -> None:
    """Whatever source brought it; -1 days and zeros where the visitor knows nothing of it."""
    asked = Asked(rng)
    history = asked.history
    rows, signals, ptr = asked.run(scratch(N))
    for r in range(B):
        at = {int(history.row[i]): i for i in range(history.ptr[r], history.ptr[r + 1])}
        for row, line in zip(rows[ptr[r] : ptr[r + 1]].tolist(), signals[ptr[r] : ptr[r + 1]], strict=True):
            i = at.get(row)
            expected = (0, 0, 0) if i is None else (history.buys[i], history.buy_decay[i], history.seen[i])
            assert tuple(line[[k.S_BUYS, k.S_BUY_DECAY, k.S_SEEN]]) == expected
            bought = i is not None and history.last_buy_s[i] > 0
            assert line[k.S_DAYS] == (pytest.approx(max(NOW - history.last_buy_s[i], 0) / DAY_S) if bought else -1)


@seeds
def test_the_workspace_comes_back_clean(rng: np.random.Generator) -> None:
    """Batches one after the other in one workspace give what each gives in a fresh one, small or large."""
    batches = [Asked(rng) for _ in range(3)]
    for n in (N, SCAN_ROWS_MAX + 1):
        workspace = scratch(n)
        for asked in (*batches, batches[0]):
            used, fresh = asked.run(workspace, n), asked.run(scratch(n), n)
            for one, other in zip(used, fresh, strict=True):
                np.testing.assert_array_equal(one, other)
            assert (workspace.slot == -1).all()
            assert not workspace.score.any()


@seeds
def test_a_large_catalogue_gives_the_same_as_a_small_one(rng: np.random.Generator) -> None:
    """Above SCAN_ROWS_MAX rows another loop looks for the best sums: the same rows, sources and signals."""
    asked = Asked(rng)
    answers = []
    for n in (N, SCAN_ROWS_MAX, SCAN_ROWS_MAX + 1):
        rows, signals, ptr = asked.run(scratch(n), n)
        lines = list(zip(rows.tolist(), signals.tolist(), strict=True))
        answers.append([dict(lines[start:stop]) for start, stop in pairwise(ptr)])
    assert any(answers[0])
    assert answers[0] == answers[1] == answers[2]


@seeds
def test_likeness_is_a_dot_product(rng: np.random.Generator) -> None:
    """Of the factors and of the content, each with its visitor's vector."""
    ptr, rows = np.array([0, 5, 5, 12]), rng.integers(0, N, 12).astype(np.int32)
    tastes, vectors = rng.standard_normal((3, 16), np.float32), rng.standard_normal((N, 16), np.float32)
    contents, content = rng.standard_normal((3, 8), np.float32), rng.standard_normal((N, 8), np.float32)
    signals = np.zeros((12, len(k.SIGNALS)), np.float32)
    fill_likeness(rows, ptr, signals, tastes, vectors, contents, content)
    r = np.repeat(np.arange(3), np.diff(ptr))
    np.testing.assert_allclose(signals[:, k.S_FACTORS], (tastes[r] * vectors[rows]).sum(axis=1), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(signals[:, k.S_CONTENT], (contents[r] * content[rows]).sum(axis=1), rtol=1e-3, atol=1e-5)
    others = np.delete(signals, [k.S_FACTORS, k.S_CONTENT], axis=1)
    assert not others.any()


def test_kernel_codes_are_the_contract_s() -> None:
    """Kernels count in plain numbers; the contract names them."""
    assert [getattr(k, source.name) for source in Source] == list(Source)
