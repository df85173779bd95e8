"""What can be tuned about replenishment; settings.py only composes it."""

from __future__ import annotations

from dataclasses import dataclass

from serving.core.ranges import check_ranges
from serving.decisions.replenish.contract import check_holding_rate


@dataclass(frozen=True, slots=True)
class Params:
    """Used where a request does not say otherwise. Ranges are checked at construction."""

    review_period_days: int = 7
    """Days from one review to the next, 1..182."""
    fill_rate: float = 0.95
    """Share of demand to be served from stock, 0.01..0.9999."""
    holding_rate: float = 0.25
    """What holding stock costs a year, as a share of its cost, 0 or 1e-6..10."""
    lost_sales: bool = True
    """Whether demand that finds no stock is lost, rather than waiting for the next arrival."""
    level_share: float = 1.0
    """How far the days of a lead time go up and down together, as a share of how far those of a forecast week do,
    0..2; 0 = the days are independent."""

    def __post_init__(self) -> None:
        check_ranges(
            self,
            "replenish",
            ("review_period_days", 1, 182),
            ("fill_rate", 0.01, 0.9999),
            ("level_share", 0, 2),
        )
        check_holding_rate("replenish.holding_rate", self.holding_rate)
