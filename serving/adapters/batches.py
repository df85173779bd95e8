"""Which batches there are, one line each: further decisions plug in here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from serving.adapters.batch_kind import Kind
from serving.adapters.batch_quote import PRICES
from serving.adapters.batch_recommend import RECOMMEND
from serving.adapters.batch_score import SCORE

BATCHES: Final[Mapping[str, Kind]] = {
    "recommend": RECOMMEND,
    "score": SCORE,
    "prices": PRICES,
}
