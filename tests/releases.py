"""Releases of a small world, for the tests of what goes live: the checkerboard of worlds.py, published in any order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from worlds import checkerboard

from model_repo.publish import Trained
from model_repo.ranker.network import Ranker, Scaling, initial_layers
from model_repo.ranker.onnx_file import to_onnx
from serving.adapters.model_loader import RANKERS
from serving.decisions.recommend.models import SparseRows
from serving.decisions.recommend.params import Params
from serving.features import FEATURES

N = 40
NEIGHBOURS_ONLY = Params(
    from_factors=0, from_repeat=0, from_fresh=0, from_session=0, from_transitions=0, from_together=0, from_coview=0,
    from_content=0,
)  # fmt: skip
WIDTH = len(FEATURES)


A = np.arange(N)
B = np.concatenate((A[::2], A[1::2]))
"""Even items first: models of one order over rows of the other would mix even and odd."""


def moved(rows: SparseRows, order: np.ndarray) -> SparseRows:
    """The matrix with its rows and columns in another order."""
    dense = np.zeros((N, N), np.float32)
    dense[np.repeat(np.arange(N), np.diff(rows.indptr)), rows.cols] = rows.vals
    dense = dense[np.ix_(order, order)]
    indptr = np.concatenate(([0], np.cumsum((dense > 0).sum(axis=1)))).astype(np.int64)
    return SparseRows(indptr, np.nonzero(dense)[1].astype(np.int32), dense[dense > 0])


def release(order: np.ndarray, name: str) -> Trained:
    """The checkerboard with its items, and all the models' rows, in another order; titles begin with `name`."""
    models, catalogue = checkerboard(N)
    place = np.argsort(order).astype(np.int32)
    visits = models.sessions
    of_item = [visits.item_sessions[visits.item_ptr[i] : visits.item_ptr[i + 1]] for i in order]
    items = [replace(catalogue.items[row], title=f"{name} {row}") for row in order]
    there = replace(
        models,
        item_ids=tuple(item.item_id for item in items),
        **{part: moved(getattr(models, part), order) for part in ("item_item", "transitions", "together", "coview")},
        sessions=visits._replace(
            item_ptr=np.concatenate(([0], np.cumsum([len(some) for some in of_item]))).astype(np.int64),
            item_sessions=np.concatenate(of_item).astype(np.int32),
            session_items=place[visits.session_items],
        ),
        vectors=models.vectors[order],
        content=models.content[order],
        item_stats=models.item_stats[order],
        trending=place[models.trending],
    )
    file = to_onnx(network(), FEATURES)
    rows = np.random.default_rng(1).standard_normal((8, WIDTH)).astype(np.float32)
    golden = {"features": rows, **dict.fromkeys(RANKERS, network().score(rows))}
    return Trained(there, dict.fromkeys(RANKERS, file), FEATURES, items, {"records.bin": b"x"}, golden=golden)


def network(seed: int = 0) -> Ranker:
    """A ranker that nobody trained."""
    scaling = Scaling(np.zeros(WIDTH, np.float32), np.ones(WIDTH, np.float32), False)
    return Ranker(scaling, initial_layers((WIDTH, 4, 1), np.random.default_rng(seed)))
