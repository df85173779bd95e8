"""What baselines see: purchases with their age, of customers and of baskets nobody is known for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from model_repo.datasets.tables import EventTable
from model_repo.evaluate.splits import DAY_S, Split
from serving.core.ports import F32, I32, I64
from serving.events.types import PURCHASE

CHUNK_USERS = 1024
"""Customers scored at once: bounds the dense scores to 1024 n_items floats."""
FOREVER = float("inf")


@dataclass(frozen=True, slots=True)
class Interactions:
    """One row = one item in one basket (repeated lines of a basket are one). Customers are 0..n_users - 1, by time."""

    user: I32
    """(m,), -1 = nobody known."""
    item: I32
    age: F32
    """(m,) days before the question is asked; in sequences: how many items of the same sequence came after it."""
    basket: I64
    n_users: int
    n_items: int
    known_as: I32 | None = None
    """(n_users,) the number each customer had in the interactions these were taken from; None = the same."""

    @property
    def numbers(self) -> I32:
        """(n_users,) each customer's number in what a baseline was fitted on."""
        return np.arange(self.n_users, dtype=np.int32) if self.known_as is None else self.known_as

    def matrix(self, half_life: float = FOREVER, *, by: str = "user") -> sparse.csr_matrix:
        """(n_users or baskets, n_items) float32: the sum of 0.5^(age / half_life) over purchases."""
        rows, n_rows = self.user.astype(np.int64), self.n_users
        if by == "basket":
            numbers, rows = np.unique(self.basket, return_inverse=True)
            n_rows = len(numbers)
        keep = rows >= 0
        weight = decayed(self.age, half_life)
        built = sparse.csr_matrix((weight[keep], (rows[keep], self.item[keep])), shape=(n_rows, self.n_items))
        built.sum_duplicates()
        return built

    def popularity(self, half_life: float = FOREVER) -> F32:
        """(n_items,) baskets with the item, decayed, the most popular one = 1."""
        counts = np.bincount(self.item, decayed(self.age, half_life), minlength=self.n_items)
        shares: F32 = (counts / max(float(counts.max(initial=0.0)), 1e-12)).astype(np.float32)
        return shares

    def of_users(self, users: I32) -> Interactions:
        """The histories of these customers (ascending), numbered anew 0..len(users) - 1."""
        slot = np.full(self.n_users + 1, -1, np.int32)  # the last one is for user -1
        slot[users] = np.arange(len(users), dtype=np.int32)
        new = slot[self.user]
        keep = new >= 0
        rows = (new[keep], self.item[keep], self.age[keep], self.basket[keep])
        return Interactions(*rows, len(users), self.n_items, self.numbers[users])


def decayed(age: F32, half_life: float) -> F32:
    """(m,) 0.5^(age / half_life)."""
    weight: F32 = np.exp2(-age / np.float32(half_life)).astype(np.float32)
    return weight


def from_split(split: Split, n_users: int, n_items: int, *, sequences: bool = False) -> Interactions:
    """The purchases of the training rows, in time order."""
    rows = distinct_lines(split.train.where(split.train.type == PURCHASE))
    age = ages_in_sequence(rows.user) if sequences else (split.now_s - rows.time_s) / DAY_S
    return Interactions(rows.user, rows.item, age.astype(np.float32), rows.basket, n_users, n_items)


def distinct_lines(rows: EventTable) -> EventTable:
    """The first line of each (basket, item), in time order."""
    order = np.lexsort((np.arange(len(rows)), rows.item, rows.basket))
    same = np.zeros(len(rows), np.bool_)
    same[1:] = (np.diff(rows.basket[order]) == 0) & (np.diff(rows.item[order]) == 0)
    keep = np.ones(len(rows), np.bool_)
    keep[order[same]] = False
    return rows.where(keep)


def ages_in_sequence(user: I32) -> npt.NDArray[np.float32]:
    """(m,) how many later rows the same user has."""
    order = np.argsort(user, kind="stable")
    age = np.empty(len(user), np.float32)
    age[order] = np.searchsorted(user[order], user[order], side="right") - np.arange(len(user)) - 1
    return age


def best_rows(
    histories: Interactions, k: int, score: Callable[[Interactions], F32], *, filter_bought: bool = False
) -> I32:
    """(n_users, k) items by descending score, ties by item number; -1 where nothing scores above 0.

    score: histories of b customers -> (b, n_items) float32, which may be overwritten.
    """
    lists = np.full((histories.n_users, k), -1, np.int32)
    for lo in range(0, histories.n_users, CHUNK_USERS):
        part = histories.of_users(np.arange(lo, min(lo + CHUNK_USERS, histories.n_users), dtype=np.int32))
        scores = score(part)
        if filter_bought:
            scores[part.user, part.item] = -np.inf
        near = np.sort(np.argpartition(-scores, min(k, scores.shape[1] - 1), axis=1)[:, :k], axis=1)
        values = np.take_along_axis(scores, near, axis=1)
        order = np.argsort(-values, axis=1, kind="stable")
        rows = np.take_along_axis(near, order, axis=1)
        rows[np.take_along_axis(values, order, axis=1) <= 0] = -1
        lists[lo : lo + len(rows), : rows.shape[1]] = rows
    return lists
