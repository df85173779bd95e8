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

    __slots__ = ("_unit_s", "unit_s_most")

    def __init__(self) -> None:
        self._unit_s: dict[str, float] = {}
        self.unit_s_most = UNIT_S_FIRST
        """Of the dearest method."""

    def unit_s(self, method: str) -> float:
        """The estimate, above 0."""
        return self._unit_s.get(method, UNIT_S_FIRST)

    def learn(self, method: str, units: int, seconds: float) -> None:
        """A batch of `units`, 1 or more, has taken `seconds`."""
        known = self.unit_s(method)
        self._unit_s[method] = now = known + EMA_SHARE * (min(seconds / units, GROWTH_MAX * known) - known)
        if now > self.unit_s_most or known == self.unit_s_most:
            self.unit_s_most = max(UNIT_S_FIRST, *self._unit_s.values())
