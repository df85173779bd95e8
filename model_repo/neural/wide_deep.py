"""Wide & Deep: a linear model over pairs of items remembers, a network over embeddings generalises; trained together.

[1] Cheng et al. 2016, "Wide & deep learning for recommender systems", DLRS, sections 3.1 to 3.3. The wide part's
cross-products are (bought item, candidate item), one weight a pair; the deep part sums the embeddings of what was
bought. Where this differs from the paper: no other features than the history; a user is what he bought and not an id,
so that new visitors can be answered; the candidate enters the deep part at its last layer and the loss is a softmax
over all items, so that one product scores the whole catalogue.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from model_repo.neural.learning import array, descend, linear, multinomial, prepared
from model_repo.work import Progress
from serving.core.ports import F32
from serving.core.ranges import check_ranges

CROSSES_MAX = 16_000_000
"""Weights of the wide part: in a larger catalogue only the most bought items speak for others through it."""


@dataclass(frozen=True, slots=True)
class Params:
    """width: 1..4096, of the embeddings; hidden: 1..4096 units of both ReLU layers; dropout: 0..0.95;
    epochs: 1..1000; batch: 1..65536; rate: 1e-6..1; decay: 0..1, of both parts (in place of the paper's L1)."""

    width: int = 64
    hidden: int = 128
    dropout: float = 0.5
    epochs: int = 15
    batch: int = 128
    rate: float = 1e-3
    decay: float = 0.1

    def __post_init__(self) -> None:
        check_ranges(
            self, "wide-deep", ("width", 1, 4096), ("hidden", 1, 4096), ("dropout", 0.0, 0.95), ("epochs", 1, 1000),
            ("batch", 1, 65_536), ("rate", 1e-6, 1.0), ("decay", 0.0, 1.0),
        )  # fmt: skip


class WideDeep(nn.Module):
    """(b, n) history of unit length -> (b, n) logits. head: (h,) the items that the wide part hears."""

    def __init__(self, n_items: int, head: Tensor, params: Params) -> None:
        super().__init__()
        self.register_buffer("head", head)
        self.wide = nn.Parameter(torch.zeros(len(head), n_items))
        self.embed = nn.Linear(n_items, params.width)
        self.first = nn.Linear(params.width, params.hidden)
        self.second = nn.Linear(params.hidden, params.hidden)
        self.out = nn.Linear(params.hidden, n_items)

    def forward(self, seen: Tensor) -> Tensor:
        deep = torch.relu(self.second(torch.relu(self.first(torch.relu(self.embed(seen))))))
        logits: Tensor = self.out(deep) + seen[:, self.head] @ self.wide
        return logits


def train(
    history: sparse.csr_matrix, baskets: sparse.csr_matrix, params: Params, seed: int, progress: Progress
) -> dict[str, F32]:
    """See models.learn; baskets are not read."""
    rng = prepared(seed)
    n_items = history.shape[1]
    buyers = np.bincount(history.indices, minlength=n_items)
    head = np.sort(np.argsort(-buyers, kind="stable")[: max(1, min(n_items, CROSSES_MAX // n_items))])
    module = WideDeep(n_items, torch.from_numpy(head), params)

    def loss(whole: Tensor, seen: Tensor, share: float) -> Tensor:
        return multinomial(module(seen), whole)

    descend(
        module, loss, history, rng, progress, epochs=params.epochs, batch=params.batch, rate=params.rate,
        decay=params.decay, dropout=params.dropout,
    )  # fmt: skip
    weights = {"head": head.astype(np.float32), "wide": array(module.wide)}
    for name in ("embed", "first", "second", "out"):
        weights[f"{name}_w"], weights[f"{name}_b"] = linear(getattr(module, name))
    return weights
