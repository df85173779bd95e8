"""Logged decisions as slots, and what policies of the same scores would have done there.

The log keeps what was shown, not what else could have been: a target's chance of a shown item is worked out from its
propensity p and the exploration share e it was drawn with. kernels/exploring.py gives the greedy choice 1 - e + e * d
and any other e * d, d being the item's chance in a draw; up to e = EXPLORED_MAX the two cannot be mixed up.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import numpy as np

from model_repo.evaluate.policy.estimators import F64, Pages, Predicted, Target
from model_repo.evaluate.policy.outcomes import group_means
from serving.core.errors import DataError
from serving.decisions.recommend.contract import Query
from serving.decisions.recommend.record import Decision, Logged
from serving.events.types import profile_key
from serving.kernels.pool import POOL_FACTOR

TARGETS: Final = ("greedy", "drawn", "uniform")
"""No exploration; every place drawn by the kernels' softmax; every place drawn evenly from the pool."""
EXPLORED_MAX: Final = 0.5
POOL_EXTRA: Final = 20
"""As in kernels.pool.make_pool: pages of n are chosen among the best POOL_FACTOR * n + 20."""
FIXED: Final = 1e-6
"""A chance so close to 1 left nothing to chance: pins, the new arrival's place, placements that are not explored. No
target would do otherwise."""
HOW: Final = (
    "set recommend.exploration_share (0.05 draws one place in twenty, and logs every page whatever decisions.share is) "
    "and send events with the attribution_token of the answers they follow"
)


@dataclass(frozen=True, slots=True)
class Read:
    """What a log says. targets: those of TARGETS."""

    pages: Pages
    targets: tuple[Target, ...]
    counts: Mapping[str, int]
    notes: tuple[str, ...]
    digest: str
    """sha256 of the decisions' ids and what they earned."""


class _Slots:
    """Slots as they are collected; a place of a placement is a group of the outcome model."""

    def __init__(self) -> None:
        self.page, self.group = array("q"), array("q")
        self.reward, self.propensity, self.share, self.open = (array("d") for _ in range(4))
        self.groups: dict[tuple[str, int], int] = {}

    def add(self, page: int, decision: Decision, earned: frozenset[str]) -> int:
        """The page's slots; how many earned something."""
        share, query = float(decision.params["exploration_share"]), decision.query
        left, hits = pool_size(query), 0
        for place, result in enumerate(decision.results, query.offset):
            self.page.append(page)
            self.group.append(self.groups.setdefault((query.placement, place), len(self.groups)))
            self.reward.append(result.item_id in earned)
            self.propensity.append(result.propensity)
            self.share.append(share)
            self.open.append(left)
            left = max(left - (result.propensity < 1 - FIXED), 1)
            hits += result.item_id in earned
        return hits


def read(logged: Iterable[Logged], outcome: str, *, placement: str = "", where: str = "the log") -> Read:
    """Every page of the log (of a placement, '' = all). An item earns 1 if an event of type `outcome` followed.

    Raises DataError, naming `where` and the settings to turn on, if nothing in it was left to chance.
    """
    slots, unit, units = _Slots(), array("q"), dict[str, int]()
    seen: Counter[str] = Counter(decisions=0, left_out_not_explored=0, left_out_explored_too_much=0, outcomes=0)
    digest = sha256()
    for each in logged:
        decision = each.decision
        if placement and decision.query.placement != placement:
            continue
        seen["decisions"] += 1
        share = float(decision.params.get("exploration_share", 0.0))
        if not 0 < share <= EXPLORED_MAX:
            seen["left_out_explored_too_much" if share > 0 else "left_out_not_explored"] += 1
            continue
        earned = frozenset(one.item_id for one in each.outcomes if one.event_type == outcome)
        owner = profile_key(decision.query.user_id, decision.query.visitor_id) or decision.decision_id
        seen["outcomes"] += slots.add(len(unit), decision, earned)
        unit.append(units.setdefault(owner, len(units)))
        digest.update("\0".join([decision.decision_id, *sorted(earned)]).encode() + b"\n")
    _check(seen, slots, placement, where)
    pages = Pages(np.array(unit), np.array(slots.page), np.array(slots.reward), np.array(slots.propensity))
    chances = probabilities(pages.propensity, np.array(slots.share), np.array(slots.open))
    expected = group_means(np.array(slots.group), pages.reward, pages.unit[pages.page])
    model = Predicted(expected, expected)
    counts = {"pages": len(unit), "visitors": len(units), "slots": len(slots.page)}
    counts["explored_slots"] = int((pages.propensity < 1 - FIXED).sum())
    return Read(
        pages,
        tuple(Target(name, chances[name], {"dr": model}) for name in TARGETS),
        counts | dict(seen),
        _notes(seen, outcome),
        digest.hexdigest(),
    )


def probabilities(propensity: F64, share: F64, left: F64) -> dict[str, F64]:
    """Each target's chance of the logged item, (s,); all three are (s,), left: candidates still open in the pool."""
    fixed, best = propensity >= 1 - FIXED, propensity >= 1 - share - FIXED
    drawn = np.clip((propensity - np.where(best, 1 - share, 0.0)) / share, 0.0, 1.0)
    found = {"greedy": best.astype(np.float64), "drawn": drawn, "uniform": 1 / left}
    return {name: np.where(fixed, 1.0, chance) for name, chance in found.items()}


def pool_size(query: Query) -> int:
    """Candidates a page is drawn from, without those on pages before.

    Assumes that there were so many, which the mean of uniform's weights tests.
    """
    size = POOL_FACTOR * query.page_size + POOL_EXTRA
    size = size if query.given is None else min(size, len(query.given))
    return max(size - query.offset, 1)


def _check(seen: Mapping[str, int], slots: _Slots, placement: str, where: str) -> None:
    asked = f" of {placement}" if placement else ""
    if not seen["decisions"]:
        raise DataError(where, f"no decision{asked} is logged in this time: {HOW}")
    if any(chance < 1 - FIXED for chance in slots.propensity):
        return
    if seen["left_out_explored_too_much"]:
        raise DataError(where, f"recommend.exploration_share was above {EXPLORED_MAX}: set it lower, 0.05 is usual")
    raise DataError(where, f"nothing in {seen['decisions']:,} decisions{asked} was left to chance: {HOW}")


def _notes(seen: Mapping[str, int], outcome: str) -> tuple[str, ...]:
    notes = [
        "dr: the log keeps only what was shown, so its outcome model knows the placement and the place, not the item",
        "uniform takes each page to have had its full pool of candidates; narrow filters and caps make it smaller, "
        "which shows in the weights' mean",
    ]
    if not seen["outcomes"]:
        notes.append(f"no {outcome} followed any page: do events carry the attribution_token of the answer?")
    if seen["left_out_not_explored"]:
        notes.append(f"left out: {seen['left_out_not_explored']:,} pages made with exploration_share 0")
    if seen["left_out_explored_too_much"]:
        notes.append(
            f"left out: {seen['left_out_explored_too_much']:,} pages made with an exploration_share above "
            f"{EXPLORED_MAX}, where the best item cannot be told from a drawn one"
        )
    return tuple(notes)
