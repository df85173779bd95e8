"""What a feature may look at: the same arrays in training and in serving."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Inputs(NamedTuple):
    """The m candidates of b requests. A feature is a function `value(x, r, i) -> float` of request r, candidate i.

    rows (m,) int32 catalogue rows; signals (m, len(SIGNALS)) float32 of kernels/signals.py; stats
    (n, len(ITEM_STATS)) float32; users (b, len(USER_STATS)) float32; peaks (b, 5) float32 the largest item-item,
    factor, buy_decay, session and transition signal of each request; affinity (m, 2) float32 share of the visitor's
    interest in the candidate's category and brand; context (b,) bool whether the request names context items.
    """

    rows: npt.NDArray[np.int32]
    signals: npt.NDArray[np.float32]
    stats: npt.NDArray[np.float32]
    users: npt.NDArray[np.float32]
    peaks: npt.NDArray[np.float32]
    affinity: npt.NDArray[np.float32]
    context: npt.NDArray[np.bool_]
