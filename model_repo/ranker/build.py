"""The ranking model: a small network trained listwise, by Adam, in plain NumPy; then ONNX."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from model_repo.ranker.checks import check_groups, useful_groups
from model_repo.ranker.metrics import ndcg
from model_repo.ranker.network import Ranker, Scaling, averaged, backward, forward, initial_layers, listwise
from model_repo.work import Progress, cores, one_blas_thread
from serving.core.errors import InvalidInput
from serving.core.ports import F32, I64
from serving.core.ranges import check_ranges

HELD_OUT_MIN: Final = 5
"""Fewer held-out groups than this say nothing about when to stop; then all groups train, for all epochs."""

SHARD_GROUPS: Final = 16
"""Groups one core handles at a time: small enough for its cache."""

Layers = tuple[tuple[F32, F32], ...]
Gradients = list[tuple[F32, F32]]


@dataclass(frozen=True, slots=True)
class Params:
    """How the model is trained.

    nets: 1..16 networks from different starts, served as their mean: one start no longer decides the quality.
    hidden: widths of the hidden layers of each, each 1..1024; () = a linear model.
    linear_below_groups: 0..1e6, with fewer groups than this the model is linear whatever `hidden` says.
    epochs: 1..1000, batch_groups: 1..4096 groups a step.
    learning_rate: 1e-6..1, falls to a tenth along a cosine; weight_decay: 0..1, decoupled from the gradient.
    held_out: 0..0.5, share of the groups for early stopping by NDCG@10; patience: 1..1000 epochs without a new best.
    signed_log: sign(x) log(1 + |x|) of every feature before it is standardised.
    """

    nets: int = 3
    hidden: tuple[int, ...] = (32,)
    linear_below_groups: int = 200
    epochs: int = 8
    batch_groups: int = 64
    learning_rate: float = 1e-2
    weight_decay: float = 1e-3
    held_out: float = 0.0
    patience: int = 4
    signed_log: bool = False

    def __post_init__(self) -> None:
        check_ranges(
            self,
            "ranker",
            ("nets", 1, 16),
            ("linear_below_groups", 0, 1e6),
            ("epochs", 1, 1000),
            ("batch_groups", 1, 4096),
            ("learning_rate", 1e-6, 1.0),
            ("weight_decay", 0.0, 1.0),
            ("held_out", 0.0, 0.5),
            ("patience", 1, 1000),
        )
        if not all(1 <= width <= 1024 for width in self.hidden):
            raise InvalidInput("ranker.hidden", self.hidden, "widths from 1 to 1024")


@dataclass(frozen=True, slots=True)
class Groups:
    """Candidates of many requests, standardised. x: (m, f); labels: (m,); offsets: (g + 1,)."""

    x: F32
    labels: F32
    offsets: I64

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def take(self, groups: I64) -> Groups:
        """The groups of these numbers, in this order."""
        sizes = np.diff(self.offsets)[groups]
        offsets = np.concatenate(([0], np.cumsum(sizes)))
        rows = np.arange(offsets[-1]) + np.repeat(self.offsets[groups] - offsets[:-1], sizes)
        return Groups(self.x.take(rows, axis=0), self.labels.take(rows), offsets)


def train(
    features: F32,
    groups: I64,
    labels: F32,
    *,
    params: Params | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Ranker:
    """A ranker from candidates. features: (m, f) float32; groups: (g + 1,) int64 offsets; labels: (m,) relevance >= 0.

    Groups without a positive label teach nothing and are left out. The same seed gives the same model.
    Raises InvalidInput naming the array.
    """
    params = params or Params()
    report = progress or (lambda share: None)
    check_groups(features, groups, labels)
    scaling = Scaling.fit(features, params.signed_log)
    every = Groups(scaling(features), labels, groups)
    useful = useful_groups(groups, labels)
    rng = np.random.default_rng(seed)
    order = rng.permutation(useful)
    n_held = int(len(order) * params.held_out)
    n_held = n_held if n_held >= HELD_OUT_MIN else 0
    held, kept = every.take(order[:n_held]), order[n_held:]
    hidden = params.hidden if len(order) >= params.linear_below_groups else ()
    nets = []
    with one_blas_thread():
        for net in range(params.nets):
            first = initial_layers((features.shape[1], *hidden, 1), rng)
            done = _part(report, net, params.nets)
            nets.append(_fit(every, kept, held, first, params, rng, done))
    report(1.0)
    return Ranker(scaling, averaged(nets))


def _part(report: Progress, part: int, parts: int) -> Progress:
    """The progress of one of several equal parts."""
    return lambda share: report((part + share) / parts)


def _fit(
    every: Groups, kept: I64, held: Groups, layers: Layers, params: Params, rng: np.random.Generator, report: Progress
) -> Layers:
    """The layers of the epoch with the best held-out NDCG@10 (of the last one when nothing is held out)."""
    best, best_ndcg, best_epoch = layers, -1.0, 0
    adam = Adam(layers, params.weight_decay)
    with ThreadPoolExecutor(cores()) as pool:
        for epoch in range(params.epochs):
            rate = params.learning_rate * (0.1 + 0.45 * (1.0 + np.cos(np.pi * epoch / params.epochs)))
            order = rng.permutation(kept)
            for lo in range(0, len(order), params.batch_groups):
                gradients = _spread(pool, layers, every, order[lo : lo + params.batch_groups])
                layers = adam.step(layers, gradients, rate)
            report((epoch + 1) / params.epochs)
            if not len(held):
                best = layers
                continue
            quality = ndcg(forward(layers, held.x)[-1][:, 0], held.labels, held.offsets)
            if quality > best_ndcg:
                best, best_ndcg, best_epoch = layers, quality, epoch
            elif epoch - best_epoch >= params.patience:
                break
    return best


def _spread(pool: ThreadPoolExecutor, layers: Layers, every: Groups, batch: I64) -> Gradients:
    """The mean gradient over the groups `batch`, computed in shards on all cores and summed in the shards' order."""
    shards = [batch[lo : lo + SHARD_GROUPS] for lo in range(0, len(batch), SHARD_GROUPS)]
    found = list(pool.map(lambda shard: loss_and_gradients(layers, every.take(shard))[1], shards))
    share = np.float32(1.0 / len(batch))
    return [
        (
            share * sum((shard[depth][0] for shard in found[1:]), start=found[0][depth][0]),
            share * sum((shard[depth][1] for shard in found[1:]), start=found[0][depth][1]),
        )
        for depth in range(len(layers))
    ]


def loss_and_gradients(layers: Layers, batch: Groups) -> tuple[float, Gradients]:
    """The batch's loss, summed over its groups, and its gradient by every weight."""
    outputs = forward(layers, batch.x)
    loss, by_score = listwise(outputs[-1][:, 0], batch.labels, batch.offsets)
    return loss, backward(layers, outputs, by_score[:, None])


class Adam:
    """Adam with decoupled weight decay on the matrices. [1] Kingma & Ba 2015; [2] Loshchilov & Hutter 2019."""

    def __init__(self, layers: Layers, weight_decay: float) -> None:
        self._decay = weight_decay
        self._first = [np.zeros_like(p) for layer in layers for p in layer]
        self._second = [np.zeros_like(p) for layer in layers for p in layer]
        self._steps = 0

    def step(self, layers: Layers, gradients: Gradients, rate: float) -> Layers:
        """New layers; the old ones stay as they are."""
        self._steps += 1
        scale = rate * np.sqrt(1.0 - 0.999**self._steps) / (1.0 - 0.9**self._steps)
        values = [p for layer in layers for p in layer]
        slopes = [g for layer in gradients for g in layer]
        moved: list[F32] = []
        for value, slope, first, second in zip(values, slopes, self._first, self._second, strict=True):
            first += np.float32(0.1) * (slope - first)
            second += np.float32(0.001) * (slope * slope - second)
            decay = np.float32(1.0 - rate * self._decay) if value.ndim == 2 else np.float32(1.0)
            stepped = value * decay - np.float32(scale) * first / (np.sqrt(second) + np.float32(1e-8))
            moved.append(stepped.astype(np.float32, copy=False))
        return tuple(zip(moved[::2], moved[1::2], strict=True))


def summary(ranker: Ranker, features: F32, groups: npt.NDArray[np.int64], labels: F32) -> dict[str, float]:
    """What metrics.json says: NDCG@10 over the given groups, and the number of layers."""
    return {
        "ndcg@10": ndcg(ranker.score(features), labels, groups),
        "layers": float(len(ranker.layers)),
    }
