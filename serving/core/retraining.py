"""When models are trained again, from what, and what a new release must show before it goes live."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from serving.core.config import setting
from serving.core.errors import InvalidInput

HOUR_S: Final = 3600
DAY_S: Final = 86_400
_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class RetrainParams:
    """The section `retrain` of the settings. Raises InvalidInput when one cannot be."""

    every_hours: float = setting(
        0.0, "How often the launcher trains again, in a process of its own; 0 = never.", low=0, high=8784, unit="hours"
    )
    at: str = setting("", "Time of day (UTC, HH:MM) that this counts from; empty = from the end of the last one.")
    hours_max: float = setting(
        12.0, "A scheduled training that takes longer is ended.", low=0.01, high=168, unit="hours"
    )
    transactions: str = setting(
        "",
        "File of transactions to learn from beside the event log; relative to home; empty = what the live release has "
        "learnt.",
    )
    outside: str = setting(
        "",
        "File of what is known beside the sales, by day and item (`storegate train --outside`); relative to home; "
        "empty = nothing.",
    )
    columns: tuple[str, ...] = setting((), "Which column of it is what, KEY=NAME; the others are guessed.")
    currency: str = setting("GBP", "Of its prices, ISO 4217.")
    days: int = setting(365, "Newest days of the event log that are learnt from.", low=1, high=3650, unit="days")
    rows_max: int = setting(
        10_000_000,
        "Most rows of the event log that are learnt from, whole days, the newest first.",
        low=1000,
        high=1_000_000_000,
        unit="rows",
    )
    holdout_days: float = setting(
        7.0,
        "Length of the newest slice, on which the new release and the live one are compared; at most half of what the "
        "live release has not seen.",
        low=0.01,
        high=365,
        unit="days",
    )
    customers_min: int = setting(
        100, "With fewer customers who buy in the slice nothing is compared, and nothing changes.", low=1,
        high=1_000_000, unit="customers",
    )  # fmt: skip
    margin_percent: float = setting(
        5.0,
        "A new release goes live when it is not worse than the live one by more than this, with 95 % certainty.",
        low=0,
        high=100,
        unit="%",
    )
    moments: int = setting(6, "Past moments from which the rankers learn; fewer take less time.", low=1, high=50)
    seed: int = setting(0, "The same data and seed give the same models.", low=0, high=2**31)

    def __post_init__(self) -> None:
        if self.at and not _CLOCK.fullmatch(self.at):
            raise InvalidInput("at", self.at, "a time of day such as 03:30, or nothing")
        for pair in self.columns:
            key, separator, name = pair.partition("=")
            if not (separator and key and name):
                raise InvalidInput("columns", pair, "KEY=NAME, for example item=StockCode")

    @property
    def at_s(self) -> int | None:
        """Seconds after midnight (UTC); None = no time of day."""
        return int(self.at[:2]) * HOUR_S + int(self.at[3:]) * 60 if self.at else None


def next_due(last_s: float, every_s: float, at_s: int | None) -> float:
    """When the next training begins, in epoch seconds, after one that ended at `last_s`.

    at_s: seconds after midnight; then trainings begin at at_s + k every_s from some midnight on, the next one after
    `last_s`.
    """
    if at_s is None:
        return last_s + every_s
    return at_s + ((last_s - at_s) // every_s + 1) * every_s
