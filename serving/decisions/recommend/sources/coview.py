"""What is viewed in one visit with the items of the page."""

from __future__ import annotations

import numpy as np

from serving.core.ports import I32
from serving.decisions.recommend.contract import Source as Code
from serving.decisions.recommend.sources.protocol import Evidence, Sum
from serving.kernels.history import CONTEXT


class Coview:
    """As together, over views."""

    code = Code.COVIEW

    def find(self, evidence: Evidence, quota: I32) -> Sum:
        """Each item of the page counts once."""
        return Sum((evidence.history.kind == CONTEXT).astype(np.float32))
