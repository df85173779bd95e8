"""Item2vec: word2vec's skip-gram with negative sampling, where a basket is the sentence.

[1] Barkan & Koenigstein 2016, "Item2Vec: neural item embedding for collaborative filtering", MLSP, section 3: every
other item of a basket is context, whatever the order; frequent items are subsampled; items are alike by the cosine of
their vectors. [2] Mikolov et al. 2013, "Distributed representations of words and phrases and their compositionality",
section 2.2 (negatives drawn by frequency to the power 3/4) and 2.3 (subsampling).

A visitor is the sum of the unit vectors of what he bought, so that new visitors can be answered; the paper ranks items
beside items only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from model_repo.neural.graphs import EPSILON
from model_repo.neural.learning import array, prepared
from model_repo.work import Progress
from serving.core.ports import F32, I64
from serving.core.ranges import check_ranges

NEGATIVE_POWER = 0.75


@dataclass(frozen=True, slots=True)
class Params:
    """factors: 2..1024; negatives: 1..100 a pair; contexts: 1..100 drawn for each line of a basket and epoch;
    subsample: 1e-9..1, the share of all lines above which an item is thinned out; epochs: 1..1000;
    batch: 1..1000000 pairs; rate: 1e-6..1."""

    factors: int = 64
    negatives: int = 5
    contexts: int = 2
    subsample: float = 1e-3
    epochs: int = 10
    batch: int = 16_384
    rate: float = 5e-3

    def __post_init__(self) -> None:
        check_ranges(
            self, "item2vec", ("factors", 2, 1024), ("negatives", 1, 100), ("contexts", 1, 100),
            ("subsample", 1e-9, 1.0), ("epochs", 1, 1000), ("batch", 1, 1_000_000), ("rate", 1e-6, 1.0),
        )  # fmt: skip


class SkipGram(nn.Module):
    """Inner products (m,) and (m, negatives) of items with their contexts and with what was drawn by chance."""

    def __init__(self, n_items: int, factors: int) -> None:
        super().__init__()
        self.item, self.context = nn.Embedding(n_items, factors), nn.Embedding(n_items, factors)
        nn.init.uniform_(self.item.weight, -0.5 / factors, 0.5 / factors)
        nn.init.zeros_(self.context.weight)

    def forward(self, item: Tensor, context: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        mine = self.item(item)
        return (mine * self.context(context)).sum(1), (self.context(noise) @ mine.unsqueeze(2)).squeeze(2)


def train(
    history: sparse.csr_matrix, baskets: sparse.csr_matrix, params: Params, seed: int, progress: Progress
) -> dict[str, F32]:
    """See models.learn; only the baskets are read."""
    rng = prepared(seed)
    n_items = baskets.shape[1]
    count = np.bincount(baskets.indices, minlength=n_items).astype(np.float64)
    cumulative = np.cumsum(count**NEGATIVE_POWER)
    module = SkipGram(n_items, params.factors)
    optimiser = torch.optim.Adam(module.parameters(), lr=params.rate)
    for epoch in range(params.epochs):
        item, context = pairs(baskets, count, params, rng)
        noise = np.searchsorted(cumulative, rng.random((len(item), params.negatives)) * cumulative[-1])
        for start in range(0, len(item), params.batch):
            cut = slice(start, start + params.batch)
            with_context, with_noise = module(*(torch.from_numpy(each[cut]) for each in (item, context, noise)))
            loss = -nn.functional.logsigmoid(with_context).mean() - nn.functional.logsigmoid(-with_noise).sum(1).mean()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            progress((epoch + min(1.0, (start + params.batch) / len(item))) / params.epochs)
    vectors = array(module.item.weight)
    vectors[count == 0] = 0.0  # as they were drawn, not learnt
    return {"vectors": vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(EPSILON))}


def pairs(baskets: sparse.csr_matrix, count: np.ndarray, params: Params, rng: np.random.Generator) -> tuple[I64, I64]:
    """(m,) items and (m,) contexts: for each line that is not thinned out, other lines of its basket, shuffled."""
    share = count / max(count.sum(), 1.0)
    kept_share = np.sqrt(params.subsample / np.maximum(share, 1e-12))
    item, size = baskets.indices.astype(np.int64), np.diff(baskets.indptr)
    kept = rng.random(len(item)) < kept_share[item]
    basket = np.repeat(np.arange(len(size)), size)[kept]
    item = item[kept]
    left = np.bincount(basket, minlength=len(size))
    place = np.arange(len(item)) - (np.cumsum(left) - left)[basket]
    which = np.repeat(np.flatnonzero(left[basket] > 1), params.contexts)
    step = 1 + (rng.random(len(which)) * (left[basket[which]] - 1)).astype(np.int64)  # any other line, all alike
    begin, width = which - place[which], left[basket[which]]
    order = rng.permutation(len(which))
    return item[which][order], item[begin + (place[which] + step) % width][order]
