"""The neural models learn what is plain to see; without PyTorch the error says what to install."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from scipy import sparse

from model_repo.evaluate.baselines.interactions import Interactions
from model_repo.evaluate.neural import Neural, contenders
from model_repo.neural import models
from model_repo.neural.export import to_onnx
from model_repo.neural.models import INSTALL, MODELS, check_trainable, learn
from serving.adapters.history_scorer import HistoryScorer
from serving.core.errors import InvalidInput, NotReady

N, USERS = 20, 200
IDS = [f"i{row}" for row in range(N)]
FEW = {
    "neumf": {"factors": 8, "epochs": 120, "rate": 0.01},
    "wide-deep": {"width": 8, "hidden": 16, "epochs": 60, "batch": 64, "rate": 0.01},
    "mult-vae": {"hidden": 16, "latent": 4, "epochs": 60, "batch": 64, "rate": 0.01},
    "item2vec": {"factors": 4, "epochs": 100, "subsample": 1.0, "rate": 0.02},
}
trained = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason=f"PyTorch is missing: {INSTALL}")


def checkerboard() -> sparse.csr_matrix:
    """(USERS, N): even customers bought six even items, odd ones six odd items."""
    rng = np.random.default_rng(0)
    bought = np.zeros((USERS, N), np.float32)
    for user in range(USERS):
        bought[user, rng.choice(np.arange(user % 2, N, 2), 6, replace=False)] = 1.0
    return sparse.csr_matrix(bought)


@trained
@pytest.mark.parametrize("model", MODELS)
def test_even_goes_with_even(model: str) -> None:
    """Trained, exported, asked with one purchase: the ten best are those of its colour."""
    bought = checkerboard()
    file = to_onnx(learn(model, bought, bought, seed=1, values=FEW[model]), IDS, own=0.0, half_life_days=90.0)
    scores = HistoryScorer(file, IDS).score(np.eye(N, dtype=np.float32))
    for row, best in enumerate(np.argsort(-scores, axis=1)[:, : N // 2].tolist()):
        assert sum(item % 2 == row % 2 for item in best) >= 9


@trained
@pytest.mark.parametrize("model", MODELS)
def test_the_same_seed_gives_the_same_weights(model: str) -> None:
    bought, values = checkerboard(), {**FEW[model], "epochs": 2}
    one, again, other = (learn(model, bought, bought, seed=seed, values=values).weights for seed in (3, 3, 4))
    for name, array in one.items():
        np.testing.assert_array_equal(array, again[name])
    assert any(not np.array_equal(array, other[name]) for name, array in one.items())


@trained
@pytest.mark.parametrize("model", MODELS)
def test_a_row_of_the_evaluation_is_the_exported_model(model: str) -> None:
    """Its lists hold what was bought first when `own` is large, and never when bought items are left out.

    Large: of six purchases each weighs 0.41, which must outweigh the 40 between item2vec's likest and unlikest item.
    """
    bought = checkerboard().tocoo()
    lines = len(bought.row)
    known = Interactions(
        bought.row.astype(np.int32), bought.col.astype(np.int32), np.ones(lines, np.float32),
        bought.row.astype(np.int64), USERS, N,
    )  # fmt: skip
    row = Neural(model, own=200.0, seed=1, **{**FEW[model], "epochs": 2})
    row.fit(known)
    held = checkerboard().toarray() > 0
    users = np.arange(USERS)[:, None]
    assert held[users, row.recommend(known, 6)].all()
    row.filter_bought = True
    assert not held[users, row.recommend(known, 6)].any()


@trained
@pytest.mark.parametrize("sequences", [True, False])
def test_every_value_a_search_may_try_is_in_range(sequences: bool) -> None:
    """Each contender fits with each value of its space."""
    for contender in contenders(sequences=sequences):
        module = importlib.import_module(MODELS[contender.name])
        for name, values in contender.space.items():
            for value in values:
                if name in ("own", "half_life", "train_half_life", "filter_bought"):
                    assert hasattr(contender.make(**{name: value}, seed=0), name)
                else:
                    assert getattr(module.Params(**{name: value}), name) == value


def test_an_unknown_model_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match=r"shadow.*'gru'.*neumf, wide-deep, mult-vae, item2vec"):
        check_trainable("gru")


def test_without_pytorch_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a training, and for the rows of the table before anything is computed."""
    monkeypatch.setattr(models.importlib.util, "find_spec", lambda name: None)
    for ask in (lambda: learn("neumf", checkerboard(), checkerboard(), seed=0), lambda: contenders(sequences=False)):
        with pytest.raises(NotReady, match=r"PyTorch is not installed: pip install .*requirements/neural\.txt"):
            ask()
