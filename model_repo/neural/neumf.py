"""NeuMF, neural collaborative filtering: matrix factorisation and a network over the same pairs, added up.

[1] He, Liao, Zhang, Nie, Hu, Chua 2017, "Neural collaborative filtering", WWW, sections 3.2 to 3.4: the element-wise
product of one pair of embeddings (GMF), ReLU layers that halve over another pair (MLP), one output layer over both;
logistic loss with `negatives` drawn for each purchase. Where this differs from the paper: a user is the weighted sum of
the embeddings of what he bought and not an id, so that new visitors can be answered; an item has a bias; the parts are
trained together from the start, without the pre-training of section 3.4.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from scipy import sparse
from torch import Tensor, nn

from model_repo.neural.learning import array, descend, linear, prepared
from model_repo.work import Progress
from serving.core.ports import F32
from serving.core.ranges import check_ranges


@dataclass(frozen=True, slots=True)
class Params:
    """factors: 2..1024, of each embedding; negatives: 1..100 a purchase; dropout: 0..0.95; epochs: 1..1000;
    batch: 1..65536 users; rate: 1e-6..1; decay: 0..1."""

    factors: int = 32
    negatives: int = 4
    dropout: float = 0.5
    epochs: int = 20
    batch: int = 64
    rate: float = 2e-3
    decay: float = 0.01

    def __post_init__(self) -> None:
        check_ranges(
            self, "neumf", ("factors", 2, 1024), ("negatives", 1, 100), ("dropout", 0.0, 0.95), ("epochs", 1, 1000),
            ("batch", 1, 65_536), ("rate", 1e-6, 1.0), ("decay", 0.0, 1.0),
        )  # fmt: skip


class NeuMF(nn.Module):
    """Logits (m,) of pairs of a user, by the row of `seen` (b, n), and an item."""

    def __init__(self, n_items: int, params: Params) -> None:
        super().__init__()
        d = params.factors
        self.user_gmf, self.user_mlp = nn.Linear(n_items, d), nn.Linear(n_items, d)
        self.item_gmf, self.item_mlp = nn.Embedding(n_items, d), nn.Embedding(n_items, d)
        for table in (self.item_gmf, self.item_mlp):
            nn.init.normal_(table.weight, std=d**-0.5)
        self.first = nn.Linear(2 * d, d)
        self.second = nn.Linear(d, d // 2)
        self.out_gmf = nn.Parameter(torch.ones(d))
        self.out_mlp = nn.Linear(d // 2, 1)
        self.item_bias = nn.Parameter(torch.zeros(n_items))

    def forward(self, seen: Tensor, user: Tensor, item: Tensor) -> Tensor:
        product = self.user_gmf(seen)[user] * self.item_gmf(item)
        both = torch.cat([self.user_mlp(seen)[user], self.item_mlp(item)], dim=1)
        tower = torch.relu(self.second(torch.relu(self.first(both))))
        logits: Tensor = product @ self.out_gmf + self.out_mlp(tower).squeeze(1) + self.item_bias[item]
        return logits


def train(
    history: sparse.csr_matrix, baskets: sparse.csr_matrix, params: Params, seed: int, progress: Progress
) -> dict[str, F32]:
    """See models.learn; baskets are not read."""
    rng = prepared(seed)
    n_items = history.shape[1]
    module = NeuMF(n_items, params)

    def loss(whole: Tensor, seen: Tensor, share: float) -> Tensor:
        user, item = whole.nonzero(as_tuple=True)
        others = torch.randint(n_items, (len(item) * params.negatives,))
        asker = user.repeat_interleave(params.negatives)
        unseen = whole[asker, others] == 0
        users, items = torch.cat([user, asker[unseen]]), torch.cat([item, others[unseen]])
        bought = torch.zeros(len(users))
        bought[: len(user)] = 1.0
        return nn.functional.binary_cross_entropy_with_logits(module(seen, users, items), bought)

    descend(
        module, loss, history, rng, progress, epochs=params.epochs, batch=params.batch, rate=params.rate,
        decay=params.decay, dropout=params.dropout,
    )  # fmt: skip
    weights = {
        "item_gmf": array(module.item_gmf.weight),
        "item_mlp": array(module.item_mlp.weight),
        "out_gmf": array(module.out_gmf),
        "item_bias": array(module.item_bias),
    }
    for name in ("user_gmf", "user_mlp", "first", "second", "out_mlp"):
        weights[f"{name}_w"], weights[f"{name}_b"] = linear(getattr(module, name))
    return weights
