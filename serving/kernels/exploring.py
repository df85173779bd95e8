"""Exploration: a share of the places is drawn at random, with the chance of each item known."""

from __future__ import annotations

import numpy as np
from numba import njit

TEMPERATURE = 0.2
"""Of the softmax over relevance in 0..1: the pool's best is drawn exp(1 / 0.2) = 148 times as often as its worst."""

_GAMMA, _UNIT = np.uint64(0x9E3779B97F4A7C15), 2.0**-53


@njit(cache=True, nogil=True)
def uniform(seed, k):
    """The k-th number of the splitmix64 sequence from `seed` (uint64), as float64 in [0, 1) with 53 random bits.

    Source: Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators", as in Vigna's splitmix64.c.
    """
    z = np.uint64(seed) + _GAMMA * (np.uint64(k) + np.uint64(1))
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return np.float64(z >> np.uint64(11)) * _UNIT


@njit(cache=True, nogil=True)
def explore(weight, is_open, total, greedy, share, seed, place):
    """What stands at `place`, and the chance it had: the greedy choice, or with probability `share` a draw.

    weight: (m,) float32 > 0 and its sum `total` over the open candidates, one of which is `greedy`. Uses the numbers
    2 * place and 2 * place + 1 of the seed's sequence. Chance: share * weight / total, + 1 - share if it is `greedy`.
    """
    pick = greedy
    if uniform(seed, 2 * place) < share:
        target = uniform(seed, 2 * place + 1) * total
        passed = 0.0
        for i in range(len(weight)):
            if is_open[i]:
                pick = i
                passed += weight[i]
                if passed > target:
                    break
    chance = share * weight[pick] / total
    return pick, np.float32(chance + (1 - share) if pick == greedy else chance)
