"""What the shadow of a release came to, as metrics."""

from __future__ import annotations

from serving.decisions.recommend.shadow import Tally
from serving.engine.telemetry import Family


def shadow_families(tally: Tally | None) -> list[Family]:
    """One row each, by the shadow's name; none where nothing is compared. A mean is a sum divided by `compared`."""
    if tally is None:
        return []
    label = (tally.name,)
    compared, failed, dropped = float(tally.compared), float(tally.failed), float(tally.dropped)
    return [
        Family("counter", f"storegate_shadow_{name}", text, ("shadow",), [(label, value)])
        for name, text, value in (
            ("compared", "Answers that were compared with the shadow's.", compared),
            ("overlap", "Sum over them: share of the page that the shadow shows too.", tally.overlap),
            ("agreement", "Sum over them: mean of that share over the first 1, 2, .. places.", tally.agreement),
            ("failed", "Requests that the shadow could not answer.", failed),
            ("dropped", "Requests that found the shadow's queue full.", dropped),
        )
    ]
