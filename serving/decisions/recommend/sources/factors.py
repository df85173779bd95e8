"""Items whose iALS factors are near the visitor's taste, from the FAISS index."""

from __future__ import annotations

from serving.core.ports import I64
from serving.decisions.recommend.contract import Source as Code
from serving.decisions.recommend.sources.near import near
from serving.decisions.recommend.sources.protocol import Evidence, Quota

CODE, QUOTA = Code.FACTORS, "from_factors"


def find(evidence: Evidence, quota: Quota) -> I64:
    """By inner product with the taste, which is folded in at request time (kernels/fold_in.py)."""
    return near(evidence.world.models.index, evidence.tastes, quota, evidence)
