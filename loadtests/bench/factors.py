"""How long the factors take to train: `python -m loadtests.bench.factors` prints one JSON object.

Generated purchases: users by a lognormal number of items each, items by Zipf's law, from a seed. What is trained is
what `storegate train` trains (model_repo/factors), on all cores of the process.
"""

from __future__ import annotations

import json
import os
import time

import click
import numpy as np

from loadtests.bench.timing import Row
from model_repo.factors.build import Params, build

ITEMS_EXPONENT = 0.8
"""Of Zipf's law; with it the most popular thousandth of 20,000 items gets about a tenth of all purchases."""
USERS_SIGMA = 1.0


def measured(interactions: int, users: int, items: int, seed: int, params: Params) -> Row:
    """Seconds of one training; its kernels are compiled by a small one before."""
    rng = np.random.default_rng(seed)
    share = np.exp(rng.normal(0.0, USERS_SIGMA, users))
    popular = (np.arange(items) + 1.0) ** -ITEMS_EXPONENT
    who = rng.choice(users, interactions, p=share / share.sum()).astype(np.int32)
    what = rng.choice(items, interactions, p=popular / popular.sum()).astype(np.int32)
    weights = np.ones(interactions, np.float32)
    build(who[:1000], what[:1000], weights[:1000], users, items, params=Params(d=params.d, epochs=1), seed=seed)
    began = time.perf_counter()
    build(who, what, weights, users, items, params=params, seed=seed)
    return {
        "name": "factors", "interactions": interactions, "users": users, "items": items, "d": params.d,
        "epochs": params.epochs, "cores": len(os.sched_getaffinity(0)),
        "seconds": round(time.perf_counter() - began, 1),
    }  # fmt: skip


@click.command()
@click.option("--interactions", type=click.IntRange(1000, 100_000_000), default=1_000_000, show_default=True)
@click.option("--users", type=click.IntRange(1), default=50_000, show_default=True)
@click.option("--items", type=click.IntRange(1), default=20_000, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def main(interactions: int, users: int, items: int, seed: int) -> None:
    """Seconds that iALS takes for so many generated purchases."""
    print(json.dumps(measured(interactions, users, items, seed, Params())), flush=True)


if __name__ == "__main__":
    main()
