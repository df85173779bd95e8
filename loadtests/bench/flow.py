"""The bench from beginning to end; read it first."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from loadtests.bench import frames
from loadtests.bench.figures import figures
from loadtests.bench.install import check_cores, check_installed, h2load_version
from loadtests.bench.measure import Case, Rig, run_rounds
from loadtests.bench.pin import Cores, astray, pin
from loadtests.bench.process import Tree, spent
from loadtests.bench.report import (
    AFTER_ROW,
    FOREIGN_PCT,
    NOISY_PCT,
    Result,
    Row,
    control_row,
    load_row,
    memory_row,
    share_rows,
)
from loadtests.bench.store import Shop, describe, shop
from loadtests.gateway import OwnGateway, orderly_end
from serving.core.errors import SettingError
from serving.runtime.process import pin as one_thread

Say = Callable[[str], None]
IDLE_S = 2.0
INPROCESS_S_MAX = 900.0


@dataclass(frozen=True, slots=True)
class Ask:
    """What is to be measured; the options of the command."""

    seconds: float = 6.0
    rounds: int = 3
    callers: tuple[int, ...] = (1, 8, 64)
    processes: int = 16
    items: int = 4000
    users: int = 10_000
    replicas: int = 1
    cores: int = 1
    local: bool = False
    settings: dict[str, str] = field(default_factory=dict)
    home: Path | None = None
    seed: int = 0


def run(ask: Ask, *, command: str, say: Say) -> Result:
    """Everything, on this machine. Raises StoregateError; no process of ours is left either way."""
    check_installed()
    check_cores()
    begun = time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(orderly_end())
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storegate-bench-")))
        home = (ask.home or work / "home").absolute()
        cores = _cores(ask)
        found = shop(home, items=ask.items, users=ask.users, seed=ask.seed, say=say)
        rows = in_process(ask, home, say)
        say("starting the gateway")
        settings = {"runtime.replicas": str(ask.replicas), **ask.settings}
        gateway = OwnGateway(home, local=ask.local, folder=work, settings=settings)
        stack.callback(gateway.close)
        rows.append({"name": "start-up", "seconds": round(gateway.start_s, 2)})
        pin(gateway.tree.pids(), cores.server)
        rows.append(idle_row(gateway.tree))
        cases = ask_for(ask, found)
        control = run_rounds(Rig(gateway, cores, ask.processes), cases, ask.rounds, ask.seconds / ask.rounds, say)
        strays = list(astray(gateway.tree.pids(), cores.server))
        rows += [load_row(case, figures(case.rounds)) for case in cases]
        rows += [memory_row(gateway.tree.memory()), control_row(control)]
        gateway.close()
        rows += [row | {"name": AFTER_ROW} for row in in_process(ask, home, say) if row["name"] == "request"]
        rows += share_rows(rows)
        notes = notes_on(cases, rows, strays, ask, found)
    return Result(
        command=command, data=describe(found), seed=ask.seed, setup=setup(ask, cores), rows=rows,
        seconds=time.monotonic() - begun, notes=notes,
    )  # fmt: skip


def in_process(ask: Ask, home: Path, say: Say) -> list[Row]:
    """The rows of inprocess.py, measured by a fresh interpreter. Raises SettingError with its words when it fails."""
    say("in process: microseconds a stage")
    environ = dict(os.environ)
    one_thread(environ)
    command = [
        sys.executable, "-m", "loadtests.bench.inprocess", "--home", str(home),
        "--users", str(ask.users), "--seconds", str(ask.seconds), "--seed", str(ask.seed),
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, env=environ, capture_output=True, text=True, timeout=INPROCESS_S_MAX, check=False
        )
    except subprocess.TimeoutExpired:
        raise SettingError(f"the measurement in process did not end within {INPROCESS_S_MAX:.0f} s") from None
    for line in done.stderr.splitlines():
        say(f"in process: {line}")
    if done.returncode:
        raise SettingError(f"the measurement in process failed: {done.stderr.strip()[-500:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def ask_for(ask: Ask, found: Shop) -> list[Case]:
    """What is asked: known users, over gRPC and over HTTP, visitors nobody knows, and nothing at all."""
    questions = {
        "recommend": (frames.RECOMMEND, frames.shuffled(frames.even(frames.known(found.users)), ask.seed), ""),
        "recommend_anonymous": (frames.RECOMMEND, frames.anonymous(len(found.users)), ""),
        "http_recommend": (
            frames.RECOMMEND,
            frames.shuffled(frames.even(frames.known_json(found.users)), ask.seed),
            frames.HTTP_RECOMMEND,
        ),
        "ping": (frames.PING, frames.ping(), ""),
    }
    return [
        Case(name, method, bodies, callers, path=path)
        for name, (method, bodies, path) in questions.items()
        for callers in ask.callers
    ]


def idle_row(tree: Tree, seconds: float = IDLE_S) -> Row:
    """What the server uses while nobody asks, in cores."""
    before, begun = tree.cpu(), time.monotonic()
    time.sleep(seconds)
    return {"name": "idle", "cores": round(spent(before, tree.cpu()) / (time.monotonic() - begun), 3)}


def setup(ask: Ask, cores: Cores) -> dict[str, object]:
    """How it was measured."""
    return {
        "runtime": "local" if ask.local else "ray",
        "replicas": ask.replicas,
        "server_cores": sorted(cores.server),
        "load_cores": sorted(cores.load),
        "python": platform.python_version(),
        "generator": h2load_version(),
        "processes": ask.processes,
        "rounds": ask.rounds,
        "page_size": frames.PAGE_SIZE,
        **({"settings": ask.settings} if ask.settings else {}),
    }


def notes_on(cases: Sequence[Case], rows: Sequence[Row], strays: Sequence[int], ask: Ask, found: Shop) -> list[str]:
    """What a reader must know before believing the figures."""
    notes = [f"{case.name}, {case.callers} callers: {case.problems[0]}" for case in cases if case.problems]
    notes += [
        f"{case.name}, {case.callers} callers: {case.degraded} of {case.probed} answers looked at were degraded"
        for case in cases
        if case.degraded
    ]
    spread = next(float(str(row.get("spread_pct", 0))) for row in rows if row["name"] == "control")
    if spread > NOISY_PCT:
        notes.append(f"the machine was not quiet: the control varied by {spread:.0f} %")
    loud = [row for row in rows if float(str(row.get("foreign_pct", 0))) > FOREIGN_PCT]
    if loud:
        worst = max(float(str(row["foreign_pct"])) for row in loud)
        notes.append(f"other processes used up to {worst:.0f} % of the server's cores in {len(loud)} cases")
    if strays:
        notes.append(f"{len(strays)} threads of the server were not on its cores at the end")
    if len(found.users) < ask.users:
        notes.append(f"{len(found.users)} users with events, not {ask.users}")
    return notes


def _cores(ask: Ask) -> Cores:
    try:
        return Cores.choose(ask.cores)
    except ValueError as error:
        raise SettingError(f"--cores: {error}") from None
