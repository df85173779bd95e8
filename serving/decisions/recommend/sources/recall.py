"""The sources that need the visitor's history alone, compiled as one: a crossing between Python and a kernel costs a
lone request as much as the work of such a source. A source of this kind = its file + its line below."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from serving.decisions.recommend.params import Params
from serving.decisions.recommend.sources import coview, fresh, item_item, repeat, session, together, transitions, viewed
from serving.kernels.candidates import Recalled
from serving.kernels.scratch import LINEAR

REPEAT, VIEWED, FRESH = int(repeat.CODE), int(viewed.CODE), int(fresh.CODE)


class Habits(NamedTuple):
    """What the settings say of recalling; arrays, because a kernel reads them.

    transition_decay: (k,) float32 by visits since; neighbours, half_life_s, keep: see kernels/session_knn.py.
    """

    transition_decay: npt.NDArray[np.float32]
    neighbours: int
    half_life_s: float
    keep: int


def habits(params: Params) -> Habits:
    """Of these settings."""
    return Habits(
        transitions.decay(params.transition_half_life_visits),
        params.session_neighbours,
        params.session_half_life_days * 86_400.0,
        params.candidates,
    )


class Asking(NamedTuple):
    """What b requests want: quotas (len(Source), b) int32; mask (b,) int32 rows of masks (g, n) bool; context_ptr
    (b + 1,) int64, which grows where a request names items."""

    quotas: npt.NDArray[np.int32]
    mask: npt.NDArray[np.int32]
    masks: npt.NDArray[np.bool_]
    context_ptr: npt.NDArray[np.int64]


@njit(cache=True, nogil=True)
def recall(history, contents, asking, now_s, popularity, content, newest, sessions, scratch, how):
    """Recalled of b visitors. contents: (b, c) float32 tastes; popularity (n,), content (n, c) and newest (f,), the new
    arrivals, of world.World; how: Habits. The sums and the sessions are always recalled: their signals are features
    of every candidate, whatever brought it, and must not depend on what else is in the batch."""
    quotas, mask, masks, context_ptr = asking
    weights = np.empty((LINEAR, len(history.row)), np.float32)
    together.weigh(history, weights[0])
    coview.weigh(history, weights[1])
    transitions.weigh(history, context_ptr, how.transition_decay, weights[2])
    item_item.weigh(history, weights[3])
    ptr, rows, scores = session.votes(history, context_ptr, now_s, sessions, scratch, how)
    again = repeat.rows(history, quotas[REPEAT], popularity, mask, masks)
    looked_at = viewed.rows(history, quotas[VIEWED], mask, masks)
    new = fresh.rows(contents, content, newest, quotas[FRESH], mask, masks)
    return Recalled(again, looked_at, weights, ptr, rows, scores, new)
