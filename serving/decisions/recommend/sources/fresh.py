"""New arrivals: items the models have not seen, those most like the visitor's taste first, else the newest."""

from __future__ import annotations

from serving.decisions.recommend.contract import Source as Code
from serving.kernels.texts import nearest_fresh

CODE, QUOTA = Code.FRESH, "from_fresh"

rows = nearest_fresh
