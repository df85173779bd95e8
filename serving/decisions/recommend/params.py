"""What can be tuned about recommendations; settings.py only composes it."""

from __future__ import annotations

from dataclasses import dataclass

from serving.core.ranges import check_ranges


@dataclass(frozen=True, slots=True)
class Params:
    """Ranges are checked at construction."""

    candidates: int = 200
    """Candidates that are ranked for one request, 20..2000."""
    from_item_item: int = 80
    """Of those, at most so many from the item-item model, 0..candidates."""
    from_factors: int = 40
    """At most so many from the factor index, 0..candidates."""
    from_repeat: int = 80
    """At most so many that the visitor bought before, 0..candidates."""
    from_fresh: int = 10
    """At most so many new arrivals the models have not seen, 0..candidates."""
    half_life_days: float = 90.0
    """Age at which an event counts half for interest, 0.1..10000."""
    short_half_life_days: float = 21.0
    """The same for what was bought or viewed lately, 0.1..10000."""
    stale_days: float = 30.0
    """The clock by which events age stops so long after the newest event the models have seen, 0..100000: with models
    that nobody trains any more, visitors' tastes must not fade to nothing."""
    diversity: float = 0.0
    """Default trade of relevance against likeness, 0..1."""
    fresh_slot: bool = True
    """Keep the last place of a page of ten or more for a new arrival when there is one."""
    personalization: bool = True
    """Whether personal data is used when a request does not say."""
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
            ("from_fresh", 0, self.candidates),
            ("half_life_days", 0.1, 10_000.0),
            ("short_half_life_days", 0.1, 10_000.0),
            ("stale_days", 0.0, 100_000.0),
            ("diversity", 0.0, 1.0),
            ("profile_timeout_ms", 0.5, 1000.0),
        )
