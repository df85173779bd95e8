"""The rounds. In each, every server is started, checked, measured with each number of callers, and ended: only one is
there at a time, so that no other takes anything of its core, and a drift of the machine hits all alike.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from loadtests.bench.bodies import Bodies
from loadtests.bench.figures import Round
from loadtests.bench.generate import Log, shares
from loadtests.bench.measure import END_S, SHARED_MEMORY, SPAWN_S, TRIES_MAX, WARM_S, NotCovered, control_micros
from loadtests.bench.pin import Cores, only_on, pin
from loadtests.bench.process import core_seconds, spent
from loadtests.peers.ask import Asker, NoAnswer, difference
from loadtests.peers.load import Heard, Load
from loadtests.peers.probe import Probe
from loadtests.peers.running import Server
from loadtests.peers.servers.ports import HOST
from loadtests.peers.subject import Case, Subject, World
from serving.core.errors import StoregateError

Say = Callable[[str], None]
PROCESSES_MAX = 16
CHECKED = 64
"""Answers compared with the pipeline's before a server is measured."""
WARM_UP_S = 1.0
SLOWEST_S_MAX = 5.0
WINDOW_CALLS = 2.0
"""A server so slow that a caller would hardly see its answer within a round gets one of so many answers."""
BODY_SHARE_MIN = 0.97
"""Of the bytes that right answers have: gRPC tells of an error in trailers, which h2load does not read, and such an
answer has no body."""


def run_rounds(
    subjects: Sequence[Subject], world: World, cores: Cores, rounds: int, seconds: float, say: Say
) -> list[float]:
    """Measures all of them `rounds` times, each case `seconds` long; the one that begins changes with the round.

    A server that fails is said to, and left out from then on. Returns the microseconds of the control, a fixed piece
    of arithmetic on the server's core before every server: how much it varies says how quiet the machine was.
    """
    control = []
    for number in range(rounds):
        for place in range(len(subjects)):
            subject = subjects[(number + place) % len(subjects)]
            if subject.failure:
                continue
            control.append(control_micros(cores))
            say(f"round {number + 1}/{rounds}: {subject.peer.name}")
            try:
                _visit(subject, world, cores, seconds, say)
            except (StoregateError, NoAnswer) as error:
                subject.failure = error.message if isinstance(error, StoregateError) else str(error)
                say(f"{subject.peer.name}: {subject.failure}")
    return control


def _visit(subject: Subject, world: World, cores: Cores, seconds: float, say: Say) -> None:
    """One server from its start to its end."""
    peer = subject.peer
    with only_on(cores.server):  # what it starts with is inherited
        server = Server(peer, subject.python, world.folder, world.work / peer.name, (world.queries[0], world.pages[0]))
    try:
        pin(server.tree.pids(), cores.server)
        length = check(server, world)
        slowest_s = warm_up(server, world, cores, max(case.callers for case in subject.cases))
        for case in subject.cases:
            times = Times(max(WARM_S, slowest_s), max(seconds, WINDOW_CALLS * slowest_s), max(END_S, slowest_s))
            one, heard = _patient_round(server, world, cores, case, times, say)
            case.rounds.append(one)
            case.problems += missing(heard, length)
            say(f"{peer.name}, {case.callers} callers: {len(one.log) / one.seconds:,.0f} requests/s")
        held = server.tree.memory()
        subject.start_s.append(server.start_s)
        subject.pss_mib.append(held.pss_mib)
        subject.processes = held.processes
    finally:
        server.close()


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of a round: before the clock starts, on the clock, and after it, while the callers still ask."""

    warm_s: float
    seconds: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Span:
    """While the clock ran. Times of the epoch, as h2load logs them."""

    begin_us: float
    end_us: float
    cpu_s: float
    """Processor time of the server."""
    foreign_s: float
    """Processor time of its core that others had."""
    ended: int
    """Load processes that were gone before the clock stopped."""


def warm_up(server: Server, world: World, cores: Cores, callers: int) -> float:
    """Asks without a clock; how long the slowest answer took, at most SLOWEST_S_MAX seconds."""
    heard, _ = _ask(server, world, cores, callers, Times(0.0, WARM_UP_S, END_S), Case(callers))
    if not all(len(one.log) for one in heard):
        return SLOWEST_S_MAX
    return min(max(float(one.log.micros.max()) for one in heard) / 1e6, SLOWEST_S_MAX)


def check(server: Server, world: World) -> float:
    """Compares answers with the pipeline's; the mean length of their bodies. Raises NoAnswer with the first wrong."""
    lengths = []
    with Asker(server.peer.wire, HOST, server.port) as asker:
        for query, wanted in zip(world.queries[:CHECKED], world.pages[:CHECKED], strict=True):
            page, length = asker.ask(query)
            if wrong := difference(page, wanted):
                raise NoAnswer(f"it answers otherwise than the pipeline: {wrong}")
            lengths.append(length)
    return sum(lengths) / len(lengths)


def missing(heard: Sequence[Heard], length: float) -> list[str]:
    """What the bytes tell that no status does. length: of a right answer's body, on average."""
    answers, got = sum(one.answers for one in heard), sum(one.body_bytes for one in heard)
    if answers and got < BODY_SHARE_MIN * length * answers:
        return [f"{answers} answers have {got / answers:.0f} bytes on average, right ones {length:.0f}: some failed"]
    return []


def _patient_round(
    server: Server, world: World, cores: Cores, case: Case, times: Times, say: Say
) -> tuple[Round, list[Heard]]:
    for left in reversed(range(TRIES_MAX)):
        try:
            heard, span = _ask(server, world, cores, case.callers, times, case)
            return covered(heard, span), heard
        except NotCovered as error:
            if not left:
                raise
            say(f"{error.message}: once more")
    raise AssertionError("not reached")


def _ask(
    server: Server, world: World, cores: Cores, callers: int, times: Times, case: Case
) -> tuple[list[Heard], Span]:
    """Asks for so long. Raises SettingError when the load generator failed."""
    wire, target, streams = server.peer.wire, f"{HOST}:{server.port}", shares(callers, PROCESSES_MAX)
    pin(server.tree.pids(), cores.server)
    server.look()
    with ExitStack() as stack:
        stack.enter_context(only_on(cores.load))
        memory = str(SHARED_MEMORY) if SHARED_MEMORY.is_dir() else None
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storegate-peers-", dir=memory)))
        asked = [wire.body(query) for query in world.queries]
        bodies = stack.enter_context(Bodies(folder, asked, len(streams)))
        probe = stack.enter_context(Probe(server, world, case))
        loads: list[Load] = []
        stack.callback(_kill, loads)
        begun = time.monotonic()
        whole_s = SPAWN_S * len(streams) + times.warm_s + times.seconds + times.end_s
        for number, many in enumerate(streams):
            left_s = whole_s + begun - time.monotonic()
            loads.append(Load(wire, target, bodies.paths[number], many, left_s, folder, number))
        spawned = time.monotonic()
        _pace(bodies, spawned + times.warm_s)
        begin_us, cpu, core = time.time() * 1e6, server.tree.cpu(), core_seconds(cores.server)
        probe.start()
        _pace(bodies, spawned + times.warm_s + times.seconds)
        end_us, cpu_s = time.time() * 1e6, spent(cpu, server.tree.cpu())
        core_s, ended = core_seconds(cores.server) - core, sum(not load.running for load in loads)
        _pace(bodies, begun + whole_s)
        heard = [load.finish() for load in loads]
    return heard, Span(begin_us, end_us, cpu_s, max(0.0, core_s - cpu_s), ended)


def covered(heard: Sequence[Heard], span: Span) -> Round:
    """The calls that were answered while the clock ran. Raises NotCovered if a process was not asking all that time."""
    late = sum(bool(len(one.log)) and one.log.start_us.min() > span.begin_us for one in heard)
    if late or span.ended:
        raise NotCovered(f"of {len(heard)} load processes {late} came late, {span.ended} ended early")
    log = Log.joined([one.log.within(span.begin_us, span.end_us) for one in heard])
    return Round(log, (span.end_us - span.begin_us) / 1e6, span.cpu_s, span.foreign_s)


def _pace(bodies: Bodies, until: float) -> None:
    """Until then (monotonic): another request into every file, again and again."""
    while time.monotonic() < until:
        bodies.rewrite()
        time.sleep(bodies.pause_s)


def _kill(loads: Sequence[Load]) -> None:
    for load in loads:
        load.kill()
