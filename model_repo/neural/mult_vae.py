"""Mult-VAE: a variational autoencoder of purchase histories with a multinomial likelihood.

[1] Liang, Krishnan, Hoffman, Jebara 2018, "Variational autoencoders for collaborative filtering", WWW, sections 2.1 to
2.3: the history of unit length goes in, one tanh layer each side of the latent, dropout on the input, the KL term
annealed up to `beta`. Smaller than the paper's 600-200-600, for catalogues of thousands of items.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from scipy import sparse
from torch import Tensor, nn

from model_repo.neural.learning import descend, linear, multinomial, prepared
from model_repo.work import Progress
from serving.core.ports import F32
from serving.core.ranges import check_ranges


@dataclass(frozen=True, slots=True)
class Params:
    """hidden, latent: 1..4096 units; beta: 0..1, the most the KL term counts, reached after `annealed` (0.01..1) of
    the training; dropout: 0..0.95; epochs: 1..1000; batch: 1..65536; rate: 1e-6..1; decay: 0..1."""

    hidden: int = 256
    latent: int = 96
    beta: float = 0.2
    annealed: float = 0.5
    dropout: float = 0.5
    epochs: int = 20
    batch: int = 128
    rate: float = 1e-3
    decay: float = 0.01

    def __post_init__(self) -> None:
        check_ranges(
            self, "mult-vae", ("hidden", 1, 4096), ("latent", 1, 4096), ("beta", 0.0, 1.0), ("annealed", 0.01, 1.0),
            ("dropout", 0.0, 0.95), ("epochs", 1, 1000), ("batch", 1, 65_536), ("rate", 1e-6, 1.0), ("decay", 0.0, 1.0),
        )  # fmt: skip


class MultVAE(nn.Module):
    """(b, n) history of unit length -> (b, n) logits, (b, latent) mean and log-variance."""

    def __init__(self, n_items: int, params: Params) -> None:
        super().__init__()
        self.encode = nn.Linear(n_items, params.hidden)
        self.mean = nn.Linear(params.hidden, params.latent)
        self.log_variance = nn.Linear(params.hidden, params.latent)
        self.decode = nn.Linear(params.latent, params.hidden)
        self.out = nn.Linear(params.hidden, n_items)

    def forward(self, seen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        hidden = torch.tanh(self.encode(seen))
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        drawn = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean) if self.training else mean
        return self.out(torch.tanh(self.decode(drawn))), mean, log_variance


def train(
    history: sparse.csr_matrix, baskets: sparse.csr_matrix, params: Params, seed: int, progress: Progress
) -> dict[str, F32]:
    """See models.learn; baskets are not read."""
    rng = prepared(seed)
    module = MultVAE(history.shape[1], params)

    def loss(whole: Tensor, seen: Tensor, share: float) -> Tensor:
        logits, mean, log_variance = module(seen)
        apart = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum(dim=1).mean()
        return multinomial(logits, whole) + params.beta * min(1.0, share / params.annealed) * apart

    descend(
        module, loss, history, rng, progress, epochs=params.epochs, batch=params.batch, rate=params.rate,
        decay=params.decay, dropout=params.dropout,
    )  # fmt: skip
    weights = {}
    for name, layer in (
        ("encode", module.encode),
        ("mean", module.mean),
        ("decode", module.decode),
        ("out", module.out),
    ):
        weights[f"{name}_w"], weights[f"{name}_b"] = linear(layer)
    return weights
