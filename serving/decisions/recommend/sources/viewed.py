"""Items the visitor looked at, the newest first."""

from __future__ import annotations

from serving.core.ports import I32
from serving.decisions.recommend.contract import Source as Code
from serving.decisions.recommend.sources.protocol import Evidence, Lists
from serving.kernels.own import viewed


class Viewed:
    """See kernels/own.py."""

    code = Code.VIEWED

    def find(self, evidence: Evidence, quota: I32) -> Lists:
        """Only detail-page views count."""
        return Lists(viewed(evidence.history, quota, evidence.mask, evidence.masks))
