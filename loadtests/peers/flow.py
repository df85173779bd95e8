"""The comparison from beginning to end; read it first."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from loadtests.bench.figures import figures, spread_pct
from loadtests.bench.install import check_cores, check_installed, h2load_version
from loadtests.bench.pin import Cores, only_on
from loadtests.bench.report import FOREIGN_PCT, NOISY_PCT, Result, Row, control_row
from loadtests.gateway import orderly_end
from loadtests.peers import world
from loadtests.peers.environments import ROOT, python_of
from loadtests.peers.measure import run_rounds
from loadtests.peers.pipeline import Pipeline
from loadtests.peers.registry import Peer
from loadtests.peers.subject import Case, Subject, World
from serving.core.errors import SettingError
from serving.runtime.process import pin as one_thread

Say = Callable[[str], None]
OURS, SHARE_BATCH = "ours", 8
FLOOR_S, FLOOR_S_MAX = 1.0, 300.0
QUERIES = 2048


@dataclass(frozen=True, slots=True)
class Ask:
    """What is to be measured; the options of the command. seconds: of each round of each case."""

    peers: tuple[Peer, ...]
    items: int = 4000
    callers: tuple[int, ...] = (1, 8, 64)
    seconds: float = 3.0
    rounds: int = 3
    seed: int = 0
    folder: Path = ROOT / "var" / "peers"
    """Keeps environments, worlds and logs."""


def run(ask: Ask, *, command: str, say: Say) -> Result:
    """Everything, on this machine. Raises StoregateError; no process of ours is left either way."""
    check_installed()
    check_cores()
    begun, cores = time.monotonic(), Cores.choose()
    with ExitStack() as stack:
        stack.enter_context(orderly_end())
        place = world.build(ask.folder / "worlds", ask.items, ask.seed)
        subjects = prepare(ask, say)
        rows = in_process(place, ask.seed, cores, say)
        queries = world.queries(ask.items, QUERIES, ask.seed)
        answers = Pipeline(place).rank(queries)
        asked = World(place, ask.folder / "run", queries, answers)
        control = run_rounds(subjects, asked, cores, ask.rounds, ask.seconds, say)
    rows += [*rows_of(subjects), *([control_row(control)] if control else [])]
    rows += compared(rows)
    return Result(
        command=command,
        data={"items": ask.items, "requests": len(queries)},
        seed=ask.seed,
        setup={
            "server_cores": sorted(cores.server), "load_cores": sorted(cores.load), "generator": h2load_version(),
            "rounds": ask.rounds, "seconds": ask.seconds,
        },
        rows=rows,
        seconds=time.monotonic() - begun,
        notes=notes(subjects, rows),
    )  # fmt: skip


def prepare(ask: Ask, say: Say) -> list[Subject]:
    """Every peer with its environment; one whose environment cannot be made is kept with the reason."""
    subjects = []
    for peer in ask.peers:
        subject = Subject(peer, Path(sys.executable), [Case(callers) for callers in ask.callers])
        try:
            subject.python = python_of(peer.environment, ask.folder / "env", say)
        except SettingError as error:
            subject.failure = error.message
            say(error.message)
        subjects.append(subject)
    return subjects


def in_process(place: Path, seed: int, cores: Cores, say: Say) -> list[Row]:
    """The rows of floor.py, measured by a fresh interpreter on the server's core. Raises SettingError."""
    say("in process: microseconds a request")
    environ = {**os.environ, "NUMBA_CACHE_DIR": str(place.parent / "numba-own")}
    one_thread(environ)
    command = [sys.executable, "-m", "loadtests.peers.floor", str(place), str(FLOOR_S), str(seed)]
    with only_on(cores.server):
        done = subprocess.run(
            command, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=FLOOR_S_MAX, check=False
        )
    if done.returncode:
        raise SettingError(f"the measurement in process failed: {done.stderr.strip()[-500:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def rows_of(subjects: Sequence[Subject]) -> list[Row]:
    """A row for each server and number of callers, and one for each server as a whole. Absent: not measured."""
    rows: list[Row] = []
    for subject in subjects:
        for case in subject.cases:
            if not case.rounds or not sum(len(one.log) for one in case.rounds):
                continue
            found = figures(case.rounds)
            row: Row = {
                "name": subject.peer.name,
                "callers": case.callers,
                "requests_per_s": round(found.requests_per_s, 1),
                "p50_ms": round(found.p50_ms, 3),
                "p99_ms": round(found.p99_ms, 3),
                "cpu_ms": round(found.cpu_ms, 4),
                "calls": found.calls,
                "probed": case.probed,
                "foreign_pct": round(found.foreign_pct, 1),
                "failed": found.failed + len(case.problems),
            }
            if len(found.rounds) > 1:
                row["spread_pct"] = round(spread_pct(found.rounds), 1)
            rows.append(row)
        if subject.start_s:
            starts, held = sorted(subject.start_s), sorted(subject.pss_mib)
            rows.append(
                {
                    "name": subject.peer.name,
                    "start_s": round(starts[len(starts) // 2], 2),
                    "pss_mib": round(held[len(held) // 2], 1),
                    "processes": subject.processes,
                }
            )
    return rows


def compared(rows: Sequence[Row]) -> list[Row]:
    """How many times as many requests ours answers, for each other server and number of callers; and ours' share of the
    floor: requests a second x seconds a request in process."""
    rates = {
        (row["name"], row["callers"]): float(str(row["requests_per_s"])) for row in rows if "requests_per_s" in row
    }
    made: list[Row] = [
        {"name": "ratio", "peer": name, "callers": callers, "ours_over": round(rates[OURS, callers] / rate, 2)}
        for (name, callers), rate in rates.items()
        if name != OURS and (OURS, callers) in rates
    ]
    micros = next((float(str(row["micros"])) for row in rows if row.get("batch") == SHARE_BATCH), None)
    if micros is not None:
        made += [
            {"name": "share", "peer": name, "callers": callers, "share": round(rate * micros / 1e6, 3)}
            for (name, callers), rate in rates.items()
        ]
    return made


def notes(subjects: Sequence[Subject], rows: Sequence[Row]) -> list[str]:
    """What a reader must know before believing the figures."""
    told = [
        f"{subject.peer.name} was not measured to the end: {subject.failure}" for subject in subjects if subject.failure
    ]
    told += [
        f"{subject.peer.name}, {case.callers} callers: {case.problems[0]}"
        for subject in subjects
        for case in subject.cases
        if case.problems
    ]
    spread = next((float(str(row.get("spread_pct", 0))) for row in rows if row["name"] == "control"), 0.0)
    if spread > NOISY_PCT:
        told.append(f"the machine was not quiet: the control varied by {spread:.0f} %")
    loud = [row for row in rows if float(str(row.get("foreign_pct", 0))) > FOREIGN_PCT]
    if loud:
        worst = max(float(str(row["foreign_pct"])) for row in loud)
        told.append(f"others had up to {worst:.0f} % of the server's core in {len(loud)} cases")
    return told
