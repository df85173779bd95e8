"""Batches over files: how fast, in how much memory, what a killed worker costs, and what others feel of them.

python -m loadtests.batch --users 1000000 --workers 2
python -m loadtests.batch --users 1000000 --workers 2 --kill
python -m loadtests.batch --users 10000000 --profiles 0 --workers 2
python -m loadtests.batch --beside --users 1000000 --workers 1

A gateway of its own serves a demo store. Its users come again and again, each with a name and a profile of his own, in
seeded order. Beside a batch, the gateway has one core; the batch and the callers have the other. The batch is stopped
(SIGSTOP) and let go on in turn, so that whatever else the machine does touches both kinds of stretches.
"""

from __future__ import annotations

import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import click
import numpy as np
import psutil  # type: ignore[import-untyped]
import pyarrow as pa
import pyarrow.parquet as pq
from rich import box
from rich.console import Console
from rich.table import Table

from loadtests.bench.pin import Cores, only_on, pin
from loadtests.bench.process import MIB
from loadtests.bench.report import Result
from loadtests.bench.store import describe, shop
from loadtests.callers import Callers
from loadtests.gateway import OwnGateway, orderly_end
from loadtests.ids import HISTORY_FILE, USER_PREFIX, of_home
from loadtests.telling import tell
from serving.adapters.batch_store import BatchStore
from serving.adapters.model_loader import load
from serving.adapters.redis_connection import RedisServer
from serving.adapters.redis_profiles import RedisProfiles
from serving.core.errors import NotReady, StoregateError
from serving.events.history import read_history
from serving.features import FEATURES
from storegate.client import Client
from storegate.v1 import batch_pb2 as pb
from storegate.v1 import recommendation_pb2 as rec

PAGE_SIZE = 20
POLL_S = 0.25
STALL_S = 300.0
"""A batch that gets no further for so long is given up."""
SEED_BATCH = 500
STORE_S = 30.0
NICE = 19
"""Of all that works on a batch."""
STRETCHES = 12
RATIO_MAX = 1.2
"""p99 of Recommend beside a batch over its own without one: the aim."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is measured. profiles: users who have one, None = all."""

    users: int
    items: int
    workers: int
    block_rows: int
    memory_mib: int
    profiles: int | None
    local: bool
    kill: bool
    beside: bool
    stretch_s: float
    callers: int
    seed: int


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a batch. peak_mib: PSS of all its processes together; recomputed: blocks that were there and were
    computed again; cut_short: blocks that another worker was seen to begin anew."""

    rows: int
    seconds: float
    computing_s: float
    peak_mib: float
    worker_peak_mib: int
    blocks: int
    recomputed: int = 0
    cut_short: int = 0
    restarts: int = 0


def users_file(path: Path, users: int, seed: int) -> None:
    """One column, in portions: memory does not grow with the number of users."""
    rng = np.random.default_rng(seed)
    step = 1_000_000
    with pq.ParquetWriter(path, pa.schema([("user_id", pa.string())])) as out:
        for first in range(0, users, step):
            numbers = rng.permutation(np.arange(first, min(first + step, users)))
            out.write_table(pa.table({"user_id": [f"B{number:08d}" for number in numbers]}), row_group_size=step)


def profiles_of(home: Path, count: int) -> Iterator[tuple[str, bytes]]:
    """(key, records) of so many users: those of the history again and again."""
    history = load(home, FEATURES).history_dir / HISTORY_FILE
    blobs = [blob for _, blob in read_history(history) if blob]
    for number in range(count):
        yield f"{USER_PREFIX}B{number:08d}", blobs[number % len(blobs)]


def seed_profiles(home: Path, count: int, say: Say) -> None:
    """Into the embedded store of a gateway that runs on this home."""
    store = RedisProfiles(RedisServer(f"unix://{home}/redis/redis.sock"), write_timeout_s=STORE_S)
    try:
        if not store.wait_ready(STORE_S):
            raise NotReady("the embedded redis of the gateway does not answer")
        rows, done = profiles_of(home, count), 0
        while portion := list(islice(rows, SEED_BATCH)):
            store.append(portion, STORE_S)
            done += len(portion)
            if done % 100_000 < SEED_BATCH:
                say(f"{done:,} of {count:,} profiles")
    finally:
        store.close()


class Bench:
    """One gateway, and batches at it."""

    def __init__(self, home: Path, work: Path, asked: Asked, stack: ExitStack, say: Say) -> None:
        self._asked, self._say = asked, say
        self.home = shutil.copytree(
            home, work / "home", ignore=shutil.ignore_patterns("run", "redis", "*.lock", "batches")
        )
        settings = {
            "batch.workers": str(asked.workers),
            "batch.block_rows": str(asked.block_rows),
            "batch.memory_mib": str(asked.memory_mib),
        }
        self.gateway = stack.enter_context(
            closing(OwnGateway(self.home, local=asked.local, folder=work, settings=settings))
        )
        self._before = {process.pid for process in self.gateway.tree.processes()}
        self.client = stack.enter_context(Client(self.gateway.grpc_target, timeout_s=60.0, connections=1, redial_s=1e6))
        count = asked.users if asked.profiles is None else asked.profiles
        say(f"{count:,} profiles, {asked.users:,} users")
        (self.home / "exchange").mkdir()
        users_file(self.home / "exchange" / "users.parquet", asked.users, asked.seed)
        seed_profiles(self.home, count, say)

    def begin(self) -> str:
        """The operation's name."""
        made = self.client.batch_recommend(
            pb.BatchRecommendRequest(
                input_uri="users.parquet",
                output_uri=f"out-{time.monotonic_ns()}",
                each=rec.RecommendRequest(page_size=PAGE_SIZE),
            )
        )
        return str(made.operation.name)

    def processes(self) -> list[psutil.Process]:
        """All that have come with the batch: driver, workers, and what Ray starts for it."""
        return [process for process in self.gateway.tree.processes() if process.pid not in self._before]

    def standing_back(self, *, drivers: bool = False) -> list[psutil.Process]:
        """Of these, the workers, with the driver if asked for."""
        found = []
        for process in self.processes():
            with suppress(psutil.Error):
                driver = "serving.runtime.batch_driver" in process.cmdline()
                if process.nice() == NICE and (drivers or not driver):
                    found.append(process)
        return found

    def run(self) -> Ran:
        """One batch to its end; with a worker killed when a third is done, where that was asked for."""
        begun = time.monotonic()
        name = self.begin()
        store, peak, kept = BatchStore(self.home), 0.0, None
        anew: set[str] = set()
        out = Path(store.get(name).spec.output_uri)
        told = moved = begun
        rows_done = 0
        while not (found := store.get(name)).state.over:
            if found.progress.rows_done > rows_done:
                rows_done, moved = found.progress.rows_done, time.monotonic()
            if time.monotonic() - moved > STALL_S:
                raise NotReady(f"the batch has got no further than {rows_done:,} rows for {STALL_S:g} s")
            anew |= _begun_anew(store.path(name))
            peak = max(peak, _pss_mib(self.processes()))
            if self._asked.kill and kept is None and 3 * found.progress.blocks_done >= found.progress.blocks_total:
                kept = _parts(out)
                self._kill()
            if time.monotonic() - told > 10:
                told = time.monotonic()
                self._say(f"{found.progress.rows_done:,} rows, {found.progress.rows_per_second:,.0f} a second")
            time.sleep(POLL_S)
        seconds = time.monotonic() - begun
        if found.state != "SUCCEEDED":
            raise NotReady(f"the batch {found.state.lower()}: {found.reason}: {found.message}")
        after, manifest = _parts(out), json.loads((out / "_manifest.json").read_text())
        receipts = store.receipts(name)
        return Ran(
            manifest["rows"], seconds, found.progress.seconds, peak, manifest["worker_peak_mib"], len(after),
            sum(after.get(part) != at for part, at in (kept or {}).items()), len(anew),
            len({receipt.worker for receipt in receipts.values()}) - self._asked.workers,
        )  # fmt: skip

    def _kill(self) -> None:
        """SIGKILLs one worker. Raises NotReady when none is found."""
        workers = [one for one in self.standing_back() if one.cpu_times().user > 0.5]
        if not workers:
            raise NotReady("no worker was found to be killed")
        workers[0].kill()
        self._say("a worker was killed")

    def beside(self) -> tuple[list[tuple[bool, list[float]]], list[str], float]:
        """(whether a batch ran, milliseconds of the answers) of each stretch; problems; rows a second meanwhile."""
        cores = Cores.choose()
        ids = of_home(self.home)
        stretches: list[tuple[bool, list[float]]] = []
        problems: list[str] = []
        name = self.begin()
        store = BatchStore(self.home)
        until = time.monotonic() + STALL_S
        while not (found := store.get(name)).progress.blocks_done:
            if found.state.over or time.monotonic() > until:
                raise NotReady(f"the batch has not done its first block: {found.state.lower()} {found.message}")
            time.sleep(POLL_S)
        rows = ran_s = 0.0
        with only_on(cores.load):
            for number in range(2 * STRETCHES + 1):
                busy = number % 2 == 1
                mine = self.processes()
                pin([process.pid for process in mine], cores.load)
                pin(set(self.gateway.tree.pids()) - {process.pid for process in mine}, cores.server)
                _signal(self.standing_back(drivers=True), signal.SIGCONT if busy else signal.SIGSTOP)
                first, began = store.get(name), time.monotonic()
                if busy and first.state.over:
                    raise NotReady("the batch was over before the stretches were: ask for more --users")
                with Callers(self.gateway.grpc_target, ids, callers=self._asked.callers, seed=number) as callers:
                    time.sleep(self._asked.stretch_s)
                if busy:
                    rows += store.get(name).progress.rows_done - first.progress.rows_done
                    ran_s += time.monotonic() - began
                problems += [call.problem for call in callers.recommends if call.told == "failed"]
                if number:  # the first one warms up
                    took = [1000 * (call.ended_s - call.begun_s) for call in callers.recommends]
                    stretches.append((busy, took))
                    self._say(f"{'beside' if busy else 'alone'}: p99 {np.percentile(took, 99):.2f} ms of {len(took):,}")
        _signal(self.standing_back(drivers=True), signal.SIGCONT)
        self.client.cancel_operation(name)
        return stretches, problems, rows / ran_s


def _begun_anew(folder: Path) -> set[str]:
    """Blocks that more than one worker has begun with: batch_store.py writes a dot for each."""
    found = set()
    for path in folder.glob("begun-*"):
        with suppress(OSError):  # it has just been done
            if path.stat().st_size > 1:
                found.add(path.name)
    return found


def _parts(out: Path) -> dict[str, int]:
    """Name of each part, and when it was written."""
    return {path.name: path.stat().st_mtime_ns for path in out.glob("part-*.parquet")}


def _pss_mib(processes: Sequence[psutil.Process]) -> float:
    total = 0
    for process in processes:
        with suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total / MIB


def _signal(processes: Sequence[psutil.Process], number: int) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def measure(home: Path, asked: Asked, say: Say) -> tuple[Result, Table]:
    """What was asked for. The notes of the result are broken promises. Raises StoregateError."""
    begun = time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(orderly_end())
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storegate-batch-")))
        facts = shop(home, items=asked.items, users=10_000, seed=0, say=say)
        bench = Bench(home, work, asked, stack, say)
        rows, table, notes = _beside(bench) if asked.beside else _alone(bench, asked)
    setup = {
        "workers": asked.workers,
        "block_rows": asked.block_rows,
        "memory_mib": asked.memory_mib,
        "ray": not asked.local,
    }
    command = "python -m loadtests.batch " + " ".join(sys.argv[1:])
    data = describe(facts) | {"batch_users": asked.users}
    return Result(command, data, asked.seed, setup, rows, time.monotonic() - begun, notes), table


def _alone(bench: Bench, asked: Asked) -> tuple[list[dict[str, object]], Table, list[str]]:
    ran = bench.run()
    rate = ran.rows / ran.seconds
    row: dict[str, object] = {
        "name": "batch recommend", "served": True, "rows": ran.rows, "seconds": round(ran.seconds, 1),
        "rows_per_s": round(rate), "rows_per_s_per_core": round(rate / asked.workers),
        "computing_s": round(ran.computing_s, 1), "peak_pss_mib": round(ran.peak_mib),
        "worker_peak_mib": ran.worker_peak_mib, "blocks": ran.blocks,
    }  # fmt: skip
    notes = []
    if ran.rows != asked.users:
        notes.append(f"{ran.rows:,} rows came out of {asked.users:,}")
    if ran.peak_mib > asked.memory_mib:
        notes.append(f"the batch's processes held {ran.peak_mib:.0f} MiB, {asked.memory_mib} are allowed")
    if asked.kill:
        row |= {"blocks_cut_short": ran.cut_short, "blocks_recomputed": ran.recomputed, "workers_more": ran.restarts}
        if ran.recomputed:
            notes.append(f"{ran.recomputed} blocks that were there were computed again")
        if ran.restarts < 1:
            notes.append("no worker took the place of the killed one")
    table = Table(box=box.SIMPLE_HEAD, show_header=False, title=str(row["name"]))
    for name, value in row.items():
        if name not in ("name", "served"):
            table.add_row(name.replace("_", " "), f"{value:,}")
    return [row], table, notes


def _beside(bench: Bench) -> tuple[list[dict[str, object]], Table, list[str]]:
    stretches, problems, rate = bench.beside()
    rows: list[dict[str, object]] = []
    for name, busy in (("recommend alone", False), ("recommend beside a batch", True)):
        some = [took for was_busy, took in stretches if was_busy == busy]
        rows.append(
            {
                "name": name, "served": True, "calls": sum(map(len, some)),
                "p50_ms": round(float(np.median([np.percentile(took, 50) for took in some])), 3),
                "p99_ms": round(float(np.median([np.percentile(took, 99) for took in some])), 3),
                "worst_ms": round(max(map(max, some)), 1),
            }
        )  # fmt: skip
    ratio = float(rows[1]["p99_ms"]) / float(rows[0]["p99_ms"])  # type: ignore[arg-type]
    rows[1] |= {"ratio": round(ratio, 2), "batch_rows_per_s": round(rate)}
    notes = [f"a call failed: {problem}" for problem in problems[:3]]
    if ratio > RATIO_MAX:
        notes.append(f"p99 is {ratio:.2f} times as long beside a batch, {RATIO_MAX} is the aim")
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("", "calls", "p50 ms", "p99 ms", "worst ms", "x", "batch rows/s"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            str(row["name"]), f"{row['calls']:,}", str(row["p50_ms"]), str(row["p99_ms"]), str(row["worst_ms"]),
            str(row.get("ratio", "")), f"{row['batch_rows_per_s']:,}" if "batch_rows_per_s" in row else "",
        )  # fmt: skip
    return rows, table, notes


@click.command()
@click.option("--users", type=click.IntRange(1, 100_000_000), default=100_000, show_default=True)
@click.option("--profiles", type=click.IntRange(0), help="Users who have a profile. [all]")
@click.option("--items", type=click.IntRange(100), default=4000, show_default=True)
@click.option("--workers", type=click.IntRange(1, 256), default=1, show_default=True)
@click.option("--block-rows", type=click.IntRange(1, 1_000_000), default=10_000, show_default=True)
@click.option("--memory-mib", type=click.IntRange(1024), default=4096, show_default=True)
@click.option("--kill", is_flag=True, help="SIGKILL a worker when a third is done.")
@click.option("--beside", is_flag=True, help="Recommend with and without a batch on the other core, in turn.")
@click.option("--stretch-s", type=click.FloatRange(0.5, 120), default=5.0, show_default=True, help="With --beside.")
@click.option("--callers", type=click.IntRange(1, 64), default=4, show_default=True, help="With --beside.")
@click.option("--local", is_flag=True, help="Without Ray.")
@click.option("--json", "json_", is_flag=True, help="One JSON object on standard output instead of the table.")
@click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), default=Path("var/bench"), show_default=True,
    help="Copied, not touched; a demo store is made there when nothing has been trained.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def main(json_: bool, home: Path, **asked: int) -> None:
    """Batches at a gateway of its own; ends with 1 when a promise is broken."""
    log = Console(stderr=True, highlight=False)
    try:
        result, table = measure(home.absolute(), Asked(**asked), lambda line: log.print(line, style="dim"))  # type: ignore[arg-type]
    except StoregateError as error:
        raise click.ClickException(str(error)) from error
    tell(result, table, json=json_)


if __name__ == "__main__":
    main()
