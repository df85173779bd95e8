"""Random numbers of a search of its own: the same in every thread and process for the same seed."""

from __future__ import annotations

import numpy as np
from numba import njit

WORD = 2**64 - 1


def generator(seed: int) -> np.ndarray:
    """State (1,) uint64 of the draws, never 0: SplitMix64 of the seed (Steele, Lea, Flood, OOPSLA 2014)."""
    x = (seed + 1) * 0x9E3779B97F4A7C15 & WORD
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & WORD
    x = (x ^ x >> 27) * 0x94D049BB133111EB & WORD
    return np.array([x ^ x >> 31 or 1], np.uint64)


@njit(cache=True, nogil=True, forceinline=True)
def uniform(rng):
    """In [0, 1), by xorshift64*. Vigna: An experimental exploration of Marsaglia's xorshift generators, TOMS 42(4)."""
    x = rng[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    rng[0] = x
    return np.float64((x * np.uint64(2685821657736338717)) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@njit(cache=True, nogil=True, forceinline=True)
def below(rng, n):
    """A whole number in [0, n)."""
    return int(uniform(rng) * n)
