"""What every kind of ranking model asks of its examples."""

from __future__ import annotations

import numpy as np

from serving.core.errors import InvalidInput
from serving.core.ports import F32, I64


def useful_groups(groups: I64, labels: F32) -> I64:
    """Numbers of the groups with at least two candidates and a positive label: the others teach nothing.

    Raises InvalidInput when there is none.
    """
    relevance = np.concatenate(([0.0], np.cumsum(labels, dtype=np.float64)))
    useful = np.flatnonzero((np.diff(groups) > 1) & (relevance[groups[1:]] > relevance[groups[:-1]]))
    if not len(useful):
        raise InvalidInput("labels", f"{len(groups) - 1} groups", "at least one group with a positive label")
    return useful.astype(np.int64)


def check_groups(features: F32, groups: I64, labels: F32) -> None:
    """Raises InvalidInput naming the array. features: (m, f) float32; groups: (g + 1,) offsets; labels: (m,) >= 0."""
    if features.ndim != 2 or features.dtype != np.float32 or not features.shape[1]:
        raise InvalidInput("features", f"{features.dtype} {features.shape}", "a float32 array (m, f), f >= 1")
    if labels.shape != (len(features),):
        raise InvalidInput("labels", labels.shape, f"one label a candidate, ({len(features)},)")
    if len(groups) < 2 or groups[0] != 0 or groups[-1] != len(features) or bool((np.diff(groups) < 0).any()):
        raise InvalidInput("groups", groups[[0, -1]].tolist() if len(groups) else [], f"offsets 0..{len(features)}")
    for name, values in (("features", features), ("labels", labels)):
        bad = np.argwhere(~np.isfinite(values))
        if len(bad):
            raise InvalidInput(f"{name}{bad[0].tolist()}", float(values[tuple(bad[0])]), "a finite number")
    if (labels < 0).any():
        raise InvalidInput("labels", float(labels.min()), "relevance of at least 0")
