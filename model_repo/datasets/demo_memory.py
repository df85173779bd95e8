"""What the demo store's customers have at home: what will be used up when, and what they own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

OWNED_MAX: Final = 16

Ints = npt.NDArray[np.int64]


@dataclass(slots=True)
class Reorders:
    """Consumables that will be used up: day -> (users, items). Bounded by the number of days ahead."""

    days: int
    waiting: dict[int, list[tuple[Ints, Ints]]] = field(default_factory=dict)

    def add(self, day: Ints, user: Ints, item: Ints) -> None:
        """Rows beyond the end of the history are forgotten."""
        inside = day < self.days
        day, user, item = day[inside], user[inside], item[inside]
        if not len(day):
            return
        order = np.argsort(day, kind="stable")
        which, first = np.unique(day[order], return_index=True)
        for when, rows in zip(which.tolist(), np.split(order, first[1:]), strict=True):
            self.waiting.setdefault(when, []).append((user[rows], item[rows]))

    def take(self, day: int) -> tuple[Ints, Ints]:
        """(users, items) due on `day`."""
        parts = self.waiting.pop(day, [])
        none = np.zeros(0, np.int64)
        return np.concatenate([none, *(u for u, _ in parts)]), np.concatenate([none, *(i for _, i in parts)])


@dataclass(slots=True)
class Owned:
    """The newest OWNED_MAX purchases of each customer, as rings."""

    rings: npt.NDArray[np.int32]
    """(m, OWNED_MAX) items, -1 = empty."""
    bought: npt.NDArray[np.int32]
    """(m,) how many purchases have ever been put into each ring."""

    @classmethod
    def none(cls, customers: int) -> Owned:
        """Everybody's shelf is empty."""
        return cls(np.full((customers, OWNED_MAX), -1, np.int32), np.zeros(customers, np.int32))

    def has(self, user: Ints, item: Ints) -> npt.NDArray[np.bool_]:
        """(r,) whether the user's ring holds the item."""
        found: npt.NDArray[np.bool_] = (self.rings[user] == item[:, None]).any(axis=1)
        return found

    def put(self, user: Ints, item: Ints) -> None:
        """Adds purchases (r,); of one user's in the same call the last OWNED_MAX stay."""
        order = np.argsort(user, kind="stable")
        user, item = user[order], item[order]
        first = np.flatnonzero(np.diff(user, prepend=-1))
        counts = np.diff(np.append(first, len(user)))
        rank = np.arange(len(user)) - np.repeat(first, counts)
        self.rings[user, (self.bought[user] + rank) % OWNED_MAX] = item
        self.bought[user[first]] += counts.astype(np.int32)
