"""EASE, or RP3beta for large catalogues: what having an item says about wanting another."""

from __future__ import annotations

from serving.core.ports import I32
from serving.decisions.recommend.contract import Source as Code
from serving.decisions.recommend.sources.protocol import Evidence, Sum


class ItemItem:
    """See model_repo/item_item."""

    code = Code.ITEM_ITEM

    def find(self, evidence: Evidence, quota: I32) -> Sum:
        """Weighted by the decayed interest of the fold."""
        return Sum(evidence.history.interest)
