"""Which neural models there are, and how one is trained. PyTorch is imported only when one is."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scipy import sparse

from model_repo.work import Progress
from serving.core.errors import InvalidInput, NotReady
from serving.core.ports import F32

NEUMF, WIDE_DEEP, MULT_VAE, ITEM2VEC = "neumf", "wide-deep", "mult-vae", "item2vec"
MODELS = {
    NEUMF: "model_repo.neural.neumf",
    WIDE_DEEP: "model_repo.neural.wide_deep",
    MULT_VAE: "model_repo.neural.mult_vae",
    ITEM2VEC: "model_repo.neural.item2vec",
}
"""Name -> module with `Params` and `train`. Each is a file, which imports torch, and its layers in graphs.py."""
INSTALL = "pip install --require-hashes -r requirements/neural.txt"


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a training gives. model: a key of MODELS; weights: float32 arrays by the names that graphs.py reads."""

    model: str
    weights: Mapping[str, F32]


def torch_missing() -> str:
    """Why no neural model can be trained here, and what helps; '' = one can."""
    return "" if importlib.util.find_spec("torch") else f"PyTorch is not installed: {INSTALL}"


def check_trainable(model: str) -> None:
    """Raises InvalidInput for an unknown name, NotReady where PyTorch is missing."""
    if model not in MODELS:
        raise InvalidInput("shadow", model, f"one of {', '.join(MODELS)}")
    if missing := torch_missing():
        raise NotReady(missing)


def learn(
    model: str, history: sparse.csr_matrix, baskets: sparse.csr_matrix, *, seed: int,
    values: Mapping[str, Any] | None = None, progress: Progress | None = None,
) -> Learnt:  # fmt: skip
    """Trains one model. history: (users, n) weight of each item in a user's purchases, at least 0; baskets: (b, n).

    values: of the model's Params. The same input, seed and machine give the same weights. Raises what check_trainable
    raises, and InvalidInput for values out of range.
    """
    check_trainable(model)
    module = importlib.import_module(MODELS[model])
    params = module.Params(**(values or {}))
    return Learnt(model, module.train(history, baskets, params, seed, progress or (lambda share: None)))
