"""What a flood does to a gateway: how much is still answered, how quickly, and how soon all is as before.

python -m loadtests.flood
python -m loadtests.flood --seconds 8 --callers 320,1280 --json

One gateway, its server processes on one core, h2load on the other. Capacity is what it answers to 64 callers that ask
again as soon as they are answered. Then come several times as many: a refused caller asks again at once, without
heeding the retry hint, so that what is offered is many times the capacity. After each flood the 64 are alone again.
h2load cannot tell an answer from a refusal: rates are the server's own counts, and the times of the admitted are
taken by WATCHERS clients that read what they get.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import grpc
import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from loadtests.bench.bodies import Bodies
from loadtests.bench.checks import counted
from loadtests.bench.frames import RECOMMEND, known, shuffled, unframe
from loadtests.bench.generate import Process, shares
from loadtests.bench.install import check_cores, check_installed
from loadtests.bench.pin import Cores, only_on, pin
from loadtests.bench.report import Result
from loadtests.bench.store import describe, shop
from loadtests.gateway import OwnGateway, orderly_end
from loadtests.ids import of_home
from loadtests.run import SMALL_ITEMS, SMALL_USERS
from loadtests.telling import tell
from serving.core.errors import StoregateError

CALLERS = 64
"""Of the normal phases."""
PROCESSES_MAX = 8
WATCHERS = 2
WATCH_S = 0.25
"""Between two looks at the server's counts."""
WINDOW_S = 0.5
"""Over which the rate after a flood is taken."""
WARM_S = 1.0
TIMEOUT_S = 2.0
AFTER_REFUSAL_S = 0.02
GOODPUT_MIN, RATIO_MAX, BACK_SHARE, BACK_S_MAX = 0.8, 2.0, 0.95, 2.0
"""What is promised: of the capacity, of the normal p99, of the normal rate, seconds."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Phase:
    """One stretch. counts: (time, answered, refused) by the server; times in seconds of the monotonic clock."""

    callers: int
    begun_s: float
    ended_s: float
    counts: tuple[tuple[float, int, int], ...]
    took_s: tuple[float, ...]
    """Of the watchers' answers."""

    def rates(self) -> tuple[float, float]:
        """(answered, refused) calls a second."""
        (first, answered, refused), (last, answered_after, refused_after) = self.counts[0], self.counts[-1]
        return (answered_after - answered) / (last - first), (refused_after - refused) / (last - first)

    def percentile_ms(self, share: float) -> float:
        """Of the admitted; NaN without any."""
        return 1000 * float(np.percentile(self.took_s, share)) if self.took_s else float("nan")

    def back_s(self, rate: float) -> float | None:
        """Seconds from the beginning until `rate` answers a second are reached over WINDOW_S; None = never."""
        for at, (begun, answered, _) in enumerate(self.counts):
            for ended, later, _ in self.counts[at + 1 :]:
                if ended - begun >= WINDOW_S:
                    if (later - answered) / (ended - begun) >= rate:
                        return begun - self.begun_s
                    break
        return None


@dataclass(frozen=True, slots=True)
class Found:
    """One phase against the normal one."""

    phase: Phase
    answered: float
    refused: float
    p50_ms: float
    p99_ms: float
    goodput: float
    """Share of the capacity."""
    ratio: float
    """p99 over the normal one."""
    back_s: float | None


def found(phases: Sequence[Phase]) -> list[Found]:
    """Figures of every phase; the first is the normal one, and every second one after it a flood."""
    capacity, normal_ms = phases[0].rates()[0], phases[0].percentile_ms(99)
    rows = []
    for phase in phases:
        answered, refused = phase.rates()
        rows.append(
            Found(
                phase, answered, refused, phase.percentile_ms(50), phase.percentile_ms(99), answered / capacity,
                phase.percentile_ms(99) / normal_ms, phase.back_s(BACK_SHARE * capacity),
            )
        )  # fmt: skip
    return rows


def broken(rows: Sequence[Found]) -> list[str]:
    """The promises that were not kept, in words; empty when all were."""
    said = []
    for number, row in enumerate(rows[1:], 1):
        name = f"{row.phase.callers} callers"
        if number % 2:
            if not row.goodput >= GOODPUT_MIN:
                said.append(f"{name}: {row.goodput:.0%} of the capacity is answered, {GOODPUT_MIN:.0%} is promised")
            if not row.ratio <= RATIO_MAX:
                said.append(f"{name}: p99 is {row.ratio:.2f} times the normal one, {RATIO_MAX:g} is promised")
        elif row.back_s is None or row.back_s > BACK_S_MAX:
            said.append(f"after it: {BACK_SHARE:.0%} of the normal rate comes after {row.back_s} s, not {BACK_S_MAX:g}")
    return said


class Watchers:
    """Clients that ask on and on, and note when an answer came and how long it took."""

    def __init__(self, target: str, bodies: Sequence[bytes]) -> None:
        self.seen: list[tuple[float, float]] = []
        self._enough = threading.Event()
        self._target, self._bodies = target, bodies
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(WATCHERS)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join(2 * TIMEOUT_S)

    def within(self, begun_s: float, ended_s: float) -> tuple[float, ...]:
        """Seconds of the answers to what was asked in that time."""
        return tuple(took for at, took in list(self.seen) if begun_s <= at < ended_s)

    def _run(self, number: int) -> None:
        with grpc.insecure_channel(self._target, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
            ask = channel.unary_unary(RECOMMEND)
            while not self._enough.is_set():
                begun = time.monotonic()
                try:
                    ask(self._bodies[number % len(self._bodies)], timeout=TIMEOUT_S)
                    self.seen.append((begun, time.monotonic() - begun))
                except grpc.RpcError:
                    self._enough.wait(AFTER_REFUSAL_S)
                number += WATCHERS


def measure(home: Path, seconds: float, floods: Sequence[int], seed: int, say: Say) -> tuple[Result, list[Found]]:
    """All phases; the notes of the result are the promises that were broken. Raises StoregateError."""
    check_installed()
    check_cores()
    begun = time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(orderly_end())
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storegate-flood-")))
        facts = shop(home, items=SMALL_ITEMS, users=SMALL_USERS, seed=seed, say=say)
        gateway = stack.enter_context(closing(OwnGateway(home, local=True, folder=work)))
        cores = Cores.choose()
        pin(gateway.tree.pids(), cores.server)
        stack.enter_context(only_on(cores.load))
        bodies = shuffled(known(of_home(home).users), seed)
        watchers = stack.enter_context(closing(Watchers(gateway.grpc_target, [unframe(body) for body in bodies])))
        phases = []
        with load(gateway, bodies, CALLERS, WARM_S, work):
            time.sleep(WARM_S)
        for callers in (CALLERS, *(number for flood in floods for number in (flood, CALLERS))):
            say(f"{callers} callers")
            phases.append(phase(gateway, watchers, bodies, callers, seconds, work))
    rows = found(phases)
    result = Result(
        command=" ".join(["python", "-m", "loadtests.flood", *sys.argv[1:]]),
        data=describe(facts),
        seed=seed,
        setup={"runtime": "local", "phase_s": seconds},
        rows=[as_row(row) for row in rows],
        seconds=time.monotonic() - begun,
        notes=broken(rows),
    )
    return result, rows


def phase(
    gateway: OwnGateway, watchers: Watchers, bodies: Sequence[bytes], callers: int, seconds: float, work: Path
) -> Phase:
    """`callers` at work for `seconds`, looked at now and then."""
    counts = []
    with load(gateway, bodies, callers, seconds, work) as files:
        begun = time.monotonic()
        while time.monotonic() < begun + seconds:
            counts.append((time.monotonic(), *counted(gateway.metrics(), RECOMMEND)))
            files.rewrite()
            time.sleep(WATCH_S)
        ended = time.monotonic()
    return Phase(callers, begun, ended, tuple(counts), watchers.within(begun, ended))


@contextmanager
def load(gateway: OwnGateway, bodies: Sequence[bytes], callers: int, seconds: float, work: Path) -> Iterator[Bodies]:
    """h2load at work for so long; inside, what it sends can be changed."""
    streams = shares(callers, PROCESSES_MAX)
    with Bodies(work, bodies, len(streams)) as files:
        processes = [
            Process(gateway.grpc_target, RECOMMEND, files.paths[number], share, seconds, work, number)
            for number, share in enumerate(streams)
        ]
        try:
            yield files
        finally:
            for process in processes:
                process.kill()


def as_row(row: Found) -> dict[str, object]:
    """For JSON."""
    return {
        "callers": row.phase.callers,
        "answered_per_s": round(row.answered, 1),
        "refused_per_s": round(row.refused, 1),
        "p50_ms": round(row.p50_ms, 2),
        "p99_ms": round(row.p99_ms, 2),
        "goodput": round(row.goodput, 3),
        "p99_ratio": round(row.ratio, 2),
        "back_s": None if row.back_s is None else round(row.back_s, 2),
    }


def table(rows: Sequence[Found]) -> Table:
    """For a terminal."""
    out = Table(box=box.SIMPLE_HEAD)
    for name in ("callers", "offered/s", "answered/s", "of capacity", "p50 ms", "p99 ms", "x normal", "back after s"):
        out.add_column(name, justify="right")
    for row in rows:
        out.add_row(
            str(row.phase.callers), f"{row.answered + row.refused:,.0f}", f"{row.answered:,.0f}", f"{row.goodput:.0%}",
            f"{row.p50_ms:.1f}", f"{row.p99_ms:.1f}", f"{row.ratio:.2f}",
            "" if row.back_s is None else f"{row.back_s:.2f}",
        )  # fmt: skip
    return out


@click.command()
@click.option("--seconds", type=click.FloatRange(2, 300), default=6.0, show_default=True, help="A phase.")
@click.option("--callers", default="320,1280", show_default=True, help="Of each flood, with commas between.")
@click.option("--json", "json_", is_flag=True, help="One JSON object on standard output instead of the table.")
@click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), default=Path("var/loadtests/home"), show_default=True,
    help="A small demo store is made there when nothing has been trained.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def main(seconds: float, callers: str, json_: bool, home: Path, seed: int) -> None:
    """Recommend for known users, by far too many callers; ends with 1 when a promise is broken."""
    try:
        floods = [int(one) for one in callers.split(",")]
    except ValueError:
        raise click.UsageError(f"--callers: got {callers!r}, expected whole numbers with commas between") from None
    log = Console(stderr=True, highlight=False)
    try:
        result, rows = measure(home.absolute(), seconds, floods, seed, lambda line: log.print(line, style="dim"))
    except (StoregateError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    tell(result, table(rows), json=json_)


if __name__ == "__main__":
    main()
