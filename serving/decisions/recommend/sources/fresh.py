"""New arrivals: items the models have not seen, those most like the visitor's taste first."""

from __future__ import annotations

from serving.core.ports import I32
from serving.decisions.recommend.contract import Source as Code
from serving.decisions.recommend.sources.protocol import Evidence, Lists, nothing
from serving.kernels.texts import nearest_fresh


class Fresh:
    """See kernels/texts.py."""

    code = Code.FRESH

    def find(self, evidence: Evidence, quota: I32) -> Lists:
        """The newest first where no taste is known."""
        world = evidence.world
        if not len(world.fresh):
            return nothing(len(quota))
        return Lists(nearest_fresh(evidence.contents, world.content, world.fresh, quota, evidence.mask, evidence.masks))
