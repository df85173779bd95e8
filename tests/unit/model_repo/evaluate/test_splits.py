"""The cut lets nothing through, and the truth is the first basket."""

from __future__ import annotations

import numpy as np
import pytest

from model_repo.evaluate.splits import (
    DAY_S,
    cut_before_end,
    leave_last_out,
    sample_users,
    split_at,
    tuning_split,
    week_after,
    weeks_before,
)
from serving.core.errors import InvalidInput
from serving.events.types import PURCHASE, VIEW

SHOP = (
    (0, 1, 1.0, 10),
    (0, 2, 1.0, 10),
    (1, 3, 2.0, 11),
    (-1, 4, 3.0, 12),
    (0, 1, 11.0, 20),
    (0, 5, 11.0, 20),
    (0, 5, 11.0, 20),
    (0, 6, 12.0, 21),
    (2, 1, 12.0, 22),
    (-1, 7, 13.0, 23),
)


def truth_of(split):
    cuts = split.truth_ptr
    return {int(user): split.truth[cuts[at] : cuts[at + 1]].tolist() for at, user in enumerate(split.users)}


def test_truth_is_the_distinct_items_of_the_first_basket_of_known_customers(table_of):
    """User 0's second basket, new user 2 and the anonymous basket are no truth; user 1 did not come back."""
    split = split_at(table_of(SHOP), 10 * DAY_S)
    assert truth_of(split) == {0: [1, 5]}
    assert split.unknown_users == 1
    assert split.train.time_s.max() < 10 * DAY_S
    assert split.train.item.tolist() == [1, 2, 3, 4]
    assert split.now_s == 10 * DAY_S


def test_a_row_at_the_very_second_of_the_cut_is_after_it(table_of):
    events = table_of(((0, 1, 1.0, 1), (0, 2, 5.0, 2)))
    split = split_at(events, 5 * DAY_S)
    assert split.train.item.tolist() == [1]
    assert truth_of(split) == {0: [2]}


def test_views_make_a_customer_known_but_are_no_truth(table_of):
    rows = ((0, 1, 1.0, 1), (0, 9, 11.0, 2), (0, 3, 12.0, 3))
    split = split_at(table_of(rows, [VIEW, VIEW, PURCHASE]), 10 * DAY_S)
    assert truth_of(split) == {0: [3]}


def test_interleaved_baskets_of_one_moment_are_told_apart(table_of):
    """Two invoices in the same second: the first row's invoice is the first basket, whole."""
    rows = ((0, 1, 1.0, 1), (0, 2, 11.0, 7), (0, 3, 11.0, 8), (0, 4, 11.0, 7))
    assert truth_of(split_at(table_of(rows), 10 * DAY_S)) == {0: [2, 4]}


def test_the_tuning_window_ends_at_the_cut_and_is_as_long(table_of):
    """Rows from the cut on are in neither its training nor its truth."""
    rows = ((0, 1, 5.0, 1), (0, 2, 23.5, 2), (0, 3, 24.0, 3), (0, 4, 37.9, 4))
    events = table_of(rows)
    cut = cut_before_end(events, 14)
    assert cut == 24 * DAY_S
    tuning = tuning_split(events, cut)
    assert tuning.now_s == 10 * DAY_S
    assert tuning.train.item.tolist() == [1]
    assert truth_of(tuning) == {0: [2]}


def test_default_cut_is_a_midnight_28_days_before_the_end(table_of):
    events = table_of(((0, 1, 0.0, 1), (0, 2, 99.4, 2)))
    assert cut_before_end(events) == (100 - 28) * DAY_S


@pytest.mark.parametrize("cut_day", [-1.0, 0.5, 50.0])
def test_a_cut_with_nothing_on_one_side_is_refused(table_of, cut_day):
    """Before the first row, before anybody is known, after the last row."""
    events = table_of(((-1, 1, 0.0, 1), (0, 2, 10.0, 2)))
    with pytest.raises(InvalidInput, match="cut"):
        split_at(events, int(cut_day * DAY_S))


@pytest.mark.parametrize("days", [0.0, -3.0, float("nan")])
def test_a_holdout_that_is_no_time_is_refused(table_of, days):
    with pytest.raises(InvalidInput, match="holdout_days"):
        cut_before_end(table_of(((0, 1, 0.0, 1),)), days)


def test_the_week_after_is_all_of_it_and_nothing_more(table_of):
    """User 0's two baskets of the week are the truth, the one of day 17 is not; new user 2 is counted, not judged."""
    split = week_after(table_of((*SHOP, (0, 8, 16.9, 30), (0, 9, 17.0, 31))), 10 * DAY_S)
    assert truth_of(split) == {0: [1, 5, 6, 8]}
    assert split.unknown_users == 1
    assert split.train.time_s.max() < 10 * DAY_S


def test_the_weeks_before_ask_the_same_question_earlier(table_of):
    """Week after week, and none sees the cut: what is bought from day 28 on is in no truth and no training."""
    events = table_of([(0, day, float(day), day) for day in range(35)])
    tuning = weeks_before(events, 28 * DAY_S, 3)
    assert [split.now_s // DAY_S for split in tuning] == [21, 14, 7]
    assert [truth_of(split)[0] for split in tuning] == [list(range(lo, lo + 7)) for lo in (21, 14, 7)]
    assert [split.train.item.max() for split in tuning] == [20, 13, 6]


def test_leave_last_out_takes_the_last_then_the_last_but_one(table_of):
    """The validation has seen neither the test item nor its own; short sequences stay in training."""
    rows = [(0, item, float(item), item) for item in range(4)] + [(1, 8, 0.5, 90), (1, 9, 1.5, 91), (2, 7, 0.1, 99)]
    events = table_of(rows)
    test, validation = leave_last_out(events, 1), leave_last_out(events, 2)
    assert truth_of(test) == {0: [3], 1: [9]}
    assert truth_of(validation) == {0: [2]}
    assert sorted(test.train.item.tolist()) == [0, 1, 2, 7, 8]
    assert sorted(validation.train.item.tolist()) == [0, 1, 7, 8]


def test_sampled_users_keep_their_truth(table_of):
    rows = [(user, user, 1.0, user) for user in range(50)]
    rows += [(user, 100 + user, 11.0, 100 + user) for user in range(50)]
    split = split_at(table_of(rows), 10 * DAY_S)
    few = sample_users(split, 7, seed=3)
    assert len(few) == 7
    assert truth_of(few) == {int(user): [100 + int(user)] for user in few.users}
    assert np.array_equal(few.users, sample_users(split, 7, seed=3).users)
    assert sample_users(split, 50, seed=3) is split
