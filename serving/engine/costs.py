"""What work is estimated to take, learned from the batches that ran."""

from __future__ import annotations

EMA_SHARE = 0.1
"""Weight of the newest batch in the estimate."""
UNIT_S_FIRST = 0.000_5
"""Seconds a unit is taken to cost before one has been measured."""
GROWTH_MAX = 4.0
"""So many times the estimate is the most that one batch can teach: a batch that was held up says little of the next."""


class Costs:
    """Seconds that one unit of a method's work takes; most calls are one unit (Route.units)."""

    __slots__ = ("_unit_s",)

    def __init__(self) -> None:
        self._unit_s: dict[str, float] = {}

    def unit_s(self, method: str) -> float:
        """The estimate, above 0."""
        return self._unit_s.get(method, UNIT_S_FIRST)

    def learn(self, method: str, units: int, seconds: float) -> None:
        """A batch of `units`, 1 or more, has taken `seconds`."""
        known = self.unit_s(method)
        self._unit_s[method] = known + EMA_SHARE * (min(seconds / units, GROWTH_MAX * known) - known)
