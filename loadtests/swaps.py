"""Models swapped under load: whether a call fails, what it does to the others, and whether memory grows.

python -m loadtests.swaps
python -m loadtests.swaps --swaps 1000 --callers 8 --json

One gateway on a copy of the home, in which the live release is published a second time under another name. Callers
ask all the while; a stretch without swaps and one in which the two releases are promoted in turn, as fast as the
gateway answers, take turns, so that whatever else the machine does touches both. Where there are two cores the server
has one and the callers the other; on one core they share it.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import psutil  # type: ignore[import-untyped]
from rich import box
from rich.console import Console
from rich.table import Table

from loadtests.bench.pin import Cores, only_on, pin
from loadtests.bench.process import MIB
from loadtests.bench.report import Result
from loadtests.bench.store import describe, shop
from loadtests.callers import Callers
from loadtests.gateway import OwnGateway, orderly_end
from loadtests.ids import of_home
from loadtests.run import SMALL_ITEMS, SMALL_USERS
from loadtests.telling import tell
from serving.adapters.releases import Release, live
from serving.adapters.versions import folder, offer, write_version
from serving.core.errors import StoregateError
from storegate.client import Client

STRETCHES = 20
"""Of swapping, when there are enough swaps; as many without, and one more at the end."""
SWAPS_MIN = 5
"""Of a stretch."""
PROMOTE_S_MAX = 60.0
WARM_S = 2.0
SEALS = ("SHA256SUMS",)
SHARED = ("history",)
"""Parts that both releases have in common: what visitors did before does not change with the models."""
RATIO_MAX, GROWTH_MAX = 2.0, 0.05
"""What is promised: p99 while models are swapped over the normal one; growth of the memory after the first quarter."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Stretch:
    """What happened in one. swaps: 0 = a normal one. uss_mib, rss_mib: of the gateway's process at its end."""

    swaps: int
    seconds: float
    took_ms: tuple[float, ...]
    """Of the answers to the callers."""
    problems: tuple[str, ...]
    uss_mib: float
    rss_mib: float

    def percentile_ms(self, share: float) -> float:
        return float(np.percentile(self.took_ms, share)) if self.took_ms else float("nan")


@dataclass(frozen=True, slots=True)
class Found:
    """All stretches of one kind together; percentiles are medians over the stretches, so that one bad moment of the
    machine does not stand for all."""

    name: str
    swaps: int
    seconds: float
    calls: int
    failed: int
    p50_ms: float
    p99_ms: float
    worst_ms: float


@dataclass(frozen=True, slots=True)
class Memory:
    """Of the gateway's process. settled: after the first quarter of the swaps, when every cache has been filled."""

    uss_first_mib: float
    uss_settled_mib: float
    uss_last_mib: float
    rss_first_mib: float
    rss_last_mib: float
    kib_per_swap: float
    """Slope of a line through the USS after the first quarter, least squares."""

    @property
    def growth(self) -> float:
        """Share of the settled USS by which it has grown at the end."""
        return self.uss_last_mib / self.uss_settled_mib - 1


def found(stretches: Sequence[Stretch]) -> tuple[Found, Found]:
    """(normal, swapping)."""
    quiet = [one for one in stretches if not one.swaps]
    return _together("normal", quiet), _together("swapping", [one for one in stretches if one.swaps])


def memory(stretches: Sequence[Stretch]) -> Memory:
    """From the stretches in order, the first without swaps."""
    done = np.cumsum([one.swaps for one in stretches])
    uss = np.array([one.uss_mib for one in stretches])
    late = done >= done[-1] / 4
    slope = np.polyfit(done[late], uss[late], 1)[0] if late.sum() > 1 and done[-1] > done[late][0] else 0.0
    first, last = stretches[0], stretches[-1]
    settled = float(uss[late][0])
    return Memory(first.uss_mib, settled, last.uss_mib, first.rss_mib, last.rss_mib, 1024 * float(slope))


def broken(normal: Found, swapping: Found, held: Memory, problems: Sequence[str]) -> list[str]:
    """The promises that were not kept, in words; empty when all were."""
    said = [f"a call failed: {problem}" for problem in problems[:3]]
    if not swapping.p99_ms <= RATIO_MAX * normal.p99_ms:
        ratio = swapping.p99_ms / normal.p99_ms
        said.append(f"p99 is {ratio:.2f} times the normal one while models are swapped, {RATIO_MAX:g} is promised")
    if not held.growth <= GROWTH_MAX:
        said.append(f"memory has grown by {held.growth:.1%} after the first quarter, {GROWTH_MAX:.0%} is promised")
    return said


def twin(home: Path, name: str) -> tuple[str, str]:
    """Publishes the live release once more, as a candidate called `name`; (the live one's name, `name`)."""
    first = live(home)
    versions = dict(first.models)
    for part, version in first.models.items():
        if part in SHARED:
            continue
        files = {file.name: file for file in folder(home, part, version).iterdir() if file.name not in SEALS}
        write_version(home, part, name, files)
        versions[part] = name
    offer(home, Release(name, versions))
    return first.release, name


def measure(
    home: Path, swaps: int, callers: int, normal_s: float, minutes: float, seed: int, say: Say
) -> tuple[Result, list[Found], Memory]:
    """All stretches; the notes of the result are the promises that were broken. Raises StoregateError."""
    begun = time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(orderly_end())
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storegate-swaps-")))
        facts = shop(home, items=SMALL_ITEMS, users=SMALL_USERS, seed=seed, say=say)
        mine = shutil.copytree(home, work / "home", ignore=shutil.ignore_patterns("run", "redis", "*.lock"))
        pair = twin(mine, "twin")
        ids = of_home(mine)
        gateway = stack.enter_context(closing(OwnGateway(mine, local=True, folder=work)))
        cores = _apart(gateway, stack)
        client = stack.enter_context(Client(gateway.grpc_target, timeout_s=PROMOTE_S_MAX, connections=1, redial_s=1e6))
        plan = _plan(swaps)
        stretches: list[Stretch] = []
        done = 0

        def stretch(releases: Sequence[str], seconds: float = normal_s) -> Stretch:
            return _stretch(
                gateway, client, Callers(gateway.grpc_target, ids, callers=callers, seed=seed), releases, seconds
            )

        stretch([], WARM_S)
        for count in plan:
            turns = [pair[number % 2] for number in range(done + 1, done + count + 1)]
            stretches += [stretch([]), stretch(turns)]
            done += count
            say(f"{done} of {swaps} swaps, {stretches[-1].uss_mib:.0f} MiB")
            if time.monotonic() > begun + 60 * minutes:
                say("the time is up")
                break
        stretches.append(stretch([]))
    normal, swapping = found(stretches)
    held = memory(stretches)
    problems = [problem for one in stretches for problem in one.problems]
    notes = broken(normal, swapping, held, problems)
    if done < swaps:
        notes.append(f"only {done} of {swaps} swaps were made in {minutes:g} minutes")
    result = Result(
        command=" ".join(["python", "-m", "loadtests.swaps", *sys.argv[1:]]),
        data=describe(facts),
        seed=seed,
        setup={"runtime": "local", "callers": callers, "cores": cores, "normal_s": normal_s},
        rows=[as_row(normal), {**as_row(swapping), **as_memory(held), "p99_ratio": _ratio(swapping, normal)}],
        seconds=time.monotonic() - begun,
        notes=notes,
    )
    return result, [normal, swapping], held


def as_row(row: Found) -> dict[str, object]:
    """For JSON."""
    return {
        "name": row.name,
        "swaps": row.swaps,
        "seconds": round(row.seconds, 1),
        "calls": row.calls,
        "failed": row.failed,
        "requests_per_s": round(row.calls / row.seconds, 1),
        "p50_ms": round(row.p50_ms, 2),
        "p99_ms": round(row.p99_ms, 2),
        "worst_ms": round(row.worst_ms, 1),
    }


def as_memory(held: Memory) -> dict[str, object]:
    """For JSON."""
    return {
        "uss_first_mib": round(held.uss_first_mib, 1),
        "uss_settled_mib": round(held.uss_settled_mib, 1),
        "uss_last_mib": round(held.uss_last_mib, 1),
        "rss_first_mib": round(held.rss_first_mib, 1),
        "rss_last_mib": round(held.rss_last_mib, 1),
        "kib_per_swap": round(held.kib_per_swap, 2),
    }


def table(rows: Sequence[Found], held: Memory) -> Table:
    """For a terminal."""
    out = Table(
        box=box.SIMPLE_HEAD,
        caption=f"gateway: USS {held.uss_first_mib:.0f} MiB before, {held.uss_settled_mib:.0f} after a quarter, "
        f"{held.uss_last_mib:.0f} at the end ({held.kib_per_swap:+.2f} KiB a swap after the first quarter); "
        f"RSS {held.rss_first_mib:.0f} to {held.rss_last_mib:.0f} MiB",
        caption_justify="left",
    )
    for name in ("stretches", "swaps", "seconds", "calls", "failed", "calls/s", "p50 ms", "p99 ms", "worst ms", "x"):
        out.add_column(name, justify="right")
    for row in rows:
        out.add_row(
            row.name, f"{row.swaps:,}", f"{row.seconds:.0f}", f"{row.calls:,}", str(row.failed),
            f"{row.calls / row.seconds:,.0f}", f"{row.p50_ms:.2f}", f"{row.p99_ms:.2f}", f"{row.worst_ms:.0f}",
            f"{row.p99_ms / rows[0].p99_ms:.2f}",
        )  # fmt: skip
    return out


def _stretch(
    gateway: OwnGateway, client: Client, callers: Callers, releases: Sequence[str], normal_s: float
) -> Stretch:
    """Promotes the releases one after the other, or waits for `normal_s`, while the callers ask."""
    begun = time.monotonic()
    with callers:
        for name in releases:
            client.promote_model(name)
        if not releases:
            time.sleep(normal_s)
        ended = time.monotonic()
    process = psutil.Process(gateway.tree.pids()[0]).memory_full_info()
    calls = [*callers.recommends, *callers.writes]
    problems = [call.problem for call in calls if call.told in ("failed", "unavailable")]
    took = [1000 * (call.ended_s - call.begun_s) for call in callers.recommends]
    return Stretch(len(releases), ended - begun, tuple(took), tuple(problems), process.uss / MIB, process.rss / MIB)


def _apart(gateway: OwnGateway, stack: ExitStack) -> int:
    """Server and callers on cores of their own where there are two; how many there are."""
    try:
        cores = Cores.choose()
    except ValueError:
        return 1
    pin(gateway.tree.pids(), cores.server)
    stack.enter_context(only_on(cores.load))
    return 2


def _plan(swaps: int) -> list[int]:
    """Swaps of each stretch."""
    count = max(1, min(STRETCHES, swaps // SWAPS_MIN))
    return [swaps // count + (number < swaps % count) for number in range(count)]


def _together(name: str, some: Sequence[Stretch]) -> Found:
    return Found(
        name,
        sum(one.swaps for one in some),
        sum(one.seconds for one in some),
        sum(len(one.took_ms) for one in some),
        sum(len(one.problems) for one in some),
        float(np.median([one.percentile_ms(50) for one in some])),
        float(np.median([one.percentile_ms(99) for one in some])),
        max(max(one.took_ms, default=float("nan")) for one in some),
    )


def _ratio(swapping: Found, normal: Found) -> float:
    return round(swapping.p99_ms / normal.p99_ms, 2)


@click.command()
@click.option("--swaps", type=click.IntRange(1, 100_000), default=100, show_default=True)
@click.option("--callers", type=click.IntRange(1, 64), default=4, show_default=True)
@click.option("--normal-s", type=click.FloatRange(0.5, 60), default=3.0, show_default=True, help="Without swaps.")
@click.option("--minutes", type=click.FloatRange(0.1, 600), default=30.0, show_default=True, help="At most.")
@click.option("--json", "json_", is_flag=True, help="One JSON object on standard output instead of the table.")
@click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), default=Path("var/loadtests/home"), show_default=True,
    help="Copied, not touched; a small demo store is made there when nothing has been trained.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def main(swaps: int, callers: int, normal_s: float, minutes: float, json_: bool, home: Path, seed: int) -> None:
    """Recommend for known users while two releases are promoted in turn; ends with 1 when a promise is broken."""
    log = Console(stderr=True, highlight=False)
    try:
        result, rows, held = measure(
            home.absolute(), swaps, callers, normal_s, minutes, seed, lambda line: log.print(line, style="dim")
        )
    except StoregateError as error:
        raise click.ClickException(str(error)) from error
    tell(result, table(rows, held), json=json_)


if __name__ == "__main__":
    main()
