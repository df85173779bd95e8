"""The fold on records that this version did not write."""

from __future__ import annotations

import numpy as np
from worlds import NOW, TURN, Shelf, blob, checkerboard

from serving.core.ids import hash64
from serving.decisions.recommend.contract import Query
from serving.decisions.recommend.pipeline import Recommender
from serving.events.fold import TYPE_INTEREST
from serving.events.records import PACK


def test_an_event_type_of_a_newer_version_says_nothing() -> None:
    """The kernel does not check its bounds: every code that fits into a record must have a place."""
    assert len(TYPE_INTEREST) == 256
    models, catalogue = checkerboard()
    known = blob(("purchase-complete", "i4", 3.0))
    strange = PACK.pack(9, hash64("i5"), int(NOW) - 60, 1, 255, 0)
    shelf = Shelf({"u:old": known, "u:new": known + strange})
    recommender = Recommender(models, lambda: catalogue, shelf)
    old, new = recommender.run([Query(user_id="old"), Query(user_id="new")], TURN)
    interest = {recommender.world().catalogue.items[row].item_id for row in new.rows[:5].tolist()}
    assert interest <= {f"i{row}" for row in range(0, 40, 2)}
    assert np.isfinite(new.scores).all()
    assert len(new.rows) == len(old.rows)
