"""Items the visitor looked at, the newest first. Only detail-page views count."""

from __future__ import annotations

from serving.kernels.own import viewed

rows = viewed
