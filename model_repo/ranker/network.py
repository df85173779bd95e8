"""The ranking network in plain NumPy: standardise, a few dense layers, one score; and its gradient."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.linalg

from serving.core.ports import F32

CLIP = 8.0
"""Standardised features are clipped to +-CLIP standard deviations."""

QUANTILE_ROWS = 100_000
"""Rows, evenly spread, that quantiles are taken from."""


SCORED_ROWS = 65_536
"""Rows scored at once, so that memory is bounded whatever is scored."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """What happens to the features before the first layer; folded into the ONNX graph."""

    mean: F32
    """(f,) of the transformed feature."""
    inverse_std: F32
    """(f,); 0 for a feature that never varied, which silences it."""
    signed_log: bool
    """sign(x) log(1 + |x|) first."""

    def __call__(self, features: F32) -> F32:
        """features: (m, f) float32. Returns (m, f) float32 within +-CLIP."""
        scaled = _transformed(features, self.signed_log)
        scaled -= self.mean
        scaled *= self.inverse_std
        return np.clip(scaled, -CLIP, CLIP, out=scaled)

    @classmethod
    def fit(cls, features: F32, signed_log: bool) -> Scaling:
        """Mean and deviation of all but the outermost thousandths, so that a few wild values do not set the scale.

        A feature that is the same within them (a rare flag) is measured by all of its values.
        """
        columns = [_moments(_transformed(column, signed_log).astype(np.float64)) for column in features.T]
        mean, std = (np.array(moment) for moment in zip(*columns, strict=True))
        flat = std <= 1e-6 * np.maximum(np.abs(mean), 1e-6)
        inverse = np.where(flat, 0.0, 1.0 / np.where(flat, 1.0, std))
        return cls(mean.astype(np.float32), inverse.astype(np.float32), signed_log)


def _transformed(x: F32, signed_log: bool) -> F32:
    """A copy of `x`, transformed."""
    return np.sign(x) * np.log1p(np.abs(x)) if signed_log else x.copy()


def _moments(x: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Mean and deviation of one feature (m,), its outermost thousandths clipped unless it is the same within them."""
    low, high = np.quantile(x[:: max(1, len(x) // QUANTILE_ROWS)], [0.001, 0.999])
    if low != high:
        np.clip(x, low, high, out=x)
    return float(x.mean()), float(x.std())


@dataclass(frozen=True, slots=True)
class Ranker:
    """A trained ranking model."""

    scaling: Scaling
    layers: tuple[tuple[F32, F32], ...]
    """(weights (in, out), bias (out,)) of each dense layer; ReLU between, the last has one output."""

    def score(self, features: F32) -> F32:
        """features: (m, f) float32. Returns (m,) float32, log-odds up to a constant, higher is better."""
        scores = np.empty(len(features), np.float32)
        for lo in range(0, len(features), SCORED_ROWS):
            part = slice(lo, lo + SCORED_ROWS)
            scores[part] = forward(self.layers, self.scaling(features[part]))[-1][:, 0]
        return scores


def initial_layers(sizes: tuple[int, ...], rng: np.random.Generator) -> tuple[tuple[F32, F32], ...]:
    """He-initialised layers for widths `sizes` (inputs first); the last one starts small."""
    layers = []
    for fan_in, fan_out in itertools.pairwise(sizes):
        scale = np.sqrt(2.0 / fan_in) if fan_out > 1 else 0.1 / np.sqrt(fan_in)
        weights = (rng.standard_normal((fan_in, fan_out)) * scale).astype(np.float32)
        layers.append((weights, np.zeros(fan_out, np.float32)))
    return tuple(layers)


def averaged(nets: Sequence[tuple[tuple[F32, F32], ...]]) -> tuple[tuple[F32, F32], ...]:
    """One network whose score is the mean of those of `nets` (all of one shape): side by side, as one wider network."""
    share = np.float32(1.0 / len(nets))
    merged = []
    for depth, layer in enumerate(zip(*nets, strict=True)):
        weights, biases = zip(*layer, strict=True)
        last, first = depth + 1 == len(nets[0]), depth == 0
        if last:
            joined = share * (sum(weights) if first else np.concatenate(weights))
            merged.append((joined, share * np.asarray(sum(biases), np.float32)))
        else:
            joined = np.concatenate(weights, axis=1) if first else scipy.linalg.block_diag(*weights)
            merged.append((joined, np.concatenate(biases)))
    return tuple((np.asarray(weights, np.float32), bias) for weights, bias in merged)


def forward(layers: tuple[tuple[F32, F32], ...], x: F32) -> list[F32]:
    """The input and the output of every layer, ReLU applied to all but the last (m, 1)."""
    outputs = [x]
    for depth, (weights, bias) in enumerate(layers):
        x = outputs[-1] @ weights
        x += bias
        if depth + 1 < len(layers):
            np.maximum(x, 0.0, out=x)
        outputs.append(x)
    return outputs


def backward(layers: tuple[tuple[F32, F32], ...], outputs: list[F32], upstream: F32) -> list[tuple[F32, F32]]:
    """The gradient of every layer's weights and bias; `upstream` (m, 1): that of the loss by the scores."""
    gradients: list[tuple[F32, F32]] = []
    ones = np.ones(len(upstream), upstream.dtype)
    for depth in range(len(layers) - 1, -1, -1):
        x, weights = outputs[depth], layers[depth][0]
        gradients.append((x.T @ upstream, ones @ upstream))  # NumPy's sum(axis=0) takes ten times as long
        if depth:
            # BLAS is slow where it sums over one product only, as it does behind the score
            upstream = upstream * weights[:, 0] if weights.shape[1] == 1 else upstream @ weights.T
            upstream *= x > 0
    return gradients[::-1]


def listwise(scores: F32, labels: F32, offsets: npt.NDArray[np.int64]) -> tuple[float, F32]:
    """Softmax cross-entropy of each group, summed, and its gradient (m,) by the scores.

    scores, labels: (m,); offsets: (g + 1,) with every group not empty and of positive labels' sum. The labels of a
    group are scaled to sum 1. [1] Cao 2007, "Learning to rank: from pairwise approach to listwise approach", top one;
    [2] Bruch, Wang, Bendersky, Najork 2019, "An analysis of the softmax cross entropy loss".
    """
    starts, sizes = offsets[:-1], np.diff(offsets)
    shifted = scores - np.repeat(np.maximum.reduceat(scores, starts), sizes)
    grown = np.exp(shifted)
    totals = np.add.reduceat(grown, starts)
    target = labels / np.repeat(np.add.reduceat(labels, starts), sizes)
    loss = float(np.log(totals).sum() - (target * shifted).sum())
    gradient: F32 = (grown / np.repeat(totals, sizes) - target).astype(np.float32)
    return loss, gradient
