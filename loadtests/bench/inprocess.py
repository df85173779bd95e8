"""What a request costs without network, engine and Ray: decode, pipeline, encode, with real models and a real Redis.

`python -m loadtests.bench.inprocess --home HOME` prints one JSON object a line: every stage at every size of batch,
then each candidate source alone (alone.py) and the number of candidates. It runs in a process of its own, which is
started with one thread for every library (OMP_NUM_THREADS=1 and so on), as a replica is.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import islice
from pathlib import Path
from time import perf_counter_ns

import click

from loadtests.bench.alone import alone, candidate_count
from loadtests.bench.frames import RECOMMEND, known, shuffled, unframe
from loadtests.bench.pin import Cores, only_on
from loadtests.bench.timing import Row, Took, in_turns
from loadtests.bench.timing import rows as timed
from loadtests.ids import HISTORY_FILE, of_home
from serving.adapters.model_loader import load
from serving.adapters.redis_connection import RedisServer
from serving.adapters.token_keys import token_keys
from serving.core.attribution import TokenSigner
from serving.core.catalogue import Catalogue
from serving.core.clock import NEVER, SystemClock
from serving.core.errors import StoregateError, StoreUnavailable
from serving.core.turn import Turn
from serving.decisions.recommend.pipeline import Recommender
from serving.events.history import read_history
from serving.features import FEATURES
from serving.runtime.home import locked
from serving.runtime.process import settle, tune
from serving.settings import load as load_settings
from serving.stores import Backing, profile_store
from serving.transport.codecs import codecs

BATCHES = (1, 8, 32)
REDIS_WAIT_S = 5.0


class Bench:
    """The steps a replica takes with the calls of one batch, timed one by one. Every batch is for other users."""

    def __init__(self, recommender: Recommender, signer: TokenSigner, requests: Sequence[bytes]) -> None:
        codec = codecs(SystemClock(), signer.sign)[RECOMMEND]
        self._decode, self._encode, self._run = codec.decode, codec.encode, recommender.run
        self._requests, self._at = requests, 0
        self.degraded = 0

    def batch(self, size: int, took: Took) -> None:
        """One batch; adds to `took` the microseconds of every stage, divided by `size`."""
        taken = [self._requests[(self._at + i) % len(self._requests)] for i in range(size)]
        self._at = (self._at + size) % len(self._requests)
        now = time.time()
        begun = perf_counter_ns()
        queries = [self._decode(payload) for payload in taken]
        decoded = perf_counter_ns()
        answers = self._run(queries, Turn(time.monotonic(), now, NEVER))
        ran = perf_counter_ns()
        for answer in answers:
            self._encode(answer)
        ended = perf_counter_ns()
        self.degraded += sum(bool(answer.degraded) for answer in answers)
        for name, micros in answers[0].stages:
            took[name].append(micros / size)
        took["decode"].append((decoded - begun) / 1000 / size)
        took["pipeline"].append((ran - decoded) / 1000 / size)
        took["encode"].append((ended - ran) / 1000 / size)
        took["request"].append((ended - begun) / 1000 / size)


def measure(bench: Bench, batches: Sequence[int], seconds: float) -> list[Row]:
    """`seconds` for every size of batch. Rows as in timing.py; "request" is the whole of it."""
    took = in_turns({"request": bench.batch}, batches, seconds)
    return [line for (_, size), mine in took.items() for line in timed(mine, size)]


def rows(home: Path, *, users: int, seconds: float, seed: int, batches: Sequence[int] = BATCHES) -> Iterator[Row]:
    """Measures on the server's core, Redis on it too. Raises StoregateError when the store does not answer."""
    settings = load_settings(environ={"STOREGATE_HOME": str(home)})
    with ExitStack() as stack:
        stack.enter_context(only_on(Cores.choose().server))
        stack.enter_context(locked(home))
        backing = stack.enter_context(closing(Backing(settings, _say)))
        profiles = stack.enter_context(closing(profile_store(settings, RedisServer(backing.settings.redis.url))))
        if not profiles.wait_ready(REDIS_WAIT_S):
            raise StoreUnavailable("redis: no connection")
        loaded = load(home, FEATURES)
        catalogue = Catalogue.build(loaded.catalogue_items, model_ids=loaded.models.item_ids)
        recommender = Recommender(loaded.models, lambda: catalogue, profiles, settings.recommend)
        recommender.warm()
        tune(settings.runtime.gil_switch_s)
        settle()
        bodies = shuffled(known(of_home(home).users[:users]), seed)
        signer = TokenSigner(token_keys(home, settings.decisions.token_keys))
        bench = Bench(recommender, signer, [unframe(body) for body in bodies])
        yield from measure(bench, batches, seconds)
        if bench.degraded:
            _say(f"{bench.degraded} answers were degraded: Redis took longer than profile_timeout_ms")
        blobs, wall = [blob for _, blob in islice(read_history(loaded.history_dir / HISTORY_FILE), users)], time.time()
        yield from alone(recommender, blobs, wall, seconds)
        yield candidate_count(recommender, blobs, wall)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@click.command()
@click.option("--home", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True)
@click.option("--users", type=click.IntRange(1), default=10_000, show_default=True)
@click.option("--seconds", type=click.FloatRange(0.1, 600), default=3.0, show_default=True, help="Per size of batch.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def main(home: Path, users: int, seconds: float, seed: int) -> None:
    """Microseconds a request, stage by stage, in process."""
    try:
        for row in rows(home.absolute(), users=users, seconds=seconds, seed=seed):
            print(json.dumps(row), flush=True)
    except StoregateError as error:
        raise click.ClickException(error.message) from error


if __name__ == "__main__":
    main()
