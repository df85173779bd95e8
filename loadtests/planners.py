"""What pages feel of planners on the same machine: p99 of `Recommend` alone and beside eight of them, in turn.

python -m loadtests.planners
python -m loadtests.planners --spare-cores 0 --json
python -m loadtests.planners --scheduling nice
python -m loadtests.planners --no-realtime
python -m loadtests.planners --local

A gateway of its own. Planners keep off the first core (`workers.*.spare_cores`), and callers of pages keep to it: what
they wait for a planner's slice is none of the gateway's. Pages are asked for at a fixed rate by an open loop; their
time counts from when they were to be sent. Callers of plans ask again as soon as they are answered, in a process of
their own on the planners' cores. A stretch of which another machine on the same host took its part is made again.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import click
import grpc
import numpy as np
import psutil  # type: ignore[import-untyped]
from rich import box
from rich.console import Console
from rich.table import Table

from loadtests.bench.frames import RECOMMEND, known, shuffled, unframe
from loadtests.bench.process import spent
from loadtests.bench.report import Result
from loadtests.bench.store import describe, shop
from loadtests.gateway import OwnGateway, orderly_end
from loadtests.ids import of_home
from loadtests.planner_callers import CHANNEL, Planners, planned
from loadtests.planner_calls import Ask, asks
from loadtests.run import SMALL_ITEMS, SMALL_USERS
from loadtests.telling import tell
from serving.core.errors import StoregateError
from serving.core.priority import cores
from serving.runtime.home import workers
from serving.runtime.process import tune
from serving.runtime.worker_params import IDLE, NICE, PlannerParams

WORKERS: Final = ("place", "route")
RATIO_MAX: Final = 1.2
"""p99 of Recommend beside the planners over its own without them: the promise."""
WARM_S: Final = 240.0
"""For a first plan of each kind, which may have to compile."""
PAGE_S: Final = 10.0
WARM_PAGES = 200
CPU_DIGITS = 2
GIL_SWITCH_S: Final = 0.0002
"""A caller that has its page waits no longer than that for another caller with Python's lock."""
STOLEN_MAX: Final = 0.005
"""Of the processors' time, by the host for other machines (`steal` of proc(5)): more, and a stretch tells of those."""
TRIES: Final = 4
"""For a stretch with less; the last one counts whatever was stolen."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Stretch:
    """beside: planners were at work. took_ms: of the pages. cores: that the planners' processes used, None = they have
    no process of their own. stolen: the share of all processors' time that the host took."""

    beside: bool
    took_ms: tuple[float, ...]
    failed: tuple[str, ...] = ()
    plans: int = 0
    cores: float | None = None
    stolen: float = 0.0


class Pages:
    """An open loop, at work from construction on: arrivals of a Poisson process, shared by a few callers."""

    def __init__(self, target: str, bodies: Sequence[bytes], rate: float, callers: int, seed: int) -> None:
        self.took_ms: list[float] = []
        self.failed: list[str] = []
        self._target, self._bodies = target, bodies
        self._enough = threading.Event()
        rngs = np.random.default_rng(seed).spawn(callers)
        self._threads = [threading.Thread(target=self._run, args=(rng, rate / callers)) for rng in rngs]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Lets each caller finish the call it has."""
        self._enough.set()
        for thread in self._threads:
            thread.join()

    def _run(self, rng: np.random.Generator, rate: float) -> None:
        with grpc.insecure_channel(self._target, options=CHANNEL) as channel:
            ask = channel.unary_unary(RECOMMEND)
            due = time.monotonic()
            while True:
                due += float(rng.exponential(1 / rate))
                if self._enough.wait(max(due - time.monotonic(), 0.0)):
                    return
                try:
                    ask(self._bodies[int(rng.integers(len(self._bodies)))], timeout=PAGE_S)
                    self.took_ms.append(1000 * (time.monotonic() - due))
                except grpc.RpcError as error:
                    self.failed.append(f"Recommend: {error.code().name}: {error.details()}")


def _there(channel: grpc.Channel, kind: Ask, until: float) -> bool:
    """Whether its worker answers: a gateway is ready before its workers are. Raises grpc.RpcError after `until`."""
    try:
        planned(channel, kind, WARM_S)
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.UNAVAILABLE or time.monotonic() > until:
            raise
        return False
    return True


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked of a gateway. planners: at once; seconds: of a stretch. plan_cores: of who asks for plans, none =
    those of the calling thread."""

    target: str
    bodies: Sequence[bytes]
    kinds: Sequence[Ask]
    planners: int
    rate: float
    callers: int
    seconds: float
    plan_cores: tuple[int, ...] = ()

    def warm(self) -> None:
        """A first plan of each kind, and pages. Raises grpc.RpcError."""
        with grpc.insecure_channel(self.target, options=CHANNEL) as channel:
            until = time.monotonic() + WARM_S
            for kind in {kind.method: kind for kind in self.kinds}.values():
                while not _there(channel, kind, until):
                    time.sleep(0.2)
            ask = channel.unary_unary(RECOMMEND)
            for number in range(WARM_PAGES):
                ask(self.bodies[number % len(self.bodies)], timeout=PAGE_S)

    def stretch(self, beside: bool, seed: int, used: Callable[[], float | None] = lambda: None) -> Stretch:
        """Pages for so long, alone or beside the planners. used: seconds of the processor that planners have had."""
        planners = Planners(self.target, self.kinds, self.planners, self.plan_cores) if beside else None
        with planners or nullcontext():
            before, began, host = used(), time.monotonic(), psutil.cpu_times()
            pages = Pages(self.target, self.bodies, self.rate, self.callers, seed)
            try:
                time.sleep(self.seconds)
            finally:
                pages.close()
            after, took, stolen = used(), time.monotonic() - began, stolen_since(host)
        cores = None if before is None or after is None else (after - before) / took
        plans, failed = (planners.plans.total(), planners.failed) if planners else (0, [])
        return Stretch(beside, tuple(pages.took_ms), (*pages.failed, *failed), plans, cores, stolen)


def stolen_since(before: Any) -> float:
    """Share of the processors' time that the host took since those times of psutil; 0 where it does not tell."""
    now = psutil.cpu_times()
    spent_s = sum(now) - sum(before)
    return float((now.steal - before.steal) / spent_s) if hasattr(now, "steal") and spent_s > 0 else 0.0


def undisturbed(make: Callable[[], Stretch], say: Say) -> Stretch:
    """The first stretch of which the host took next to nothing, or the last that was tried. A call that failed fails
    the test whatever the host took."""
    failed: tuple[str, ...] = ()
    for _ in range(TRIES):
        one = make()
        failed += one.failed
        if one.stolen <= STOLEN_MAX:
            break
        say(f"the host took {100 * one.stolen:.1f} % of the time")
    return replace(one, failed=failed)


def summary(stretches: Sequence[Stretch]) -> tuple[list[dict[str, Any]], list[str]]:
    """A row for pages alone and one for pages beside planners, and what was broken. Percentiles are medians over the
    stretches of a kind, so that one disturbed moment does not stand for all; the ratio is the median of `ratios`, as a
    machine's speed may change from minute to minute."""
    rows: list[dict[str, Any]] = []
    for name, beside in (("recommend alone", False), ("recommend beside planners", True)):
        some = [one for one in stretches if one.beside == beside and one.took_ms]
        if not some:
            return [], [f"{name}: no page was answered"]
        p50, p99 = (float(np.median([np.percentile(one.took_ms, p) for one in some])) for p in (50, 99))
        rows.append(
            {
                "name": name, "served": True, "calls": sum(len(one.took_ms) for one in some), "p50_ms": round(p50, 3),
                "p99_ms": round(p99, 3), "worst_ms": round(max(max(one.took_ms) for one in some), 1),
                "stolen_pct": round(100 * max(one.stolen for one in some), 1),
            }
        )  # fmt: skip
    busy = [one for one in stretches if one.beside]
    ratio, plans = float(np.median(ratios(stretches))), sum(one.plans for one in busy)
    rows[1] |= {"ratio": round(ratio, 2), "plans": plans}
    cores = [one.cores for one in busy if one.cores is not None]
    if cores:
        rows[1]["planner_cores"] = round(sum(cores) / len(cores), CPU_DIGITS)
    problems = [problem for one in stretches for problem in one.failed]
    notes = [f"{len(problems)} calls failed, the first: {problems[0]}"] if problems else []
    if not plans:
        notes.append("no plan was made beside the pages")
    if ratio > RATIO_MAX:
        notes.append(f"p99 is {ratio:.2f} times as long beside planners, {RATIO_MAX} is promised")
    return rows, notes


def ratios(stretches: Sequence[Stretch]) -> list[float]:
    """Of each stretch beside planners: its p99 over the mean of those of its neighbours without."""
    some = [one for one in stretches if one.took_ms]
    p99s = [float(np.percentile(one.took_ms, 99)) for one in some]
    found: list[float] = []
    for at, one in enumerate(some):
        alone = [p99s[n] for n in (at - 1, at + 1) if 0 <= n < len(some) and not some[n].beside]
        if one.beside and alone:
            found.append(p99s[at] / float(np.mean(alone)))
    return found


def measure(
    home: Path, load: dict[str, Any], *, local: bool, scheduling: str, spare_cores: int, realtime: bool,
    search_s: float, stretches: int, seed: int, say: Say,
) -> Result:  # fmt: skip
    """Raises StoregateError, grpc.RpcError. The notes of the result are broken promises."""
    begun = time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(orderly_end())
        tune(GIL_SWITCH_S)
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storegate-planners-")))
        facts = shop(home, items=SMALL_ITEMS, users=SMALL_USERS, seed=seed, say=say)
        bodies = [unframe(body) for body in shuffled(known(of_home(home).users), seed)]
        settings = {f"workers.{name}.scheduling": scheduling for name in WORKERS}
        settings |= {f"workers.{name}.spare_cores": str(spare_cores) for name in WORKERS}
        settings["server.realtime"] = str(realtime).lower()
        gateway = stack.enter_context(closing(OwnGateway(home, local=local, folder=work, settings=settings)))
        others = stack.enter_context(keeping_to(0 if local else spare_cores))
        what = Load(gateway.grpc_target, bodies, asks(search_s, seed), **load, plan_cores=others)
        say("the first plans")
        what.warm()
        found: list[Stretch] = []
        for number in range(2 * stretches + 1):  # the first one warms up
            one = undisturbed(
                lambda number=number: what.stretch(  # type: ignore[misc]  # mypy knows no defaults of lambdas
                    number % 2 == 1, number, lambda: None if local else used_s(gateway)
                ),
                say,
            )
            if number and one.took_ms:
                found.append(one)
                p99 = np.percentile(one.took_ms, 99)
                say(f"{'beside' if one.beside else 'alone'}: p99 {p99:.2f} ms of {len(one.took_ms):,}")
    rows, notes = summary(found)
    setup = {"runtime": "local" if local else "ray", "scheduling": scheduling, "spare_cores": spare_cores,
             "realtime": realtime, "stretches": stretches, "search_s": search_s, **load}  # fmt: skip
    command = " ".join(["python", "-m", "loadtests.planners", *sys.argv[1:]])
    return Result(command, describe(facts), seed, setup, rows, time.monotonic() - begun, notes)


@contextmanager
def keeping_to(first: int) -> Iterator[tuple[int, ...]]:
    """Inside, this thread and those that it starts take the first so many cores alone; the others are given, none where
    there are none, 0 are asked for, or the system does not tell."""
    before = cores()
    ours, others = before[:first], before[first:]
    if not (ours and others):
        yield ()
        return
    os.sched_setaffinity(0, ours)
    try:
        yield tuple(others)
    finally:
        os.sched_setaffinity(0, before)


def used_s(gateway: OwnGateway) -> float:
    """Of the processor, by the processes of planners."""
    mine = {one.pid for one in workers(gateway.home) if one.worker in WORKERS}
    return spent({}, {key: seconds for key, seconds in gateway.tree.cpu().items() if key[0] in mine})


def table(rows: Sequence[dict[str, Any]]) -> Table:
    """For a terminal."""
    out = Table(box=box.SIMPLE_HEAD)
    titles = {"calls": "pages", "p50_ms": "p50 ms", "p99_ms": "p99 ms", "worst_ms": "worst ms", "ratio": "x",
              "plans": "plans", "planner_cores": "their cores", "stolen_pct": "stolen %"}  # fmt: skip
    out.add_column("")
    for title in titles.values():
        out.add_column(title, justify="right")
    for row in rows:
        out.add_row(row["name"], *(f"{row[key]:,}" if key in row else "" for key in titles))
    return out


@click.command()
@click.option("--planners", type=click.IntRange(1, 64), default=8, show_default=True, help="At once.")
@click.option("--search", type=click.FloatRange(0.05, 30), default=0.5, show_default=True, help="Seconds of a plan.")
@click.option("--rate", type=click.FloatRange(1, 10_000), default=200.0, show_default=True, help="Pages a second.")
@click.option("--callers", type=click.IntRange(1, 64), default=4, show_default=True, help="Of pages.")
@click.option("--seconds", type=click.FloatRange(0.5, 120), default=8.0, show_default=True, help="A stretch.")
@click.option("--stretches", type=click.IntRange(1, 100), default=9, show_default=True, help="Of each kind.")
@click.option(
    "--scheduling", type=click.Choice([IDLE, NICE]), default=PlannerParams().scheduling, show_default=True,
    help="Of the planners.",
)  # fmt: skip
@click.option(
    "--spare-cores", type=click.IntRange(0, 1024), default=PlannerParams().spare_cores, show_default=True,
    help="That planners keep off.",
)  # fmt: skip
@click.option(
    "--realtime/--no-realtime", default=True, show_default=True,
    help="Whether what computes pages asks for SCHED_FIFO on the planners' cores (server.realtime).",
)  # fmt: skip
@click.option("--local", is_flag=True, help="Without Ray: planners are threads of the gateway's own process.")
@click.option("--json", "json_", is_flag=True, help="One JSON object on standard output instead of the table.")
@click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), default=Path("var/loadtests/home"), show_default=True,
    help="A small demo store is made there when nothing has been trained.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def main(
    search: float, stretches: int, scheduling: str, spare_cores: int, realtime: bool, local: bool, json_: bool,
    home: Path, seed: int, **load: float,
) -> None:  # fmt: skip
    """Ends with 1 when a call failed or the promise was broken."""
    log = Console(stderr=True, highlight=False)
    try:
        result = measure(
            home.absolute(), load, local=local, scheduling=scheduling, spare_cores=spare_cores,
            realtime=realtime, search_s=search, stretches=stretches, seed=seed,
            say=lambda line: log.print(line, style="dim"),
        )  # fmt: skip
    except (StoregateError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    except grpc.RpcError as error:
        raise click.ClickException(f"{error.code().name}: {error.details()}") from error
    tell(result, table(result.rows), json=json_)


if __name__ == "__main__":
    main()
