"""Own purchases, to be bought again: on grocery-like data the strongest source there is."""

from __future__ import annotations

from serving.core.ports import I32
from serving.decisions.recommend.contract import Source as Code
from serving.decisions.recommend.sources.protocol import Evidence, Lists
from serving.kernels.own import bought


class Repeat:
    """See kernels/own.py."""

    code = Code.REPEAT

    def find(self, evidence: Evidence, quota: I32) -> Lists:
        """Ordered by decayed purchases and what others buy now."""
        return Lists(bought(evidence.history, quota, evidence.world.popularity, evidence.mask, evidence.masks))
