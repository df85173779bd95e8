"""Safety that follows what happened: at every review the least with which the past would have had the target.

Conformal risk control with units short as the loss, without its correction for few examples, on a history that grows;
the same for every policy. [1] Angelopoulos, Bates, Fisch, Lei, Schuster 2024, "Conformal Risk Control".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from model_repo.evaluate.replenish.world import Score, World, between, played

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]


class Policy(Protocol):
    """Prepared for the reviews of one world."""

    @property
    def world(self) -> World: ...

    @property
    def knobs(self) -> F64:
        """Ascending safeties that are tried, above 0 and below 1."""
        ...

    def pairs(self, knob: float) -> tuple[I64, I64]:
        """(n, r) reorder points and order-up-to positions; knob: a share of demand or cycles to be safe."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """A policy with every safety."""

    knobs: F64
    reorder: Sequence[I64]
    upto: Sequence[I64]

    @classmethod
    def of(cls, policy: Policy) -> Tried:
        pairs = [policy.pairs(float(knob)) for knob in policy.knobs]
        return cls(policy.knobs, [s for s, _ in pairs], [up for _, up in pairs])

    def least(self, part: World, fill_rate: float, at: int = 0) -> int:
        """Number of the least safety that has the fill rate in `part`, whose reviews begin with number `at`; the last
        one where none has."""
        low, high = 0, len(self.knobs) - 1
        while low < high:
            middle = (low + high) // 2
            short = self.played(part, middle, at).fill_rate < fill_rate
            low, high = (middle + 1, high) if short else (low, middle)
        return low

    def played(self, part: World, number: int, at: int = 0) -> Score:
        """With the same safety at all reviews of `part`, see `least`."""
        kept = slice(at, at + len(part.reviews))
        return played(part, self.upto[number][:, kept], self.reorder[number][:, kept])


def followed(whole: World, world: World, tried: Tried, fill_rate: float) -> tuple[Score, list[int]]:
    """Played in `world`, whose reviews are the last ones of `whole`; the number of the safety at each of its reviews,
    which is chosen from the days of `whole` before it."""
    begin, at = int(whole.reviews[0]), len(whole.reviews) - len(world.reviews)
    chosen = [tried.least(between(whole, begin, int(column)), fill_rate) for column in world.reviews]
    upto = np.stack([tried.upto[number][:, at + k] for k, number in enumerate(chosen)], axis=1)
    reorder = np.stack([tried.reorder[number][:, at + k] for k, number in enumerate(chosen)], axis=1)
    return played(world, upto, reorder), chosen
