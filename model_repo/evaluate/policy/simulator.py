"""A shop whose truth is known: who clicks what at which place, policies that fill pages, and logs of what was shown.

Pages are filled as serving/kernels/exploring.py fills them: each place is given to the best candidate left, or with
probability `share` drawn among all that are left by a softmax over relevance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from model_repo.evaluate.policy.estimators import F64, I64, Pages, Predicted, Target
from model_repo.evaluate.policy.outcomes import FOLDS, logistic, sigmoid
from serving.kernels.exploring import TEMPERATURE

Open = npt.NDArray[np.bool_]
Policy = Callable[[F64, Open], F64]
"""(relevance (n, m) in 0..1, is_open (n, m)) -> (n, m) probabilities, 0 where not open, each line sums to 1."""

TASTES = 4
SCORE_NOISE = 0.6
"""Standard deviation of what the shop's scores get wrong, in units of log-odds."""
BASE, TASTE, FALL = -2.6, 0.7, 0.8
"""Log-odds of a click: base + TASTE * affinity - FALL * ln(1 + place)."""


@dataclass(frozen=True, slots=True)
class World:
    """u users, m items."""

    affinity: F64
    """(u, m)"""
    relevance: F64
    """(u, m) in 0..1: the shop's noisy guess of it, scaled over each user's candidates as the kernels' pool is."""
    places: int
    base: float = BASE

    def clicks(self, users: I64, place: int) -> F64:
        """(n, m) true click probabilities at a place, from 0."""
        return sigmoid(self.base + TASTE * self.affinity[users] - FALL * np.log1p(place))


def make_world(seed: int, *, users: int = 400, items: int = 30, places: int = 5, base: float = BASE) -> World:
    """The same for the same seed."""
    rng = np.random.default_rng(seed)
    affinity = rng.normal(size=(users, TASTES)) @ rng.normal(size=(TASTES, items)) / np.sqrt(TASTES)
    affinity += 0.5 * rng.normal(size=items)
    scores = affinity + SCORE_NOISE * rng.normal(size=affinity.shape)
    least, most = scores.min(axis=1, keepdims=True), scores.max(axis=1, keepdims=True)
    return World(affinity, (scores - least) / (most - least), places, base)


def softmax(temperature: float) -> Policy:
    """Draws by exp(relevance / temperature)."""

    def policy(relevance: F64, is_open: Open) -> F64:
        weight = np.where(is_open, np.exp((relevance - 1) / temperature), 0.0)
        return np.asarray(weight / weight.sum(axis=1, keepdims=True), np.float64)

    return policy


def greedy(relevance: F64, is_open: Open) -> F64:
    """The best that is left."""
    best = np.where(is_open, relevance, -1.0).argmax(axis=1)
    return np.asarray(np.arange(relevance.shape[1]) == best[:, None], np.float64)


def uniform(relevance: F64, is_open: Open) -> F64:
    """Any of those that are left."""
    return np.asarray(is_open / is_open.sum(axis=1, keepdims=True), np.float64)


def exploring(share: float, temperature: float = TEMPERATURE) -> Policy:
    """The best, or with probability `share` a draw: the kernels' mixture."""
    draw = softmax(temperature)
    return lambda relevance, is_open: share * draw(relevance, is_open) + (1 - share) * greedy(relevance, is_open)


TARGETS: Mapping[str, Policy] = {"greedy": greedy, "softmax": softmax(0.5), "uniform": uniform}
"""What the command judges: better, different and worse than what was logged."""


class Place(NamedTuple):
    """One place of n pages."""

    is_open: Open
    """(n, m) before the choice."""
    probability: F64
    """(n,) of what was chosen."""
    chosen: I64
    """(n,)"""


def fill(world: World, users: I64, policy: Policy, rng: np.random.Generator) -> Iterator[Place]:
    """The pages of these users, place by place."""
    relevance = world.relevance[users]
    is_open, lines = np.ones(relevance.shape, np.bool_), np.arange(len(users))
    for _ in range(world.places):
        chances = policy(relevance, is_open)
        passed = chances.cumsum(axis=1)
        chosen = (passed <= rng.random((len(users), 1)) * passed[:, -1:]).sum(axis=1)
        yield Place(is_open.copy(), chances[lines, chosen], chosen)
        is_open[lines, chosen] = False


def truth(world: World, logging: Policy, target: Policy, *, seed: int, rounds: int = 50) -> float:
    """Clicks a page when `target` decides each place below places that `logging` filled: what estimators are after.

    Every user alike; exact but for the draw of the prefixes, `rounds` of them a user. With the target as `logging` it
    is the value of pages that the target made alone.
    """
    users, rng = np.tile(np.arange(len(world.relevance)), rounds), np.random.default_rng(seed)
    relevance, total = world.relevance[users], 0.0
    for place, at in enumerate(fill(world, users, logging, rng)):
        total += float((target(relevance, at.is_open) * world.clicks(users, place)).sum(axis=1).mean())
    return total


@dataclass(frozen=True, slots=True)
class Log:
    """n pages of a world."""

    world: World
    users: I64
    """(n,)"""
    places: Sequence[Place]
    rewards: Sequence[F64]
    """A place: (n,) 0 or 1."""


Model = Callable[[Log], list[F64]]
"""An outcome model: for each place (n, m) click probabilities."""


def make_log(world: World, logging: Policy, pages: int, seed: int) -> Log:
    """Pages of users drawn at random, with their clicks."""
    rng = np.random.default_rng(seed)
    users = rng.integers(len(world.relevance), size=pages)
    places = list(fill(world, users, logging, rng))
    lines = np.arange(pages)
    chances = [world.clicks(users, k)[lines, place.chosen] for k, place in enumerate(places)]
    return Log(world, users, places, [(rng.random(pages) < chance).astype(np.float64) for chance in chances])


def fitted(log: Log) -> list[F64]:
    """A logistic regression on relevance and place, for each half of the users from the clicks of the other half."""
    relevance, lines = log.world.relevance[log.users], np.arange(len(log.users))
    found, fold = [np.zeros(relevance.shape) for _ in log.places], log.users % FOLDS
    seen = [_features(relevance[lines, place.chosen], k) for k, place in enumerate(log.places)]
    for k in range(FOLDS):
        others, mine = fold != k, fold == k
        if not (others.any() and mine.any()):
            continue
        learned = logistic(np.vstack([x[others] for x in seen]), np.concatenate([r[others] for r in log.rewards]))
        for place in range(len(found)):
            found[place][mine] = sigmoid(_features(relevance[mine], place) @ learned)
    return found


def wrong(log: Log) -> list[F64]:
    """Expects clicks where there are none: what a doubly robust estimate has to survive."""
    return [0.5 * (1 - log.world.relevance[log.users]) for _ in log.places]


def pages_of(log: Log) -> Pages:
    """Its slots, place after place."""
    _, unit = np.unique(log.users, return_inverse=True)
    return Pages(
        unit=unit.astype(np.int64),
        page=np.tile(np.arange(len(log.users)), len(log.places)),
        reward=np.concatenate(log.rewards),
        propensity=np.concatenate([place.probability for place in log.places]),
    )


def target_of(log: Log, name: str, policy: Policy, models: Mapping[str, list[F64]]) -> Target:
    """The policy over the slots of `pages_of`. models: name of the estimate -> predictions of a Model."""
    relevance, lines = log.world.relevance[log.users], np.arange(len(log.users))
    chances = [policy(relevance, place.is_open) for place in log.places]
    chosen = [place.chosen for place in log.places]

    def of_logged(values: Sequence[F64]) -> F64:
        return np.concatenate([value[lines, at] for value, at in zip(values, chosen, strict=True)])

    predicted = {
        model: Predicted(
            of_logged(expected),
            np.concatenate([(chance * q).sum(axis=1) for chance, q in zip(chances, expected, strict=True)]),
        )
        for model, expected in models.items()
    }
    return Target(name, of_logged(chances), predicted)


def _features(relevance: F64, place: int) -> F64:
    """(..., 3)"""
    return np.stack([np.ones_like(relevance), relevance, np.full_like(relevance, np.log1p(place))], axis=-1)
