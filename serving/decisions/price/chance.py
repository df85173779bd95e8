"""What is left to chance: by item and period, never by who asks. The same seed, item and period draw the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from serving.core.ports import F32

_GAMMA: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)
_UNIT: Final = 2.0**-53

CURVES: Final = 8
"""Curves out of the posterior that stand for all of it, each as likely as the others."""


@dataclass(frozen=True, slots=True)
class Chance:
    """keys: (n,) uint64, of the items. seed, period: whole numbers."""

    keys: npt.NDArray[np.uint64]
    seed: int
    period: int

    def uniform(self, at: npt.NDArray[np.int64], number: int) -> npt.NDArray[np.float64]:
        """The `number`-th draw of the items `at`, in [0, 1).

        Mixed as splitmix64 does. Source: Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators".
        """
        with np.errstate(over="ignore"):
            seeded = _mixed(np.array([self.seed], np.uint64) + _GAMMA)
            state = _mixed(self.keys[at] ^ _mixed(seeded + np.uint64(self.period & (2**64 - 1)) * _GAMMA))
            mixed = _mixed(state + np.uint64(number + 1) * _GAMMA)
        found: npt.NDArray[np.float64] = (mixed >> np.uint64(11)).astype(np.float64) * _UNIT
        return found

    def draws(self, at: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """(m, 2) in [0, 1): whether the price is left to chance, and which it is."""
        return np.stack([self.uniform(at, 0), self.uniform(at, 1)], axis=1)

    def curve(self, at: npt.NDArray[np.int64], number: int) -> F32:
        """(m, 2) standard normal numbers that choose the `number`-th of CURVES curves of each item."""
        one, two = self.uniform(at, 2 + 2 * number), self.uniform(at, 3 + 2 * number)
        radius = np.sqrt(-2.0 * np.log1p(-one))  # Box, Muller 1958
        angle = 2.0 * np.pi * two
        return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).astype(np.float32)


def _mixed(z: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    z = (z ^ (z >> np.uint64(30))) * _FIRST
    z = (z ^ (z >> np.uint64(27))) * _SECOND
    mixed: npt.NDArray[np.uint64] = z ^ (z >> np.uint64(31))
    return mixed
