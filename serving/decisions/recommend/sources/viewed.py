"""Items the visitor looked at, the newest first. Only detail-page views count."""

from __future__ import annotations

from serving.decisions.recommend.contract import Source as Code
from serving.kernels.own import viewed

CODE, QUOTA = Code.VIEWED, "candidates"

rows = viewed
