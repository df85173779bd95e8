"""What is bought in one basket with the items of the page or the cart, by significant lift."""

from __future__ import annotations

import numpy as np

from serving.core.ports import I32
from serving.decisions.recommend.contract import Source as Code
from serving.decisions.recommend.sources.protocol import Evidence, Sum
from serving.kernels.history import CARTED, CONTEXT


class Together:
    """The matrix holds significant pairs, by likelihood and the lower bound of their lift (model_repo/together)."""

    code = Code.TOGETHER

    def find(self, evidence: Evidence, quota: I32) -> Sum:
        """Each item of the page or the cart counts once."""
        kind = evidence.history.kind
        return Sum(((kind == CONTEXT) | (kind == CARTED)).astype(np.float32))
