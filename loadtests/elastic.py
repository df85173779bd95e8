"""Replicas that follow the load, seen from outside: a step of load makes them more, its end makes them fewer again.

python -m loadtests.elastic
python -m loadtests.elastic --replicas-max 2 --hold 5 --json
python -m loadtests.elastic --plot elastic.svg

A gateway of its own on Ray, with one replica, behind its edge. A few calm callers ask; then many who never pause; when
as many replicas serve as may be, and some time has passed, the calm ones are alone again until one replica is left.
Every answer is read: not one call may fail. What a call asks for is a page of several placements, so that a few callers
in Python are enough. On a machine with few cores the replicas share them with each other and with the callers: the run
shows that replicas come and go without a failed call, not that more of them answer more.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import psutil  # type: ignore[import-untyped]
from rich.console import Console

from loadtests.bench.checks import counted
from loadtests.bench.report import Result
from loadtests.bench.store import describe, shop
from loadtests.crowd import METHOD, TIMEOUT_S, Crowd, Plain, Shipped, shipped_client
from loadtests.elastic_report import Newcomer, Seen, Story, as_rows, broken, svg, table
from loadtests.gateway import OwnGateway, admin, orderly_end
from loadtests.ids import Ids, of_home
from loadtests.run import SMALL_ITEMS, SMALL_USERS
from loadtests.telling import tell
from serving.core.errors import NotReady, StoregateError

CALM_CALLERS, CALM_PAUSE_S = 2, 0.2
PARTS = 12
"""Placements in one call."""
LOOK_S = 0.25
SCALING = {"up_delay_s": "1", "down_delay_s": "8", "queue_target": "4"}
"""Settings of the gateway: a run need not last for minutes, and a few callers must do."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done. callers: during the step. hold_s: before the step, and with all replicas. patience_s: for all
    replicas to come, and for all but one to go. way: "edge" or "direct"."""

    replicas_max: int
    callers: int
    hold_s: float
    patience_s: float
    way: str


@click.command()
@click.option("--replicas-max", type=click.IntRange(2, 8), default=3, show_default=True)
@click.option("--callers", type=click.IntRange(2, 256), default=8, show_default=True, help="During the step.")
@click.option(
    "--hold", type=click.FloatRange(1, 300), default=10.0, show_default=True,
    help="Seconds before the step, and with all replicas.",
)  # fmt: skip
@click.option(
    "--patience", type=click.FloatRange(10, 3600), default=120.0, show_default=True,
    help="Seconds for all replicas to come, and for all but one to go; more on a busy machine.",
)  # fmt: skip
@click.option("--way", type=click.Choice(["edge", "direct"]), default="edge", show_default=True,
              help="direct: no edge, a shared port, and the shipped client, which retries.")  # fmt: skip
@click.option("--json", "json_", is_flag=True, help="One JSON object on standard output instead of the table.")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Writes an SVG there.")
@click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), default=Path("var/loadtests/home"), show_default=True,
    help="A small demo store is made there when nothing has been trained.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def main(
    replicas_max: int, callers: int, hold: float, patience: float, way: str, json_: bool, plot: Path | None,
    home: Path, seed: int,
) -> None:  # fmt: skip
    """One replica, many, one again under a step of load; ends with 1 when a promise is broken."""
    log = Console(stderr=True, highlight=False)
    plan = Plan(replicas_max, callers, hold, patience, way)
    try:
        result, story = measure(home.absolute(), plan, seed, lambda line: log.print(line, style="dim"))
    except (StoregateError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    if plot is not None:
        plot.write_text(svg(story))
    tell(result, table(story), json=json_)


def measure(home: Path, plan: Plan, seed: int, say: Say) -> tuple[Result, Story]:
    """The whole run; the notes of the result are the promises that were broken. Raises StoregateError."""
    begun = time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(orderly_end())
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storegate-elastic-")))
        facts = shop(home, items=SMALL_ITEMS, users=SMALL_USERS, seed=seed, say=say)
        say("starting a gateway on Ray with one replica")
        settings = {
            "runtime.replicas_max": str(plan.replicas_max),
            **{f"runtime.scaling.{name}": value for name, value in SCALING.items()},
            **({"edge.haproxy": "own"} if plan.way == "edge" else {}),
        }
        gateway = stack.enter_context(closing(OwnGateway(home, local=False, folder=work, settings=settings)))
        story = step(gateway, of_home(home), plan, say)
    result = Result(
        command=" ".join(["python", "-m", "loadtests.elastic", *sys.argv[1:]]),
        data=describe(facts),
        seed=seed,
        setup={"runtime": "ray", **asdict(plan), "calm callers": CALM_CALLERS, "placements": PARTS},
        rows=as_rows(story),
        seconds=time.monotonic() - begun,
        notes=broken(story, plan.replicas_max),
    )
    return result, story


def step(gateway: OwnGateway, ids: Ids, plan: Plan, say: Say) -> Story:
    """Calm, many callers, calm again; looked at all the while. Raises NotReady when the replicas do not follow."""
    watch = Watch(gateway)
    with ExitStack() as stack:
        crowd = stack.enter_context(crowd_of(stack, gateway, ids, plan.way))
        crowd.resize(CALM_CALLERS, CALM_PAUSE_S)
        watch.for_s(plan.hold_s, CALM_CALLERS)
        say(f"{plan.callers} callers")
        step_s = time.monotonic()
        crowd.resize(plan.callers)
        watch.until(lambda: watch.serving >= plan.replicas_max, plan.patience_s, plan.callers, "all replicas serve")
        watch.for_s(plan.hold_s, plan.callers)
        say(f"{CALM_CALLERS} callers")
        calm_s = time.monotonic()
        crowd.resize(CALM_CALLERS, CALM_PAUSE_S)
        watch.until(lambda: watch.present == 1, plan.patience_s, CALM_CALLERS, "one replica is left")
        watch.for_s(min(plan.hold_s, TIMEOUT_S), CALM_CALLERS)
    return Story(
        plan.way, watch.begun_s, step_s, calm_s, tuple(watch.seen), tuple(crowd.asked()), watch.newcomers(step_s)
    )


def crowd_of(stack: ExitStack, gateway: OwnGateway, ids: Ids, way: str) -> Crowd:
    """Plain callers of the edge, or the shipped client directly."""
    if way == "edge":
        return Crowd(Plain, gateway.grpc_target, ids, PARTS)
    return Crowd(Shipped, stack.enter_context(shipped_client(gateway.grpc_target)), ids, PARTS)


class Watch:
    """Looks at the replicas now and then: who is there, and who has answered something."""

    def __init__(self, gateway: OwnGateway) -> None:
        self.begun_s = time.monotonic()
        self.seen: list[Seen] = []
        self.present = self.serving = 0
        self._gateway = gateway
        self._served: dict[str, First] = {}

    def for_s(self, seconds: float, callers: int) -> None:
        """Looks for so long."""
        for now in ticks(seconds):
            self._look(now, callers)

    def until(self, done: Callable[[], bool], seconds: float, callers: int, what: str) -> None:
        """Looks until `done`. Raises NotReady, naming `what`, when that does not come true in time."""
        for now in ticks(seconds):
            self._look(now, callers)
            if done():
                return
        raise NotReady(f"not within {seconds:g} s: {what}")

    def newcomers(self, step_s: float) -> tuple[Newcomer, ...]:
        """Those that served first after the step, in that order."""
        return tuple(
            Newcomer(max(first.made_s, step_s), first.served_s, first.cpu_s)
            for first in sorted(self._served.values(), key=lambda first: first.served_s)
            if first.served_s > step_s
        )

    def _look(self, now: float, callers: int) -> None:
        """Raises NotReady when the gateway has ended."""
        if self._gateway.ended:
            raise NotReady("the gateway has ended")
        ready = self._gateway.ready_replicas()
        for replica in ready:
            if replica.name not in self._served and counted([admin(replica, "/metrics")[1]], METHOD)[0]:
                with suppress(psutil.NoSuchProcess):
                    self._served[replica.name] = first_answer(psutil.Process(replica.pid))
        names = {replica.name for replica in ready}
        self.present, self.serving = len(names), len(names & self._served.keys())
        self.seen.append(Seen(now, self.present, self.serving, callers))


@dataclass(frozen=True, slots=True)
class First:
    """A replica when it was first seen to have answered. Seconds of the monotonic clock; cpu_s: it has used so far.

    made_s: when its process was made: Ray makes one, or takes one that waits, once it has granted the cores.
    """

    made_s: float
    served_s: float
    cpu_s: float


def first_answer(process: psutil.Process) -> First:
    """Raises psutil.NoSuchProcess."""
    now, used = time.monotonic(), process.cpu_times()
    return First(now - (time.time() - process.create_time()), now, used.user + used.system)


def ticks(seconds: float) -> Iterator[float]:
    """Moments LOOK_S apart, for so long."""
    now = until = time.monotonic()
    until += seconds
    while now < until:
        yield now
        time.sleep(LOOK_S)
        now = time.monotonic()


if __name__ == "__main__":
    main()
