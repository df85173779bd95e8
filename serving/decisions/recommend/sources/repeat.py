"""Own purchases, to be bought again: on grocery-like data the strongest source there is."""

from __future__ import annotations

from serving.decisions.recommend.contract import Source as Code
from serving.kernels.own import bought

CODE, QUOTA = Code.REPEAT, "from_repeat"

rows = bought
