"""The soak from beginning to end; read it first."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

from loadtests.bench.checks import OverGrpc, Probe
from loadtests.bench.frames import RECOMMEND
from loadtests.bench.install import check_installed, h2load_version
from loadtests.bench.pin import Cores, only_on, pin
from loadtests.bench.report import Result
from loadtests.bench.store import describe, shop
from loadtests.gateway import OwnGateway, orderly_end
from loadtests.ids import of_home
from loadtests.run import SMALL_ITEMS, SMALL_USERS
from loadtests.soak.load import Changes, stretch
from loadtests.soak.mix import Kind, mix
from loadtests.soak.samples import Sample, sample
from loadtests.soak.trend import WARM_SHARE, Trend, trends

STRETCH_S = 5.0
CHANGE_S = 0.25
"""Between two changes of the catalogue."""
REWRITE_S = 1e-3
PROBES_WARM = 20
SETTINGS = {"decisions.kept_max": "1000"}
"""The store's bounds are reached within the run, so that its growth by data is over when the judging begins."""
THREADS_MAX = DESCRIPTORS_MAX = 1.0
"""What the fitted line may grow by over all judged requests: not by one."""
UNITS = {"dirty_mib": "memory, MiB", "store_mib": "store's memory, MiB", "threads": "threads",
         "descriptors": "descriptors"}  # fmt: skip

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ask:
    """The options of the command. growth_mib: what memory may grow by over the judged requests."""

    requests: int = 500_000
    seconds_max: float = 1800.0
    growth_mib: float = 8.0
    sample_s: float = 2.0
    local: bool = True
    home: Path = Path("var/loadtests/home")
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Soaked:
    """What one run has shown."""

    samples: Sequence[Sample]
    trends: Sequence[Trend]
    changes: int
    probed: int
    problems: Sequence[str] = field(default_factory=tuple)


def run(ask: Ask, *, command: str, say: Say) -> tuple[Result, Soaked]:
    """Everything; the notes of the result are the promises that were broken. Raises StoregateError, ValueError."""
    check_installed()
    begun = time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(orderly_end())
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storegate-soak-")))
        home = ask.home.absolute()
        facts = shop(home, items=SMALL_ITEMS, users=SMALL_USERS, seed=ask.seed, say=say)
        gateway = stack.enter_context(closing(OwnGateway(home, local=ask.local, folder=work, settings=SETTINGS)))
        cores = apart(gateway, stack)
        ids = of_home(home)
        soaked = soak(ask, gateway, mix(ids, ask.seed), ids.items, work, say)
    result = Result(
        command=command,
        data=describe(facts),
        seed=ask.seed,
        setup={"runtime": "local" if ask.local else "ray", "generator": h2load_version(), "cores": cores, **SETTINGS},
        rows=[*map(trend_row, soaked.trends), *map(sample_row, soaked.samples)],
        seconds=time.monotonic() - begun,
        notes=broken(ask, soaked),
    )
    return result, soaked


def apart(gateway: OwnGateway, stack: ExitStack) -> str:
    """Server and load on cores of their own where there are two; a soak measures no speed, so one will do."""
    if len(os.sched_getaffinity(0)) < 2:
        return "shared"
    cores = Cores.choose()
    pin(gateway.tree.pids(), cores.server)
    stack.enter_context(only_on(cores.load))
    return "apart"


def soak(ask: Ask, gateway: OwnGateway, kinds: Sequence[Kind], items: Sequence[str], work: Path, say: Say) -> Soaked:
    """Stretch after stretch until so much was answered, or the time is up."""
    begun = time.monotonic()
    samples: list[Sample] = []
    with (
        closing(Changes(gateway.grpc_target, items, CHANGE_S)) as changes,
        Probe(OverGrpc(gateway.grpc_target, RECOMMEND), kinds[0].bodies, full=True) as probe,
    ):
        probe.ask(PROBES_WARM)
        samples.append(sample(gateway, begun))
        while (last := samples[-1]).answered < ask.requests and last.at_s < ask.seconds_max:
            with stretch(gateway, kinds, STRETCH_S, work) as rewrite:
                until = time.monotonic() + STRETCH_S
                while time.monotonic() < until and samples[-1].answered < ask.requests:
                    if time.monotonic() - begun >= samples[-1].at_s + ask.sample_s:
                        samples.append(sample(gateway, begun))
                    rewrite()
                    changes.poll()
                    probe.poll()
                    time.sleep(REWRITE_S)
            say(told(samples[-1]))
    problems = [*changes.problems, *probe.problems]
    return Soaked(samples, judged(ask, samples), changes.made, probe.asked, problems)


def judged(ask: Ask, samples: Sequence[Sample]) -> list[Trend]:
    """One trend for everything that must not grow. Raises ValueError when there are too few samples."""
    limits = {"dirty_mib": ask.growth_mib, "store_mib": ask.growth_mib,
              "threads": THREADS_MAX, "descriptors": DESCRIPTORS_MAX}  # fmt: skip
    series = {name: [float(getattr(one, name)) for one in samples] for name in limits}
    return trends([one.answered for one in samples], series, limits)


def broken(ask: Ask, soaked: Soaked) -> list[str]:
    """The promises that were not kept, in words; empty when all were."""
    last = soaked.samples[-1]
    said = [f"{problem}" for problem in soaked.problems[:3]]
    if last.answered < ask.requests:
        said.append(f"{last.answered:,} requests within {last.at_s:.0f} s, {ask.requests:,} were asked for")
    if last.failed:
        said.append(f"{last.failed} calls failed by the server's own count")
    said += [
        f"{UNITS[one.name]}: the fitted line grows by {one.growth:.2f} over {one.requests:,} requests, "
        f"{one.limit:g} is allowed"
        for one in soaked.trends
        if one.grows
    ]
    return said


def told(last: Sample) -> str:
    """A line while it runs."""
    return (
        f"{last.answered:,} requests in {last.at_s:.0f} s: {last.dirty_mib:.1f} MiB, USS {last.uss_mib:.1f} MiB, "
        f"store {last.store_mib:.1f} MiB, {last.threads} threads, {last.descriptors} descriptors"
    )


def trend_row(one: Trend) -> dict[str, object]:
    return {
        "name": "trend",
        "of": one.name,
        "first": round(one.first, 2),
        "last": round(one.last, 2),
        "slope_per_100000": round(one.slope * 1e5, 4),
        "requests": one.requests,
        "growth": round(one.growth, 3),
        "limit": one.limit,
        "warm_share": WARM_SHARE,
        "grows": one.grows,
    }


def sample_row(one: Sample) -> dict[str, object]:
    return {
        "name": "sample",
        "at_s": round(one.at_s, 2),
        "answered": one.answered,
        "failed": one.failed,
        "uss_mib": round(one.uss_mib, 2),
        "dirty_mib": round(one.dirty_mib, 2),
        "store_mib": round(one.store_mib, 2),
        "threads": one.threads,
        "descriptors": one.descriptors,
    }
