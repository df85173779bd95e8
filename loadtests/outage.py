"""What a Redis that stops, dies or is slow costs the shop: point by point against what is promised.

python -m loadtests.outage
python -m loadtests.outage --seconds 10 --callers 4 --json

Two gateways in turn, without Ray, on the same home: the first owns its Redis, which is stopped (SIGSTOP) and killed
(SIGKILL, its launcher revives it); the second finds a Redis of ours behind a proxy that holds every answer back for a
second. Callers ask all the while; normal phases stand before and after each outage, and no time lies between phases.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path

import click
import psutil  # type: ignore[import-untyped]
from rich import box
from rich.console import Console
from rich.table import Table

from loadtests.bench.process import Tree
from loadtests.bench.report import Result, Row
from loadtests.bench.store import describe, shop
from loadtests.callers import Callers
from loadtests.gateway import OwnGateway, orderly_end
from loadtests.ids import Ids, of_home
from loadtests.phases import RATIO_MAX, Found, Phase, broken, found
from loadtests.run import SMALL_ITEMS, SMALL_USERS
from loadtests.slow_redis import SlowRedis
from loadtests.telling import tell
from serving.adapters.embedded_redis import EmbeddedRedis
from serving.core.errors import NotReady, StoregateError

OWN, PROXIED = "embedded", "proxied"
SLOW_S = 1.0
WARM_S = 2.0
"""Callers at work before the first phase."""
DEATH_S_MAX = 5.0
POLL_S = 0.002

Say = Callable[[str], None]


@click.command()
@click.option(
    "--seconds", type=click.FloatRange(3, 300), default=6.0, show_default=True, help="A phase; there are eight."
)
@click.option("--callers", type=click.IntRange(1, 64), default=8, show_default=True, help="They ask one after another.")
@click.option("--json", "json_", is_flag=True, help="One JSON object on standard output instead of the table.")
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("var/loadtests/home"),
    show_default=True,
    help="A small demo store is made there when nothing has been trained.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def main(seconds: float, callers: int, json_: bool, home: Path, seed: int) -> None:
    """Recommend for known users while Redis is stopped, killed, slow; ends with 1 when a promise is broken."""
    log = Console(stderr=True, highlight=False)
    try:
        result, rows = measure(home.absolute(), seconds, callers, seed, lambda line: log.print(line, style="dim"))
    except (StoregateError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    tell(result, table(rows), json=json_)


def measure(home: Path, seconds: float, callers: int, seed: int, say: Say) -> tuple[Result, list[Found]]:
    """All phases; the notes of the result are the promises that were broken. Raises StoregateError, ValueError."""
    begun = time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(orderly_end())
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storegate-outage-")))
        facts = shop(home, items=SMALL_ITEMS, users=SMALL_USERS, seed=seed, say=say)
        plan = Timetable(seconds, say)
        load = Load(of_home(home), callers, seed)
        calls = (stopped_and_killed(home, work, load, plan), slow(home, work, load, plan))
        rows = found(
            plan.phases,
            [call for asked in calls for call in asked.recommends],
            [call for asked in calls for call in asked.writes],
        )
    result = Result(
        command=" ".join(["python", "-m", "loadtests.outage", *sys.argv[1:]]),
        data=describe(facts),
        seed=seed,
        setup={"runtime": "local", "callers": callers, "phase_s": seconds},
        rows=[as_row(row, callers) for row in rows],
        seconds=time.monotonic() - begun,
        notes=broken(rows),
    )
    return result, rows


@dataclass(frozen=True, slots=True)
class Load:
    """Who asks what."""

    ids: Ids
    callers: int
    seed: int

    def on(self, gateway: OwnGateway) -> Callers:
        return Callers(gateway.grpc_target, self.ids, callers=self.callers, seed=self.seed)


class Timetable:
    """Phases one after another, each noted with its times."""

    def __init__(self, seconds: float, say: Say) -> None:
        """seconds: of each."""
        self.phases: list[Phase] = []
        self._seconds, self._say = seconds, say

    def start(self) -> None:
        """A new gateway is at work: its first phase begins now, after a while."""
        time.sleep(WARM_S)
        self._at_s = time.monotonic()

    def phase(
        self, server: str, store: str, begin: Callable[[], None] | None = None, end: Callable[[], None] | None = None
    ) -> None:
        """`begin` starts an outage, `end` ends it; without `end` the launcher does, from when `begin` is through."""
        self._say(f"redis {server}: {store}")
        begun_s = self._at_s
        if begin is not None:
            begin()
        back_s = time.monotonic()
        time.sleep(self._seconds)
        self._at_s = ended_s = time.monotonic()
        if end is not None:
            back_s = ended_s
            end()
        self.phases.append(Phase(server, store, begun_s, ended_s, back_s))


def stopped_and_killed(home: Path, work: Path, load: Load, plan: Timetable) -> Callers:
    """The embedded Redis."""
    with (
        closing(OwnGateway(home, local=True, folder=work)) as gateway,
        load.on(gateway) as asked,
    ):
        plan.start()
        redis = redis_of(gateway.tree)
        plan.phase(OWN, "normal")
        try:
            plan.phase(OWN, "stopped", redis.suspend, redis.resume)
        finally:
            with suppress(psutil.NoSuchProcess):
                redis.resume()
        plan.phase(OWN, "normal")
        plan.phase(OWN, "killed", lambda: kill(redis))
        plan.phase(OWN, "normal")
    return asked


def slow(home: Path, work: Path, load: Load, plan: Timetable) -> Callers:
    """A Redis that answers after a second."""
    with (
        closing(EmbeddedRedis(home)) as redis,
        closing(SlowRedis(redis.socket)) as proxy,
        closing(OwnGateway(home, local=True, folder=work, settings={"redis.url": proxy.url})) as gateway,
        load.on(gateway) as asked,
    ):
        plan.start()
        plan.phase(PROXIED, "normal")
        plan.phase(PROXIED, "slow", lambda: proxy.delay(SLOW_S), lambda: proxy.delay(0.0))
        plan.phase(PROXIED, "normal")
    return asked


def redis_of(tree: Tree) -> psutil.Process:
    """The gateway's own server. Raises NotReady when there is none."""
    for process in tree.processes():
        if process.name().startswith(("redis-server", "valkey-server")):
            return process
    raise NotReady("the gateway has no redis of its own")


def kill(process: psutil.Process) -> None:
    """Kills and waits until it is dead, be it also not yet buried by its parent."""
    process.kill()
    until = time.monotonic() + DEATH_S_MAX
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > until:
            raise NotReady(f"process {process.pid} outlives SIGKILL")
        time.sleep(POLL_S)


def as_row(row: Found, callers: int) -> Row:
    """For the JSON document; what does not apply is absent."""
    told: Row = {
        "name": "outage",
        "redis": row.phase.server,
        "phase": row.phase.store,
        "callers": callers,
        "calls": row.calls,
        "requests_per_s": round(row.requests_per_s, 1),
        "p50_ms": round(row.p50_ms, 3),
        "p99_ms": round(row.p99_ms, 3),
        "p99_first_second_ms": round(row.p99_first_ms, 3),
        "degraded_share": round(row.degraded, 4),
        "writes": row.writes,
        "writes_unavailable": row.unavailable,
        "writes_stored": row.stored,
        "failed": len(row.problems),
    }
    if row.p99_ratio is not None:
        told["p99_ratio"] = round(row.p99_ratio, 3)
    if row.recovered_s is not None:
        told["recovered_s"] = round(row.recovered_s, 3)
    if row.stored_s is not None:
        told["writes_recovered_s"] = round(row.stored_s, 3)
    return told


def table(rows: Sequence[Found]) -> Table:
    """Fits into 80 columns."""
    shown = Table(
        box=box.SIMPLE,
        padding=0,
        title="Recommend for known users while Redis fails",
        caption=f"p50, p99: ms, after the first second of a phase; x: over the normal p99, at most {RATIO_MAX:g} is "
        "promised. lost: answers without the profile. refused: writes. back: seconds from the return of Redis (its "
        "death, if killed) to an answer with the profile / a write stored.",
        caption_justify="left",
    )
    shown.add_column("redis", no_wrap=True)
    for title in ("calls", "req/s", "p50", "p99", "x", "lost", "refused", "failed", "back"):
        shown.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        back = "/".join("never" if s is None else f"{s:.2f}" for s in (row.recovered_s, row.stored_s))
        shown.add_row(
            row.phase.store if row.phase.server == OWN else f"{row.phase.server} {row.phase.store}",
            str(row.calls),
            f"{row.requests_per_s:.0f}",
            f"{row.p50_ms:.2f}",
            f"{row.p99_ms:.2f}",
            "" if row.p99_ratio is None else f"{row.p99_ratio:.2f}",
            f"{row.degraded:.1%}",
            f"{row.unavailable}/{row.writes}",
            str(len(row.problems)),
            back if row.phase.outage else "",
        )
    return shown


if __name__ == "__main__":
    main()
