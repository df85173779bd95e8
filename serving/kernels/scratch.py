"""Arrays as long as the catalogue that kernels borrow and give back clean: no request pays for the catalogue."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

LINEAR = 4
"""Accumulators of the sources that add up rows of a matrix, see candidates.py; one more is for the sessions."""


class Scratch(NamedTuple):
    """Of one pipeline, for one thread. n = rows of the catalogue.

    slot (n,) int32, all -1 between calls; mark (n,) int32, compared with serial (1,) int32, which grows with every use;
    score (LINEAR + 1, n) float32, all 0 between calls; touched (LINEAR, n) int32, keys (n,)
    int64 and bits (n,) int32, any content.
    """

    slot: npt.NDArray[np.int32]
    mark: npt.NDArray[np.int32]
    serial: npt.NDArray[np.int32]
    score: npt.NDArray[np.float32]
    touched: npt.NDArray[np.int32]
    keys: npt.NDArray[np.int64]
    bits: npt.NDArray[np.int32]


def scratch(n: int) -> Scratch:
    """For a catalogue of n rows."""
    return Scratch(
        np.full(n, -1, np.int32),
        np.zeros(n, np.int32),
        np.zeros(1, np.int32),
        np.zeros((LINEAR + 1, n), np.float32),
        np.empty((LINEAR, n), np.int32),
        np.empty(n, np.int64),
        np.empty(n, np.int32),
    )
