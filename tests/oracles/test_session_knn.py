"""Session kNN equals a dense twin that a reader can check by eye, and leaves its workspace clean."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from worlds import DAY, NOW

from serving.kernels.session_knn import QUERY_MAX, Sessions, SessionScratch, session_knn, session_scratch

HALF_LIFE_S = 30.0 * DAY


def store(baskets: list[list[int]], n: int, recent_max: int = 500, days_old: list[float] | None = None) -> Sessions:
    """The baskets as sessions, oldest first; days_old descending, without it a day apart and the last one just now."""
    ages = np.arange(len(baskets))[::-1] if days_old is None else np.array(days_old)
    newest = [[s for s in range(len(baskets))[::-1] if item in baskets[s]][:recent_max] for item in range(n)]
    return Sessions(
        np.cumsum([0, *map(len, newest)]).astype(np.int64),
        np.array([s for sessions in newest for s in sessions], np.int32),
        np.cumsum([0, *map(len, baskets)]).astype(np.int64),
        np.array([item for basket in baskets for item in basket], np.int32),
        (NOW - ages * DAY).astype(np.int64),
    )


def random_store(rng: np.random.Generator, n: int, count: int, recent_max: int) -> Sessions:
    sizes = rng.integers(2, 12, count)
    return store([rng.choice(n, size, replace=False).tolist() for size in sizes], n, recent_max)


def ask(
    sessions: Sessions, visits: list[dict[int, float]], *, neighbours: int = 100, keep: int = 1000,
    scratch: SessionScratch | None = None,
) -> list[dict[int, float]]:  # fmt: skip
    """row -> score of every visit (row -> weight); fails unless the workspace comes back as it went."""
    ptr = np.cumsum([0, *map(len, visits)]).astype(np.int64)
    rows = np.array([row for visit in visits for row in visit], np.int32)
    weights = np.array([weight for visit in visits for weight in visit.values()], np.float32)
    scratch = scratch or session_scratch(sessions, len(sessions.item_ptr) - 1)
    out_ptr, found, scores = session_knn(ptr, rows, weights, NOW, sessions, neighbours, HALF_LIFE_S, scratch, keep)
    assert not any(part.any() for part in (scratch.overlap, scratch.score, scratch.own))
    assert (found.dtype, scores.dtype) == (np.int32, np.float32)
    assert len(found) == len(scores) == out_ptr[-1]
    answers = [dict(zip(found[a:z].tolist(), scores[a:z].tolist(), strict=True)) for a, z in pairwise(out_ptr)]
    assert [len(answer) for answer in answers] == np.diff(out_ptr).tolist()  # no row twice
    return answers


def twin(sessions: Sessions, visit: dict[int, float], neighbours: int) -> dict[int, float]:
    """Dense matrices, float64, the formula of the docstring."""
    n, s = len(sessions.item_ptr) - 1, len(sessions.session_time_s)
    listed, holds = np.zeros((s, n)), np.zeros((s, n))
    listed[sessions.item_sessions, np.repeat(np.arange(n), np.diff(sessions.item_ptr))] = 1
    holds[np.repeat(np.arange(s), np.diff(sessions.session_ptr)), sessions.session_items] = 1
    damping = np.where(listed.any(axis=0), np.log1p(s / np.maximum(listed.sum(axis=0), 1)), 0)
    asked = sorted((row for row in visit if visit[row] > 0 and row < n), key=lambda row: -visit[row])[:QUERY_MAX]
    own = np.zeros(n)
    own[asked] = [visit[row] * damping[row] for row in asked]
    length = np.sqrt(holds.sum(axis=1))
    similarity = listed @ own / length
    near = np.lexsort((-np.arange(s), -similarity.round(6)))[:neighbours]
    near = near[similarity[near] > 0]
    decay = 2.0 ** (-(NOW - sessions.session_time_s) / HALF_LIFE_S)
    votes = (similarity[:, None] - listed * own / length[:, None]) * decay[:, None] * holds
    score = damping * np.maximum(votes[near], 0).sum(axis=0)
    return {int(row): float(score[row]) for row in np.flatnonzero(score > 1e-6)}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("neighbours", "recent_max"), [(100, 500), (7, 500), (20, 5)])
def test_equals_its_twin(seed: int, neighbours: int, recent_max: int) -> None:
    """Several visits in one call, with many neighbours and few, and with a truncated index."""
    rng = np.random.default_rng(seed)
    sessions = random_store(rng, 40, 80, recent_max)
    visits = [
        {int(row): float(rng.random()) for row in rng.choice(40, size, replace=False)} for size in (1, 5, 0, 12, 30)
    ]
    for visit, answer in zip(visits, ask(sessions, visits, neighbours=neighbours), strict=True):
        answer = {row: score for row, score in answer.items() if score > 1e-6}
        assert answer == pytest.approx(twin(sessions, visit, neighbours), rel=1e-4, abs=1e-5)


def test_keeps_the_best_of_all() -> None:
    """With room for k, the k highest of the full answer; among equal scores the lower rows."""
    rng = np.random.default_rng(3)
    sessions = random_store(rng, 60, 100, 500)
    visit = dict.fromkeys(range(8), 1.0)
    full, few = ask(sessions, [visit])[0], ask(sessions, [visit], keep=9)[0]
    assert few == {row: full[row] for row in sorted(full, key=lambda row: (-full[row], row))[:9]}
    (tied,) = ask(store([[0, 1, 2, 3, 4]], 5), [{4: 1.0}], keep=2)
    assert sorted(tied) == [0, 1]


def test_checkerboard() -> None:
    """Visits hold even items or odd ones: an even item brings even ones only, and not itself."""
    rng = np.random.default_rng(1)
    baskets = [(2 * rng.choice(10, 4, replace=False) + number % 2).tolist() for number in range(60)]
    even, odd = ask(store(baskets, 20), [{0: 1.0}, {7: 1.0}])
    assert even
    assert all(row % 2 == 0 and row != 0 for row in even)
    assert odd
    assert all(row % 2 == 1 and row != 7 for row in odd)


def test_newer_of_equally_similar_sessions_vote() -> None:
    """Three visits alike but for their last item; with two neighbours the oldest has no say, and the newest most."""
    sessions = store([[0, 1], [0, 2], [0, 3]], 4, days_old=[60, 30, 0])
    (answer,) = ask(sessions, [{0: 1.0}], neighbours=2)
    assert sorted(answer) == [2, 3]
    assert answer[3] == pytest.approx(2 * answer[2])


def test_an_item_says_nothing_for_itself() -> None:
    """What is in the visit comes back for the sake of the others only: item 0 was never met beside another of it."""
    (answer,) = ask(store([[0, 2], [1, 3], [1, 4, 3]], 5), [{0: 1.0, 1: 1.0, 3: 1.0}])
    assert 0 not in answer
    assert {1, 2, 3, 4} == set(answer)


def test_only_the_heaviest_items_ask() -> None:
    """Visit item k was bought with item 100 + k: the twenty heaviest bring theirs, wherever they stand."""
    sessions = store([[k, 100 + k] for k in range(50)], 150)
    weights = {k: 1.0 + (k * 7 % 50) for k in range(50)}
    (answer,) = ask(sessions, [weights])
    assert sorted(answer) == sorted(100 + k for k in sorted(weights, key=lambda k: -weights[k])[:QUERY_MAX])


def test_nothing_to_ask_or_nobody_to_answer() -> None:
    """Unknown rows, weights of zero, below and NaN, items nobody had, and an empty store: no answer, no error."""
    sessions = store([[0, 1], [1, 2]], 5)
    visits = [{7: 1.0}, {0: 0.0, 1: -1.0, 2: float("nan")}, {4: 1.0}, {}]
    assert ask(sessions, visits) == [{}, {}, {}, {}]
    assert ask(store([], 5), [{0: 1.0}]) == [{}]
    assert ask(sessions, []) == []


def test_a_batch_is_its_requests() -> None:
    """Bit by bit the same alone, in a batch, and in a workspace that was used before."""
    rng = np.random.default_rng(5)
    sessions = random_store(rng, 40, 80, 10)
    visits = [{int(row): float(rng.random()) for row in rng.choice(45, 6, replace=False)} for _ in range(10)]
    scratch = session_scratch(sessions, 40)
    together = ask(sessions, visits, keep=7, scratch=scratch)
    assert together == [ask(sessions, [visit], keep=7)[0] for visit in visits]
    assert together == ask(sessions, visits, keep=7, scratch=scratch)


def test_time_that_runs_ahead_is_now() -> None:
    """A session from a moment ahead of the clock votes in full, not more."""
    ahead, now = store([[0, 1]], 2, days_old=[-5]), store([[0, 1]], 2)
    assert ask(ahead, [{0: 1.0}]) == ask(now, [{0: 1.0}])
