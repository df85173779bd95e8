"""When requests arrive: a Poisson process, which waits for no answer. Seeded, without a clock."""

from __future__ import annotations

import random
from collections.abc import Iterator


def poisson(rate: float, seed: str) -> Iterator[float]:
    """Times of arrival, ascending, in seconds from the beginning, without end. rate: arrivals a second, above 0.

    Several such processes together are one whose rate is the sum of theirs, so that every user may have its own.
    seed: equal seeds give equal times; different ones (a worker's number, a user's) give independent times.
    """
    if rate <= 0:
        raise ValueError(f"rate: got {rate}, expected a number above 0")
    dice, at_s = random.Random(seed), 0.0
    while True:
        at_s += dice.expovariate(rate)
        yield at_s
