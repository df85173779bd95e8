"""One case (what is asked, by how many callers) in short rounds; the rounds of all cases take turns."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from loadtests.bench.bodies import Bodies
from loadtests.bench.checks import Probe, counted
from loadtests.bench.figures import Round
from loadtests.bench.generate import Log, Process, shares
from loadtests.bench.pin import Cores, only_on, pin
from loadtests.bench.process import CpuSeconds, Tree, core_seconds, spent
from loadtests.gateway import OwnGateway
from serving.core.errors import SettingError

WARM_S = 0.4
"""What passes before the clock of a round starts: connections are made, batches have formed."""
SPAWN_S = 0.02
"""What the start of one load process may take while the others are at work already."""
END_S = 0.3
"""What the load goes on after the clock has stopped, so that no caller has left before."""
TRIES_MAX = 3
CONTROL_BYTES = 1 << 20
SHARED_MEMORY = Path("/dev/shm")


class NotCovered(SettingError):
    """A load process was not at work all the time that was measured."""


@dataclass
class Case:
    """What is asked by how many callers, and what came of it so far."""

    name: str
    method: str
    bodies: Sequence[bytes]
    callers: int
    target: str = ""
    """Where the load goes, "127.0.0.1:50051"; empty = the gateway's own gRPC port."""
    rounds: list[Round] = field(default_factory=list)
    position: int = 0
    answered: int = 0
    """By the server's own count, warm-ups and probes included."""
    refused: int = 0
    """By the server's own count: calls that ended with a gRPC error."""
    probed: int = 0
    degraded: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Rig:
    """Who is measured, and where everybody runs."""

    gateway: OwnGateway
    cores: Cores
    processes_max: int
    part: Tree | None = None
    """Processes of the server whose time is also told apart."""

    @property
    def tree(self) -> Tree:
        return self.gateway.tree

    def part_cpu(self) -> CpuSeconds:
        return {} if self.part is None else self.part.cpu()


def run_rounds(rig: Rig, cases: Sequence[Case], rounds: int, seconds: float, say: Callable[[str], None]) -> list[float]:
    """`rounds` rounds of every case, in turn, so that a drift of the machine hits all alike.

    Returns the microseconds of the control, a fixed piece of arithmetic on the server's core before every round of
    cases: how much it varies says how quiet the machine was.
    """
    control = []
    for number in range(rounds):
        control.append(control_micros(rig.cores))
        for case in cases:
            one = _patient_round(rig, case, seconds, say)
            case.rounds.append(one)
            say(
                f"round {number + 1}/{rounds}: {case.name}, {case.callers} callers: "
                f"{len(one.log) / one.seconds:,.0f} requests/s"
            )
    return control


def _patient_round(rig: Rig, case: Case, seconds: float, say: Callable[[str], None]) -> Round:
    """One round; one that the load generator did not cover is repeated a few times."""
    for left in reversed(range(TRIES_MAX)):
        try:
            return run_round(rig, case, seconds)
        except NotCovered as error:
            if not left:
                raise
            say(f"{error.message}: once more")
    raise AssertionError("not reached")


def run_round(rig: Rig, case: Case, seconds: float) -> Round:
    """One round. Raises SettingError when the load generator failed, NotCovered when it came or went too early."""
    gateway, streams = rig.gateway, shares(case.callers, rig.processes_max)
    target = case.target or gateway.grpc_target
    pin(rig.tree.pids(), rig.cores.server)
    before = counted(gateway.metrics(), case.method)
    with ExitStack() as stack:
        stack.enter_context(only_on(rig.cores.load))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storegate-bench-", dir=_memory())))
        bodies = stack.enter_context(Bodies(folder, case.bodies, len(streams), case.position))
        probe = stack.enter_context(Probe(target, case.method, case.bodies))
        probe.ask(1)
        processes: list[Process] = []
        stack.callback(_kill, processes)
        begun = time.monotonic()
        whole_s = SPAWN_S * len(streams) + WARM_S + seconds + END_S
        for number, callers in enumerate(streams):
            left_s = whole_s + begun - time.monotonic()
            processes.append(Process(target, case.method, bodies.paths[number], callers, left_s, folder, number))
        spawned = time.monotonic()
        _pace(bodies, probe, spawned + WARM_S)
        begin_us, before_cpu, before_core = time.time() * 1e6, rig.tree.cpu(), core_seconds(rig.cores.server)
        before_part = rig.part_cpu()
        _pace(bodies, probe, spawned + WARM_S + seconds)
        end_us, cpu_s = time.time() * 1e6, spent(before_cpu, rig.tree.cpu())
        core_s, part_s = core_seconds(rig.cores.server) - before_core, spent(before_part, rig.part_cpu())
        _pace(bodies, probe, begun + whole_s)
        log = covering([process.finish() for process in processes], begin_us, end_us)
        case.position = bodies.position
    after = counted(gateway.metrics(), case.method)
    case.answered += after[0] - before[0]
    case.refused += after[1] - before[1]
    case.probed += probe.asked
    case.degraded += probe.degraded
    case.problems += probe.problems
    return Round(log, (end_us - begin_us) / 1e6, cpu_s, max(0.0, core_s - cpu_s), part_s)


def covering(logs: list[Log], begin_us: float, end_us: float) -> Log:
    """The calls that ended in the time measured. Raises NotCovered if one process was not asking all that time."""
    for number, log in enumerate(logs):
        if not len(log) or log.start_us.min() > begin_us or log.end_us.max() < end_us:
            raise NotCovered(
                f"load process {number} of {len(logs)} did not run during the whole round (a busy machine does that)"
            )
    return Log.joined([log.within(begin_us, end_us) for log in logs])


def control_micros(cores: Cores, times: int = 50) -> float:
    """Microseconds of one fixed piece of work (a hash of 1 MiB) on the server's core, the median of `times`."""
    block, took = bytes(CONTROL_BYTES), []
    with only_on(cores.server):
        for _ in range(times):
            begun = time.perf_counter_ns()
            sha256(block).digest()
            took.append(time.perf_counter_ns() - begun)
    return sorted(took)[times // 2] / 1000


def _pace(bodies: Bodies, probe: Probe, until: float) -> None:
    """Until then (monotonic): a new user into every file, again and again, and a look at an answer now and then."""
    pause_s = bodies.pause_s
    while time.monotonic() < until:
        bodies.rewrite()
        probe.poll()
        time.sleep(pause_s)


def _kill(processes: Sequence[Process]) -> None:
    for process in processes:
        process.kill()


def _memory() -> str | None:
    """A folder in memory, where there is one."""
    return str(SHARED_MEMORY) if SHARED_MEMORY.is_dir() else None
