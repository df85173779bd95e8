"""Items whose words are like those of the page: titles, categories, brands, attributes."""

from __future__ import annotations

import numpy as np

from serving.core.ports import I64
from serving.decisions.recommend.contract import Source as Code
from serving.decisions.recommend.sources.near import near
from serving.decisions.recommend.sources.protocol import Evidence, Quota
from serving.kernels.texts import nearest_fresh

CODE, QUOTA = Code.CONTENT, "from_content"


def find(evidence: Evidence, quota: Quota) -> I64:
    """By cosine, models' items from the content index; half of what is asked may be new arrivals, which it does not
    hold."""
    world = evidence.world
    known = near(world.models.content_index, evidence.contents, quota, evidence)
    if not len(world.fresh):
        return known
    half = np.where(evidence.contents.any(axis=1), quota.each // 2, 0).astype(np.int32)
    new = nearest_fresh(evidence.contents, world.content, world.fresh, half, evidence.mask, evidence.masks)
    return np.concatenate((new, known), axis=1)
