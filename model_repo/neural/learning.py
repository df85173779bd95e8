"""What the trainings have in common: batches of histories, dropout on them, one loss, one loop."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from model_repo.neural.graphs import EPSILON
from model_repo.work import Progress, cores
from serving.core.ports import F32

Loss = Callable[[Tensor, Tensor, float], Tensor]
"""(histories (b, n), of unit length after dropout (b, n), share of the training that is done) -> scalar."""


def prepared(seed: int) -> np.random.Generator:
    """Seeds PyTorch, gives it the cores this process may use, and returns a generator for everything else."""
    torch.manual_seed(seed)
    torch.set_num_threads(cores())
    return np.random.default_rng(seed)


def dense(rows: sparse.csr_matrix) -> Tensor:
    """(b, n) float32."""
    return torch.from_numpy(rows.toarray().astype(np.float32))


def unit(history: Tensor) -> Tensor:
    """Each row divided by its length, rows of zeros left as they are."""
    return history / history.norm(dim=1, keepdim=True).clamp(min=EPSILON)


def descend(
    module: nn.Module, loss: Loss, history: sparse.csr_matrix, rng: np.random.Generator, progress: Progress, *,
    epochs: int, batch: int, rate: float, decay: float, dropout: float,
) -> None:  # fmt: skip
    """AdamW over shuffled histories, empty ones left out.

    dropout: share of the items that are hidden from the model, which has to say them: without it a model that gives
    back what it was given would be perfect.
    """
    held = history[np.flatnonzero(np.diff(history.indptr))]
    optimiser = torch.optim.AdamW(module.parameters(), lr=rate, weight_decay=decay)
    steps, done = epochs * -(-held.shape[0] // batch), 0
    module.train()
    for _ in range(epochs):
        order = rng.permutation(held.shape[0])
        for start in range(0, len(order), batch):
            whole = dense(held[order[start : start + batch]])
            seen = unit(nn.functional.dropout(whole, dropout))
            optimiser.zero_grad(set_to_none=True)
            loss(whole, seen, done / steps).backward()
            optimiser.step()
            done += 1
            progress(done / steps)
    module.eval()


def multinomial(logits: Tensor, whole: Tensor) -> Tensor:
    """Mean negative log-likelihood of what the users bought, as if drawn item by item; what faded counts less.

    Liang et al. 2018, "Variational autoencoders for collaborative filtering", equation 2.
    """
    return -(torch.log_softmax(logits, dim=1) * whole.clamp(max=1.0)).sum(dim=1).mean()


def array(tensor: Tensor) -> F32:
    """The weights as graphs.py takes them."""
    found: F32 = tensor.detach().cpu().numpy().astype(np.float32)
    return found


def linear(layer: nn.Linear) -> tuple[F32, F32]:
    """(in, out) weights and (out,) bias: x @ weights + bias."""
    return np.ascontiguousarray(array(layer.weight).T), array(layer.bias)
