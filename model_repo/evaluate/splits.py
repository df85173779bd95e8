"""What is known and what is to be predicted: one global cut in time, or the last item of every sequence.

The global cut: every event of any customer before it may be used, none after it. The truth is the *first* basket that
a known customer buys in the window after the cut, or, where baskets are broken, everything in it. Items of the truth
that nobody had seen before the cut stay in it although no model can hit them: the shop wanted to sell them all the
same. Baskets of nobody known are training data, never truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model_repo.datasets.tables import EventTable
from serving.core.errors import InvalidInput
from serving.core.ports import I32, I64
from serving.events.types import PURCHASE

DAY_S = 86_400
WEEK_DAYS = 7
HOLDOUT_DAYS = 28
"""Four whole weeks, so that every weekday weighs the same."""


@dataclass(frozen=True, slots=True)
class Split:
    """Training rows and the truth about u customers. Users and items are numbered as in the Dataset."""

    train: EventTable
    """Every row that may be learnt from; the profiles of the evaluated customers are in it too."""
    users: I32
    """(u,) the evaluated customers, ascending."""
    truth_ptr: I64
    """(u + 1,)"""
    truth: I32
    """(t,) what customer j will take: the distinct items truth[truth_ptr[j]:truth_ptr[j + 1]], ascending."""
    now_s: int
    """Epoch seconds at which the question is asked: the cut; nothing of `train` is later."""
    unknown_users: int = 0
    """Customers with a basket in the window but nothing before the cut: left out."""

    def __len__(self) -> int:
        return len(self.users)


def cut_before_end(events: EventTable, holdout_days: float = HOLDOUT_DAYS) -> int:
    """Epoch seconds of the midnight (UTC) that leaves the last `holdout_days` days of data after it."""
    if not len(events):
        raise InvalidInput("events", 0, "at least one event")
    if not 0 < holdout_days < 36_500:
        raise InvalidInput("holdout_days", holdout_days, "a number of days above 0")
    next_midnight = (int(events.time_s[-1]) // DAY_S + 1) * DAY_S
    return next_midnight - round(holdout_days * DAY_S)


def split_at(events: EventTable, cut_s: int, end_s: int | None = None, *, whole_window: bool = False) -> Split:
    """Training before `cut_s`; truth = first basket of each known customer in [cut_s, end_s), or with `whole_window`
    everything the customer buys there. Raises InvalidInput.
    """
    before = events.time_s < cut_s
    window = (events.time_s >= cut_s) & (events.type == PURCHASE) & (events.user >= 0)
    if end_s is not None:
        window &= events.time_s < end_s
    train, after = events.where(before), events.where(window)
    if not len(train) or not len(after):
        first, last = (int(events.time_s[0]), int(events.time_s[-1])) if len(events) else (0, 0)
        raise InvalidInput("cut", cut_s, f"epoch seconds with purchases before and after it, within {first}..{last}")
    buyers, at = np.unique(after.user, return_index=True)  # rows are in time order: the first row is the first basket
    known = np.isin(buyers, train.user)
    users, first_basket = buyers[known], after.basket[at[known]]
    if not len(users):
        raise InvalidInput("cut", cut_s, "a cut after which at least one customer known before it buys something")
    slot = np.searchsorted(users, after.user)
    slot[slot == len(users)] = 0
    mine = (users[slot] == after.user) & (whole_window | (first_basket[slot] == after.basket))
    ptr, truth = distinct_csr(slot[mine], after.item[mine], len(users))
    return Split(train, users.astype(np.int32), ptr, truth, cut_s, int((~known).sum()))


def tuning_split(events: EventTable, cut_s: int) -> Split:
    """The same question asked one window earlier: what is chosen there has seen nothing after `cut_s`."""
    length_s = int(events.time_s[-1]) // DAY_S * DAY_S + DAY_S - cut_s
    return split_at(events, cut_s - length_s, cut_s)


def week_after(events: EventTable, cut_s: int) -> Split:
    """Training before `cut_s`; truth = everything each known customer buys in the 7 days from then on."""
    return split_at(events, cut_s, cut_s + WEEK_DAYS * DAY_S, whole_window=True)


def weeks_before(events: EventTable, cut_s: int, weeks: int) -> tuple[Split, ...]:
    """The question of `week_after` asked 1, 2, ... `weeks` weeks earlier, newest first: none has seen `cut_s`."""
    return tuple(week_after(events, cut_s - week * WEEK_DAYS * DAY_S) for week in range(1, weeks + 1))


def leave_last_out(events: EventTable, back: int) -> Split:
    """Sequences: the truth is the last item (back = 1, the test) or the last but one (back = 2, the validation).

    Training is everything before the truth in each sequence, so choices made with back = 2 have not seen the test; the
    test's training includes the validation items. A sequence's first item is always training, so the shortest ones are
    not evaluated.
    The order of a user's rows is the order of the table.
    """
    if back not in (1, 2):
        raise InvalidInput("back", back, "1 (test) or 2 (validation)")
    order = np.argsort(events.user, kind="stable")
    user = events.user[order]
    ends = np.searchsorted(user, user, side="right")
    from_end = ends - np.arange(len(user))  # 1 = the user's last row
    length = ends - np.searchsorted(user, user, side="left")
    is_truth = (from_end == back) & (length > back) & (user >= 0)
    if not is_truth.any():
        raise InvalidInput("sequences", len(events), f"at least one sequence of {back + 1} items")
    train = np.zeros(len(events), np.bool_)
    train[order] = (from_end > back) | (from_end == length) | (user < 0)
    truth_rows = order[is_truth]
    ptr = np.arange(len(truth_rows) + 1, dtype=np.int64)
    now_s = int(events.time_s[truth_rows].max())
    return Split(events.where(train), user[is_truth].astype(np.int32), ptr, events.item[truth_rows], now_s)


def sample_users(split: Split, n_max: int, seed: int) -> Split:
    """The split with the truth about at most `n_max` customers, drawn with `seed`; training is untouched."""
    if len(split) <= n_max:
        return split
    picked = np.sort(np.random.default_rng(seed).choice(len(split), n_max, replace=False))
    sizes = np.diff(split.truth_ptr)[picked]
    ptr = np.concatenate(([0], np.cumsum(sizes)))
    rows = np.arange(ptr[-1]) + np.repeat(split.truth_ptr[picked] - ptr[:-1], sizes)
    return Split(split.train, split.users[picked], ptr, split.truth[rows], split.now_s, split.unknown_users)


def distinct_csr(rows: npt.NDArray[np.int64], cols: I32, n_rows: int) -> tuple[I64, I32]:
    """Pairs as CSR without duplicates. Returns ptr (n_rows + 1,) and cols, ascending within a row."""
    width = np.int64(cols.max()) + 1 if len(cols) else np.int64(1)
    keys = np.unique(rows.astype(np.int64) * width + cols)
    counts = np.bincount(keys // width, minlength=n_rows)
    return np.concatenate(([0], np.cumsum(counts))).astype(np.int64), (keys % width).astype(np.int32)
