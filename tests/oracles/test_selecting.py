"""The largest keys are found without sorting: just as many as a sort would give."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from serving.kernels.selecting import TIE_MAX, cut, key, least_of_best

scores = st.lists(st.floats(0, 2.0**90, width=32), max_size=200)


@given(scores, st.integers(1, 220))
def test_keeps_what_a_sort_would(values: list[float], keep: int) -> None:
    """The `keep` best by score, the earlier of equal ones; zeros never; what lies behind `count` is not looked at."""
    given_scores = np.array(values, np.float32)
    bits = given_scores.view(np.int32).tolist()
    keys = np.array([key(b, TIE_MAX - i) if b > 0 else 0 for i, b in enumerate(bits)], np.int64)
    beyond = np.concatenate((keys, np.array([2**62], np.int64)))
    kept = np.flatnonzero(keys >= least_of_best(beyond, len(keys), keep))
    best = np.lexsort((np.arange(len(keys)), -given_scores))
    assert sorted(kept.tolist()) == sorted(i for i in best[:keep].tolist() if given_scores[i] > 0)


def test_equal_scores_take_as_many_steps_as_their_ties() -> None:
    """A thousand equal scores: the first ones are kept."""
    one = int(np.float32(0.25).view(np.int32))
    keys = np.array([key(one, TIE_MAX - i) for i in range(1000)], np.int64)
    assert np.flatnonzero(keys >= least_of_best(keys, 1000, 7)).tolist() == list(range(7))


@given(scores, st.integers(1, 220))
def test_the_cut_is_where_a_sort_would_make_it(values: list[float], keep: int) -> None:
    """The same by score alone, as (least, ties)."""
    given_scores = np.array(values, np.float32)
    bits = given_scores.view(np.int32)
    least, ties = cut(np.concatenate((bits, np.array([2**30], np.int32))), len(bits), keep)
    kept = sorted([*np.flatnonzero(bits > least).tolist(), *np.flatnonzero(bits == least).tolist()[:ties]])
    best = np.lexsort((np.arange(len(bits)), -given_scores))
    assert kept == sorted(i for i in best[:keep].tolist() if given_scores[i] > 0)


@given(st.lists(st.sampled_from([0.0, 1e-30, 0.25, 0.5, float("inf")]), max_size=60), st.integers(1, 70))
def test_the_cut_through_equal_scores(values: list[float], keep: int) -> None:
    """Where many are equal, just as many of them are kept as there is room for."""
    test_the_cut_is_where_a_sort_would_make_it.hypothesis.inner_test(values, keep)
