"""What it costs to compute forecasts in a deployment of their own, and what it spares: `workers.forecast.where` twice.

python -m loadtests.workers
python -m loadtests.workers --seconds 10 --items 1000 --json

A gateway on Ray, its server processes on one core, the callers on the other; first with forecasts on a thread of its
replica, then in a deployment of their own. Forecasts of one item, one after the other: the difference is the way
there. Then pages, asked for by a few callers, alone and beside as many who ask for forecasts of many items.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import grpc
import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from loadtests.bench.frames import RECOMMEND, known, shuffled, unframe
from loadtests.bench.install import check_cores
from loadtests.bench.pin import Cores, only_on, pin
from loadtests.bench.process import MIB
from loadtests.bench.report import Result
from loadtests.bench.store import describe, shop
from loadtests.gateway import OwnGateway, orderly_end
from loadtests.ids import of_home
from loadtests.run import SMALL_ITEMS, SMALL_USERS
from loadtests.telling import tell
from serving.core.errors import StoregateError
from serving.runtime.home import workers
from serving.runtime.worker_params import DEPLOYMENT, GATEWAY
from storegate.v1.forecast_pb2 import ForecastDemandRequest

FORECAST = "/storegate.v1.ForecastService/ForecastDemand"
QUANTILES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
DAYS = 28
WARM_CALLS = 20
TIMEOUT_S = 60.0
WORKER_S_MAX = 60.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Row:
    """One stretch. where: of the worker. failed: calls that were refused or lost."""

    where: str
    what: str
    callers: int
    calls_per_s: float
    p50_ms: float
    p99_ms: float
    failed: int


class Askers:
    """Callers who ask again as soon as they are answered, each on a connection of its own, from construction on."""

    def __init__(self, target: str, method: str, bodies: Sequence[bytes], callers: int) -> None:
        self.took_s: list[float] = []
        self.failed = 0
        self._target, self._method, self._bodies = target, method, bodies
        self._enough = threading.Event()
        self._begun = time.monotonic()
        self._threads = [threading.Thread(target=self._run, args=(at, callers)) for at in range(callers)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Lets each finish the call it has."""
        self._enough.set()
        for thread in self._threads:
            thread.join(2 * TIMEOUT_S)
        self.seconds = time.monotonic() - self._begun

    def row(self, where: str, what: str) -> Row:
        """After `close`."""
        p50, p99 = np.percentile(np.array(self.took_s) * 1000, [50, 99]) if self.took_s else (float("nan"),) * 2
        rate = len(self.took_s) / self.seconds
        return Row(
            where, what, len(self._threads), round(rate, 1), round(float(p50), 2), round(float(p99), 2), self.failed
        )

    def _run(self, at: int, step: int) -> None:
        with grpc.insecure_channel(self._target, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
            ask = channel.unary_unary(self._method)
            while not self._enough.is_set():
                begun = time.monotonic()
                try:
                    ask(self._bodies[at % len(self._bodies)], timeout=TIMEOUT_S)
                    self.took_s.append(time.monotonic() - begun)
                except grpc.RpcError:
                    self.failed += 1
                at += step


def measure(
    home: Path, seconds: float, items: int, callers: int, seed: int, say: Say
) -> tuple[Result, list[Row], dict[str, float]]:
    """Rows, and MiB of the worker's process. Raises StoregateError."""
    check_cores()
    begun = time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(orderly_end())
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storegate-workers-")))
        facts = shop(home, items=SMALL_ITEMS, users=SMALL_USERS, seed=seed, say=say)
        ids = of_home(home)
        pages = [unframe(body) for body in shuffled(known(ids.users), seed)]
        rows: list[Row] = []
        held: dict[str, float] = {}
        for where in (GATEWAY, DEPLOYMENT):
            say(f"forecasts: {where}")
            settings = {"workers.forecast.where": where, "workers.replenish.where": GATEWAY}
            with closing(OwnGateway(home, local=False, folder=work, settings=settings)) as gateway:
                if where == DEPLOYMENT:
                    held["worker_uss_mib"] = worker_mib(gateway)
                with cores(gateway):
                    rows += stretches(gateway, where, pages, ids.items[:items], seconds, callers, say)
    result = Result(
        command=" ".join(["python", "-m", "loadtests.workers", *sys.argv[1:]]),
        data=describe(facts),
        seed=seed,
        setup={"runtime": "ray", "phase_s": seconds, "items": min(items, len(ids.items)), "days": DAYS,
               "quantiles": len(QUANTILES)} | held,
        rows=[asdict(row) for row in rows],
        seconds=time.monotonic() - begun,
        notes=[f"{row.what}, {row.where}: {row.failed} calls failed" for row in rows if row.failed],
    )  # fmt: skip
    return result, rows, held


@contextmanager
def cores(gateway: OwnGateway) -> Iterator[None]:
    """Inside, the server is on one core and we are on the others."""
    chosen = Cores.choose()
    pin(gateway.tree.pids(), chosen.server)
    with only_on(chosen.load):
        yield


def stretches(
    gateway: OwnGateway,
    where: str,
    pages: Sequence[bytes],
    items: Sequence[str],
    seconds: float,
    callers: int,
    say: Say,
) -> list[Row]:
    """One after the other, on one gateway."""
    target = gateway.grpc_target
    one = [demand([item]) for item in items]
    many = [demand(items)]
    with grpc.insecure_channel(target) as channel:
        for number in range(WARM_CALLS):
            channel.unary_unary(FORECAST)(one[number % len(one)], timeout=TIMEOUT_S)
            channel.unary_unary(RECOMMEND)(pages[number % len(pages)], timeout=TIMEOUT_S)

    def stretch(what: str, *askers: Askers) -> list[Row]:
        say(what)
        try:
            time.sleep(seconds)
        finally:
            for each in askers:
                each.close()
        return [askers[0].row(where, what)]

    found = stretch("forecasts of one item", Askers(target, FORECAST, one, 1))
    found += stretch(f"forecasts of {len(items):,} items", Askers(target, FORECAST, many, 1))
    found += stretch("pages alone", Askers(target, RECOMMEND, pages, callers))
    busy = Askers(target, FORECAST, many, callers)
    found += stretch("pages beside forecasts", Askers(target, RECOMMEND, pages, callers), busy)
    return [*found, busy.row(where, "forecasts beside pages")]


def demand(items: Sequence[str]) -> bytes:
    """A request for all quantiles of these items."""
    return ForecastDemandRequest(item_ids=items, horizon_days=DAYS, quantiles=QUANTILES).SerializeToString()


def worker_mib(gateway: OwnGateway) -> float:
    """What would be freed without the worker's process."""
    until = time.monotonic() + WORKER_S_MAX
    while not (found := [one.pid for one in workers(gateway.home) if one.worker == "forecast"]):
        if time.monotonic() > until:
            raise TimeoutError("the worker is not up")
        time.sleep(0.1)
    (process,) = (one for one in gateway.tree.processes() if one.pid == found[0])
    return round(float(process.memory_full_info().uss) / MIB, 1)


def table(rows: Sequence[Row]) -> Table:
    """For a terminal."""
    out = Table(box=box.SIMPLE_HEAD)
    for name in ("forecasts computed in", "what"):
        out.add_column(name)
    for name in ("callers", "calls/s", "p50 ms", "p99 ms", "failed"):
        out.add_column(name, justify="right")
    for row in rows:
        out.add_row(
            row.where, row.what, str(row.callers), f"{row.calls_per_s:,.1f}", f"{row.p50_ms:.2f}", f"{row.p99_ms:.2f}",
            str(row.failed),
        )  # fmt: skip
    return out


@click.command()
@click.option("--seconds", type=click.FloatRange(1, 300), default=6.0, show_default=True, help="A stretch.")
@click.option("--items", type=click.IntRange(1, 1000), default=1000, show_default=True, help="Of the large forecasts.")
@click.option("--callers", type=click.IntRange(1, 64), default=2, show_default=True, help="Of pages, and of forecasts.")
@click.option("--json", "json_", is_flag=True, help="One JSON object on standard output instead of the table.")
@click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), default=Path("var/loadtests/home"), show_default=True,
    help="A small demo store is made there when nothing has been trained.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def main(seconds: float, items: int, callers: int, json_: bool, home: Path, seed: int) -> None:
    """Ends with 1 when a call failed."""
    log = Console(stderr=True, highlight=False)
    try:
        result, rows, held = measure(
            home.absolute(), seconds, items, callers, seed, lambda line: log.print(line, style="dim")
        )
    except (StoregateError, ValueError, TimeoutError) as error:
        raise click.ClickException(str(error)) from error
    log.print(f"the worker's process holds {held['worker_uss_mib']:,.0f} MiB of its own")
    tell(result, table(rows), json=json_)


if __name__ == "__main__":
    main()
