"""What a request costs in a shop of a hundred thousand or a million items: `python -m loadtests.bench.scale`.

Everything is generated (world_*.py) and nothing is trained but a ranker; the pipeline, its kernels, the index that the
rule picks and the catalogue are those that serve. The profiles lie in this process: no Redis, no network, no Ray.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from time import perf_counter_ns

import click
import numpy as np
from rich.console import Console

import retrieval
from loadtests.bench.alone import alone, candidate_count, tastes
from loadtests.bench.footprint import Build, part_rows, parts
from loadtests.bench.report import Result, as_json
from loadtests.bench.scale_report import markdown as as_markdown
from loadtests.bench.scale_report import show
from loadtests.bench.timing import Batch, Row, Took, in_turns, row
from loadtests.bench.world_items import NOW_S, Shelves, category_path, made_items, shelves
from loadtests.bench.world_models import Made, made_models, with_rankers
from loadtests.bench.world_visits import profiles
from model_repo.work import one_blas_thread
from serving.adapters.memory_profiles import MemoryProfiles
from serving.core.catalogue import Catalogue
from serving.core.clock import NEVER
from serving.core.turn import Turn
from serving.decisions.recommend.contract import OTHERS_YOU_MAY_LIKE, Query
from serving.decisions.recommend.pipeline import Recommender
from serving.runtime.process import settle, tune

BATCHES = (1, 8, 32)
VISITORS = 5000
PAGE_SIZE = 20
FILTERS = 8
"""Different filters that the filtered cases take in turn: fewer than the pipeline keeps masks of."""
RECALL_QUERIES = 32
GIL_SWITCH_S = 0.0002
UPDATES = 3
"""Times that the catalogue changes, of which the middle one is told."""
WARM = 20
"""Batches of every case and size before the clock runs: the kernels are compiled by then, most visitors not seen."""
TURN = Turn(now=0.0, wall=float(NOW_S), deadline=NEVER)

Say = Callable[[str], None]


@dataclass(slots=True)
class Shop:
    """A generated shop, ready to answer. `catalogue` is what the pipeline sees now."""

    shelf: Shelves
    made: Made
    catalogue: Catalogue
    users: list[str]
    blobs: list[bytes]
    recommender: Recommender = field(init=False)


def made_shop(n: int, visitors: int, seed: int, build: Build) -> Shop:
    """Everything, from the goods to a warm pipeline."""
    with build.step("items"):
        shelf = shelves(n, seed)
        items = list(made_items(shelf, seed))
    with build.step("catalogue"):
        catalogue = Catalogue.build(items, model_ids=[item.item_id for item in items], version=1)
    made = made_models(shelf, items, seed, build.step)
    with build.step("profiles"):
        stored = profiles(shelf, catalogue, visitors, seed)
        store = MemoryProfiles()
        store.append(list(stored.items()), 0.0)
    blobs = list(stored.values())
    with build.step("rankers"):
        made = replace(made, models=with_rankers(made.models, catalogue, blobs, seed))
    users = [key.removeprefix("u:") for key in stored]
    shop = Shop(shelf, made, catalogue, users, blobs)
    with build.step("world and warm-up"):
        shop.recommender = Recommender(made.models, lambda: shop.catalogue, store)
        shop.recommender.warm()
    return shop


def questions(shop: Shop) -> dict[str, Callable[[int], Query]]:
    """Case -> the query of the visitor with a number. Each visitor comes round again only after all others."""
    users, bounds = shop.users, count(1)
    some = np.random.default_rng(len(users)).permutation(len(shop.catalogue))[: len(users)]
    ids = [shop.catalogue.items[at].item_id for at in some.tolist()]
    every = [category_path(number)[-1] for number in range(len(shop.shelf.ptr) - 1)]
    large, small = every[:FILTERS], every[-FILTERS:]
    dear, usual = np.percentile(shop.catalogue.price, (20, 50)).astype(int).tolist()

    def plain(at: int) -> Query:
        return Query(user_id=users[at % len(users)], page_size=PAGE_SIZE)

    return {
        "recommended-for-you": plain,
        "others-you-may-like": lambda at: replace(
            plain(at), placement=OTHERS_YOU_MAY_LIKE, item_ids=(ids[at % len(ids)],)
        ),
        # a large category has more items than a page's candidates, and yet few of what retrieval finds first
        "narrow filter": lambda at: replace(plain(at), filter=f'category:"{large[at % len(large)]}"'),
        # a small one has fewer: the page cannot be filled, however long one looks
        "rare filter": lambda at: replace(plain(at), filter=f'category:"{small[at % len(small)]}" AND price < {usual}'),
        "wide filter": lambda at: replace(plain(at), filter=f"price > {dear + at % FILTERS}"),
        "new filter": lambda at: replace(plain(at), filter=f"price > {dear} AND stock < {100_000 + next(bounds)}"),
    }


def asking(recommender: Recommender, question: Callable[[int], Query]) -> Batch:
    """Batches of other visitors each time; the whole is "pipeline", the rest are its stages."""
    numbers = count()

    def batch(size: int, took: Took) -> None:
        queries = [question(next(numbers)) for _ in range(size)]
        begun = perf_counter_ns()
        answers = recommender.run(queries, TURN)
        ended = perf_counter_ns()
        took["pipeline"].append((ended - begun) / 1000 / size)
        for name, micros in answers[0].stages:
            took[name].append(micros / size)

    return batch


def measured(shop: Shop, batches: Sequence[int], seconds: float, warm: int) -> Iterator[Row]:
    """The rows of every case, by stage, and of the sources alone."""
    cases = {name: asking(shop.recommender, question) for name, question in questions(shop).items()}
    for (case, size), took in in_turns(cases, batches, seconds, warm).items():
        for stage, micros in took.items():
            yield row(f"{case}: {stage}", size, micros)
    yield from alone(shop.recommender, shop.blobs, float(NOW_S), seconds)
    yield candidate_count(shop.recommender, shop.blobs, float(NOW_S))


def recall(shop: Shop) -> Iterator[Row]:
    """How much of the exact answer the indexes find for what visitors ask of them."""
    params, models = shop.recommender.params, shop.made.models
    factors, contents = tastes(shop.recommender, shop.blobs[:RECALL_QUERIES], float(NOW_S))
    for name, index, vectors, queries, k in (
        ("factors", shop.made.index, models.vectors, factors, params.from_factors),
        ("content", shop.made.content_index, models.content, contents, params.from_content),
    ):
        asked = queries[queries.any(axis=1)]
        if len(asked):
            found = retrieval.recall_report(index, vectors, asked, k)
            kind = retrieval.Params().kind(len(vectors))
            yield {"name": f"recall of {name}", "index": kind, "k": found.k, "recall": round(found.recall, 4)}


def updates(shop: Shop) -> Iterator[Row]:
    """What the engine waits for when the catalogue changes between two batches: the new snapshot, then the binding.

    The shop is left with the changed catalogue.
    """
    first = shop.catalogue.items[0]
    for name, change in (
        ("a price", lambda at: replace(first, price=first.price + at)),
        ("a new item", lambda at: replace(first, item_id=f"new-{at}", title=f"{first.title} {at}")),
    ):
        snapshot_s, bind_s = [], []
        for at in range(1, UPDATES + 1):
            begun = time.perf_counter()
            after = shop.catalogue.updated([change(at)], shop.catalogue.version + 1)
            snapshot = time.perf_counter()
            shop.catalogue = after
            shop.recommender.world()
            bound = time.perf_counter()
            snapshot_s.append(snapshot - begun)
            bind_s.append(bound - snapshot)
        yield {
            "name": f"change: {name}",
            "snapshot_ms": round(1000 * float(np.median(snapshot_s)), 2),
            "bind_ms": round(1000 * float(np.median(bind_s)), 2),
        }


def run(
    n: int, *, visitors: int, seed: int, seconds: float, batches: Sequence[int], warm: int, say: Say, command: str,
    own_process: bool = False,
) -> Result:  # fmt: skip
    """Builds, measures, tells. own_process: whether this process may be set up as a replica sets up its own."""
    begun = time.monotonic()
    retrieval.tune()
    build = Build(say)
    shop = made_shop(n, visitors, seed, build)
    rows: list[Row] = list(build.rows)
    if own_process:
        tune(GIL_SWITCH_S)
        settle()
    rows.append(build.memory_row("memory"))
    rows += part_rows(parts(shop.made, shop.catalogue, shop.recommender.world()))
    say("recall")
    rows += recall(shop)
    say("measuring")
    rows += measured(shop, batches, seconds, warm)
    say("changes of the catalogue")
    rows += updates(shop)
    return Result(
        command=command, data={"name": "generated", "items": n, "visitors": len(shop.users)}, seed=seed,
        setup={"runtime": "in process", "items": n, "visitors": len(shop.users), "page_size": PAGE_SIZE}, rows=rows,
        seconds=time.monotonic() - begun,
        notes=[f"load average {os.getloadavg()[0]:.1f} on {len(os.sched_getaffinity(0))} cores at the end"],
    )  # fmt: skip


@click.command()
@click.option("--items", type=click.IntRange(100, 10_000_000), default=100_000, show_default=True)
@click.option("--visitors", type=click.IntRange(100, 10**6), default=VISITORS, show_default=True)
@click.option("--seconds", type=click.FloatRange(0.1, 600), default=3.0, show_default=True, help="Per case and batch.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--json", "json_", is_flag=True, help="One JSON object on standard output instead of the tables.")
@click.option("--markdown", is_flag=True, help="Lines for loadtests/RESULTS.md instead of the tables.")
def main(items: int, visitors: int, seconds: float, seed: int, json_: bool, markdown: bool) -> None:
    """Microseconds a request, stage by stage, and memory, part by part, in a generated shop of any size.

    \b
    python -m loadtests.bench.scale --items 100000 --seed 0
    python -m loadtests.bench.scale --items 1000000 --seed 0 --markdown
    """
    log = Console(stderr=True, highlight=False)
    with one_blas_thread():
        result = run(
            items, visitors=visitors, seed=seed, seconds=seconds, batches=BATCHES, warm=WARM, own_process=True,
            say=lambda line: log.print(line, style="dim"),
            command=" ".join(["python -m loadtests.bench.scale", *sys.argv[1:]]),
        )  # fmt: skip
    if json_:
        sys.stdout.write(as_json(result) + "\n")
    elif markdown:
        sys.stdout.write(as_markdown(result) + "\n")
    else:
        show(result, Console())


if __name__ == "__main__":
    main()
