"""Outcome models of doubly robust estimates. Each is fitted on other visitors than it predicts for (cross-fitting), so
that it owes nothing to the rewards it is corrected by."""

from __future__ import annotations

import numpy as np

from model_repo.evaluate.policy.estimators import F64, I64

FOLDS = 2
PRIOR_SLOTS = 20.0
"""How many slots of the overall mean a group's mean is mixed with."""
RIDGE = 1e-2
STEPS = 12


def group_means(group: I64, reward: F64, unit: I64) -> F64:
    """(s,) the mean reward of each slot's group, from the units of the other folds, shrunk to the overall mean.

    group: (s,) numbers from 0; unit: (s,). It looks at the page and the place but not at the item, so whatever a
    target shows it expects the same: a log that keeps only what was shown allows no more.
    """
    found, fold = np.zeros(len(reward)), unit % FOLDS
    for k in range(FOLDS):
        others, mine = fold != k, fold == k
        if not others.any():
            continue  # one unit: predicting 0 leaves plain IPS
        size = int(group.max()) + 1
        slots, sums = np.bincount(group[others], minlength=size), np.bincount(group[others], reward[others], size)
        overall = reward[others].mean()
        found[mine] = ((sums + PRIOR_SLOTS * overall) / (slots + PRIOR_SLOTS))[group[mine]]
    return found


def logistic(features: F64, reward: F64) -> F64:
    """Coefficients (f,) of a ridge logistic regression by Newton's method (iteratively reweighted least squares,
    Hastie, Tibshirani, Friedman 2009, section 4.4.1). features: (s, f), the first column 1."""
    found = np.zeros(features.shape[1])
    for _ in range(STEPS):
        chance = sigmoid(features @ found)
        gradient = features.T @ (reward - chance) - RIDGE * found
        curvature = (features * (chance * (1 - chance))[:, None]).T @ features + RIDGE * np.eye(len(found))
        found += np.linalg.solve(curvature, gradient)
    return found


def sigmoid(x: F64) -> F64:
    """1 / (1 + exp(-x)), without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * x))
