"""What is lost when a model is swapped, replicas are replaced, or a process is killed, and how soon all is well again.

python -m loadtests.failures
python -m loadtests.failures --way edge --only rollout,replica --json

Gateways of its own on Ray with two replicas, on a copy of the home: one behind its edge, asked by plain gRPC clients
and by the shipped client beside each other; one whose replicas share a port, asked by the shipped client. Under steady
load one thing happens after another; each must mend itself before the next. Processes are found below our own gateway
and killed by their id.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
import psutil  # type: ignore[import-untyped]
from rich.console import Console

from loadtests.bench.report import Result
from loadtests.bench.store import describe, shop
from loadtests.crowd import Crowd, Plain, Shipped, shipped_client
from loadtests.failures_report import Allowed, Blow, Cost, as_rows, broken, cost, table
from loadtests.gateway import OwnGateway, admin, answers_ping, orderly_end
from loadtests.ids import Ids, of_home
from loadtests.outage import kill
from loadtests.run import SMALL_ITEMS, SMALL_USERS
from loadtests.telling import tell
from serving.adapters.releases import Release, live
from serving.adapters.versions import PARTS, folder, promote, write_version
from serving.core.errors import NotReady, StoregateError
from serving.runtime.home import Replica
from serving.runtime.rolling import SIGNAL

REPLICAS = 2
PAUSE_S = 0.01
"""Between an answer and the next question of a caller: steady load, not as much as there can be."""
SETTLE_S = 2.0
"""Before each event, and after it has mended."""
POLL_S = 0.05
NOT_IN_A_COPY: Final = ("run", "redis")
"""What belongs to a running gateway."""

Say = Callable[[str], None]
Mended = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens. strike: does it, and gives what tells whether all is well again. plain, shipped: how many
    calls of these clients may fail. edge_only: there must be an edge."""

    title: str
    strike: Callable[[OwnGateway], Mended]
    plain: Allowed
    shipped: Allowed
    edge_only: bool = False


def swap(gateway: OwnGateway) -> Mended:
    """The live release once more under another name."""
    home, release = gateway.home, live(gateway.home)
    name = f"{release.release}-again"[-60:]
    for part in PARTS:
        old = folder(home, part, release.models[part])
        write_version(home, part, name, {file.name: file for file in old.iterdir() if file.name != "SHA256SUMS"})
    promote(home, Release(name, dict.fromkeys(PARTS, name)))
    told = f'release="{name}"'
    return lambda: all(told in admin(replica, "/metrics")[1] for replica in all_of(gateway))


def rollout(gateway: OwnGateway) -> Mended:
    """Every replica is replaced."""
    old = {replica.name for replica in gateway.ready_replicas()}
    os.kill(gateway.pid, SIGNAL)

    def mended() -> bool:
        names = {replica.name for replica in gateway.ready_replicas()}
        return len(names) == REPLICAS and not names & old

    return mended


def kill_replica(gateway: OwnGateway) -> Mended:
    victim = gateway.ready_replicas()[0]
    kill(psutil.Process(victim.pid))
    return lambda: victim.name not in {replica.name for replica in all_of(gateway)} and bool(all_of(gateway))


def kill_controller(gateway: OwnGateway) -> Mended:
    """Ray Serve's: nobody places, watches or scales until Ray has started another one."""
    return kill_one(gateway, lambda line: line.startswith("ray::ServeController"))


def kill_redis(gateway: OwnGateway) -> Mended:
    """The embedded one."""
    return kill_one(gateway, lambda line: Path(line.split(" ")[0]).name in ("redis-server", "valkey-server"))


def kill_edge(gateway: OwnGateway) -> Mended:
    revived = kill_one(gateway, lambda line: Path(line.split(" ")[0]).name == "haproxy")
    return lambda: revived() and answers_ping(gateway.grpc_target)


EVENTS: Final[Mapping[str, Event]] = {
    "swap": Event("model swap", swap, Allowed.NONE, Allowed.NONE),
    "rollout": Event("rolling update", rollout, Allowed.NONE, Allowed.NONE),
    "controller": Event("controller killed", kill_controller, Allowed.NONE, Allowed.NONE),
    "replica": Event("replica killed", kill_replica, Allowed.IN_FLIGHT, Allowed.NONE),
    "redis": Event("redis killed", kill_redis, Allowed.NONE, Allowed.NONE),
    "edge": Event("edge killed", kill_edge, Allowed.RECORDED, Allowed.RECORDED, edge_only=True),
}
"""In this order: a replica that is replaced shows that the controller that came back does its work."""


def kill_one(gateway: OwnGateway, is_it: Callable[[str], bool]) -> Mended:
    """Kills the process below the gateway whose command line is it. Raises NotReady when there is none."""
    found = [process for process, line in lines(gateway) if is_it(line)]
    if not found:
        raise NotReady("there is no such process below the gateway")
    kill(found[0])
    before = {process.pid for process in found}
    return lambda: any(process.pid not in before for process, line in lines(gateway) if is_it(line))


def lines(gateway: OwnGateway) -> Iterator[tuple[psutil.Process, str]]:
    """The living processes of the gateway with their command lines."""
    for process in gateway.tree.processes():
        try:
            if process.status() != psutil.STATUS_ZOMBIE:
                yield process, " ".join(process.cmdline())
        except psutil.NoSuchProcess:
            continue


def all_of(gateway: OwnGateway) -> list[Replica]:
    """The ready replicas, if all are; else none."""
    ready = gateway.ready_replicas()
    return ready if len(ready) == REPLICAS else []


def under_load(
    gateway: OwnGateway, way: str, clients: Sequence[str], events: Sequence[Event], patience_s: float, say: Say
) -> list[Blow]:
    """One event after another, as each client will have seen it."""
    blows = []
    for event in events:
        time.sleep(SETTLE_S)
        say(f"{way}: {event.title}")
        begun_s = time.monotonic()
        mended = event.strike(gateway)
        struck_s = time.monotonic()
        back_s = awaited(gateway, mended, patience_s)
        time.sleep(SETTLE_S)
        ended_s = time.monotonic()
        for client in clients:
            allowed = event.plain if client == "plain" else event.shipped
            blows.append(Blow(event.title, way, client, allowed, begun_s, struck_s, back_s, ended_s))
    return blows


def awaited(gateway: OwnGateway, mended: Mended, patience_s: float) -> float | None:
    """When all was well again; None = not in time. Raises NotReady when the gateway itself has ended."""
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        if gateway.ended:
            raise NotReady("the gateway has ended")
        if mended():
            return time.monotonic()
        time.sleep(POLL_S)
    return None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done. callers: of each client. events: of EVENTS, by name. patience_s: for each to mend."""

    ways: Sequence[str]
    callers: int
    events: Sequence[str]
    patience_s: float


def one_way(way: str, home: Path, work: Path, plan: Plan, say: Say) -> list[Cost]:
    """A gateway, its callers, the events."""
    events = [EVENTS[name] for name in plan.events if way == "edge" or not EVENTS[name].edge_only]
    say(f"{way}: starting a gateway on Ray with {REPLICAS} replicas")
    settings = {"runtime.replicas": str(REPLICAS), **({"edge.haproxy": "own"} if way == "edge" else {})}
    with ExitStack() as stack:
        gateway = stack.enter_context(closing(OwnGateway(home, local=False, folder=work, settings=settings)))
        client = stack.enter_context(shipped_client(gateway.grpc_target))
        crowds = crowds_of(gateway.grpc_target, client, of_home(home), way)
        with ExitStack() as at_work:
            for crowd in crowds.values():
                at_work.enter_context(crowd).resize(plan.callers, PAUSE_S)
            blows = under_load(gateway, way, list(crowds), events, plan.patience_s, say)
        # Now that all have left, no call is still under way, and none is missed.
        return [cost(blow, crowds[blow.client].asked()) for blow in blows]


def crowds_of(target: str, client: object, ids: Ids, way: str) -> dict[str, Crowd]:
    """Client -> its callers. Without an edge a plain client is promised nothing."""
    shipped = {"shipped": Crowd(Shipped, client, ids, parts=1)}  # type: ignore[arg-type]
    return {"plain": Crowd(Plain, target, ids, parts=1), **shipped} if way == "edge" else shipped


def measure(home: Path, plan: Plan, seed: int, say: Say) -> tuple[Result, list[Cost]]:
    """All ways; the notes of the result are the promises that were broken. Raises StoregateError."""
    begun = time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(orderly_end())
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storegate-failures-")))
        facts = shop(home, items=SMALL_ITEMS, users=SMALL_USERS, seed=seed, say=say)
        copy = shutil.copytree(home, work / "home", ignore=shutil.ignore_patterns(*NOT_IN_A_COPY))
        costs = [each for way in plan.ways for each in one_way(way, copy, work, plan, say)]
    result = Result(
        command=" ".join(["python", "-m", "loadtests.failures", *sys.argv[1:]]),
        data=describe(facts),
        seed=seed,
        setup={"runtime": "ray", "replicas": REPLICAS, "callers of each client": plan.callers},
        rows=as_rows(costs),
        seconds=time.monotonic() - begun,
        notes=broken(costs),
    )
    return result, costs


@click.command()
@click.option("--way", type=click.Choice(["edge", "direct", "both"]), default="both", show_default=True)
@click.option("--only", default=",".join(EVENTS), show_default=True, metavar="A,B", help="Some of the events.")
@click.option("--callers", type=click.IntRange(1, 64), default=4, show_default=True, help="Of each client.")
@click.option(
    "--patience", type=click.FloatRange(10, 3600), default=150.0, show_default=True,
    help="Seconds for each to mend; more on a busy machine.",
)  # fmt: skip
@click.option("--json", "json_", is_flag=True, help="One JSON object on standard output instead of the table.")
@click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), default=Path("var/loadtests/home"), show_default=True,
    help="A small demo store is made there when nothing has been trained; a copy of it is served.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def main(way: str, only: str, callers: int, patience: float, json_: bool, home: Path, seed: int) -> None:
    """Kills, replaces and swaps under steady load; ends with 1 when a promise is broken."""
    names = only.split(",")
    if unknown := [name for name in names if name not in EVENTS]:
        raise click.BadParameter(f"no event {unknown[0]!r}: there are {', '.join(EVENTS)}", param_hint="--only")
    log = Console(stderr=True, highlight=False)
    plan = Plan(("edge", "direct") if way == "both" else (way,), callers, names, patience)
    try:
        result, costs = measure(home.absolute(), plan, seed, lambda line: log.print(line, style="dim"))
    except (StoregateError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    tell(result, table(costs), json=json_)


if __name__ == "__main__":
    main()
