"""What can be tuned about recommendations; settings.py only composes it."""

from __future__ import annotations

from dataclasses import dataclass

from serving.core.errors import InvalidInput
from serving.core.ranges import check_ranges

DIVERSIFIERS = ("mmr", "dpp")
"""The position is the code of kernels/rerank.py."""


@dataclass(frozen=True, slots=True)
class Params:
    """Ranges are checked at construction."""

    candidates: int = 200
    """Candidates that are ranked for one request, 20..2000."""
    from_item_item: int = 70
    """Of those, at most so many from the item-item model, 0..candidates."""
    from_factors: int = 40
    """At most so many from the factor index, 0..candidates."""
    from_repeat: int = 70
    """At most so many that the visitor bought before, 0..candidates."""
    from_session: int = 30
    """At most so many from visits like this one, 0..candidates."""
    from_transitions: int = 20
    """At most so many that usually come next, 0..candidates."""
    from_together: int = 60
    """Beside items: at most so many that are bought with them, 0..candidates."""
    from_coview: int = 60
    """Beside items: at most so many that are viewed with them, 0..candidates."""
    from_content: int = 40
    """Beside items: at most so many whose words are like theirs, 0..candidates."""
    from_fresh: int = 10
    """At most so many new arrivals the models have not seen, 0..candidates."""
    transition_half_life_visits: float = 1.75
    """After so many visits an item counts half for what comes next, 0.1..1000."""
    session_neighbours: int = 100
    """Visits of others that vote, 1..1000."""
    session_half_life_days: float = 90.0
    """Age at which the vote of such a visit counts half, 0.1..10000."""
    half_life_days: float = 90.0
    """Age at which an event counts half for interest, 0.1..10000."""
    short_half_life_days: float = 21.0
    """The same for what was bought or viewed lately, 0.1..10000."""
    stale_days: float = 30.0
    """The clock by which events age stops so long after the newest event the models have seen, 0..100000: with models
    that nobody trains any more, visitors' tastes must not fade to nothing."""
    diversity: float = 0.0
    """Default trade of relevance against likeness, 0..1."""
    diversifier: str = "dpp"
    """How a diverse page is chosen: dpp (determinantal point process) or mmr (marginal relevance, cheaper)."""
    objective_weight: float = 0.5
    """How far an objective (revenue, margin) turns the order away from likely purchases when a request does not say,
    0..1; 1 orders by expected revenue or margin."""
    exploration_share: float = 0.0
    """Share of places that are filled by chance, with logged propensities, 0..1: what off-policy estimates need."""
    shadow_share: float = 0.0
    """Share of the plain requests for recommended-for-you whose answer is compared with what the release's shadow model
    would have shown, 0..1; nobody waits for it."""
    transfer_days: float = 3.0
    """Days in which stock can be moved between locations, 0..365: what a delivery date is checked against."""
    fresh_slot: bool = True
    """Keep the last place of a page of ten or more for a new arrival when there is one."""
    personalization: bool = True
    """Whether personal data is used when a request does not say."""
    stockout_visitors: int = 0
    """An item that so many visitors have seen out of stock (stockout-seen) since the last word on its stock counts as
    out of stock, 0..20; 0 = never: whoever may write events could hide items."""
    stockout_hold_h: float = 6.0
    """Hours after which such a sight is not believed any more, 0.01..168."""
    profile_timeout_ms: float = 5.0
    """Longest wait for the profiles of a batch, 0.5..1000."""

    def __post_init__(self) -> None:
        check_ranges(
            self,
            "recommend",
            ("candidates", 20, 2000),
            ("from_item_item", 0, self.candidates),
            ("from_factors", 0, self.candidates),
            ("from_repeat", 0, self.candidates),
            ("from_session", 0, self.candidates),
            ("from_transitions", 0, self.candidates),
            ("from_together", 0, self.candidates),
            ("from_coview", 0, self.candidates),
            ("from_content", 0, self.candidates),
            ("from_fresh", 0, self.candidates),
            ("transition_half_life_visits", 0.1, 1000.0),
            ("session_neighbours", 1, 1000),
            ("session_half_life_days", 0.1, 10_000.0),
            ("objective_weight", 0.0, 1.0),
            ("exploration_share", 0.0, 1.0),
            ("shadow_share", 0.0, 1.0),
            ("transfer_days", 0.0, 365.0),
            ("half_life_days", 0.1, 10_000.0),
            ("short_half_life_days", 0.1, 10_000.0),
            ("stale_days", 0.0, 100_000.0),
            ("diversity", 0.0, 1.0),
            ("stockout_visitors", 0, 20),
            ("stockout_hold_h", 0.01, 168.0),
            ("profile_timeout_ms", 0.5, 1000.0),
        )
        if self.diversifier not in DIVERSIFIERS:
            raise InvalidInput("recommend.diversifier", self.diversifier, "one of " + ", ".join(DIVERSIFIERS))
