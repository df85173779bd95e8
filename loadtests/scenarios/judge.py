"""The end of a run: figures from its tally, a word on each threshold, the files."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from loadtests.scenarios.knee import Knee, Point, knee
from loadtests.scenarios.levels import Figures, Level, by_name, levels, over_time
from loadtests.scenarios.picture import svg
from loadtests.scenarios.setup import Setup
from loadtests.scenarios.strain import strained
from loadtests.scenarios.thresholds import Verdict, judged
from loadtests.users import BULK
from model_repo.evaluate.machine import machine

COLUMNS = 110
"""The table needs so many, also where the output is no terminal."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one run has shown."""

    title: str
    workers: int
    """Processes that have asked and reported; 0 = the one that judges has asked itself."""
    levels: Sequence[Level]
    windows: Sequence[Level]
    names: dict[str, Figures]
    knee: Knee | None
    verdicts: Sequence[Verdict]
    notes: Sequence[str]
    errors: Sequence[str]

    @property
    def held(self) -> bool:
        return all(verdict.held for verdict in self.verdicts)


def judge(setup: Setup, ended_s: float, errors: Sequence[str] = ()) -> bool:
    """Prints and writes; whether every threshold held. ended_s: since the epoch. errors: what failures were, each."""
    found = judgement(setup, ended_s, errors)
    _tell(found, Console(width=max(COLUMNS, Console().width)))
    if setup.folder is not None:
        write(found, setup.folder)
    return found.held


def judgement(setup: Setup, ended_s: float, errors: Sequence[str] = ()) -> Judgement:
    """All figures of a run that has ended."""
    spans = setup.spans(ended_s)
    stages = levels(setup.tally, spans, setup.begun_s, apart=BULK)
    names = by_name(setup.tally, spans[-1].end_s, apart=BULK)
    found = knee([_point(level) for level in stages if not level.bulk]) if _rises(stages) else None
    return Judgement(
        title=title(setup),
        workers=len(setup.tally.processes),
        levels=stages,
        windows=over_time(setup.tally, spans, setup.begun_s, apart=BULK),
        names=names,
        knee=found,
        verdicts=judged(setup.thresholds, names),
        notes=notes(stages, found, setup),
        errors=errors,
    )


def title(setup: Setup) -> str:
    """For people."""
    loop = f"open loop, {setup.rate:g}/s a user" if setup.rate else "closed loop"
    name = setup.scenario.name if setup.scenario else "no scenario"
    workers = f", workers: {len(setup.tally.processes)}" if setup.tally.processes else ""
    return f"{name}: {setup.peak} users at most, {loop}{workers}"


def notes(stages: Sequence[Level], found: Knee | None, setup: Setup) -> list[str]:
    """What a reader must know before believing the figures."""
    whys = [why for level in stages if (why := strained(level))]
    told = []
    if whys:
        told.append(
            f"the client itself was the bottleneck at {len(whys)} of {len(stages)} levels (!), where the figures judge "
            f"it, not the gateway: {'; '.join(whys[:3])}. Use --processes; for capacity, storegate bench (h2load)"
        )
    if setup.rate is None:
        told.append("a closed loop asks less while the gateway is slow: its percentiles hide queueing")
    if found is not None:
        after = sorted(stages, key=lambda level: level.figures.offered_per_s)[found.at + 1]
        if strained(after):
            told.append("the knee is the client's, not the gateway's")
    return told


def write(found: Judgement, folder: Path) -> None:
    """load.svg, requests.csv, levels.csv, windows.csv, verdict.json."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "load.svg").write_text(svg(found.title, found.levels, found.windows, found.knee))
    names = {name or "all": _rounded(asdict(one)) for name, one in found.names.items()}
    _write_csv(folder / "requests.csv", [{"name": name, **told} for name, told in names.items()])
    _write_csv(folder / "levels.csv", [row(level) for level in found.levels])
    _write_csv(folder / "windows.csv", [row(level) for level in found.windows])
    told = {
        "title": found.title,
        "workers": found.workers,
        "machine": machine(),
        "held": found.held,
        "thresholds": [
            {"threshold": str(one.threshold), "found": _number(one.found), "held": one.held} for one in found.verdicts
        ],
        "knee": asdict(found.knee) if found.knee else None,
        "notes": list(found.notes),
        "errors": list(found.errors),
        "levels": [row(level) for level in found.levels],
        "names": names,
    }
    (folder / "verdict.json").write_text(json.dumps(told, allow_nan=False, indent=1) + "\n")


def _write_csv(path: Path, rows: Sequence[dict[str, object]]) -> None:
    """Empty without rows."""
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else [])
        writer.writeheader()
        writer.writerows(rows)


def row(level: Level) -> dict[str, object]:
    """For CSV and JSON; None where there is no number."""
    told = {"begin_s": level.begin_s, "end_s": level.end_s, "load": level.load, "bulk": level.bulk}
    return _rounded({**told, **asdict(level.figures), "client_cpu": level.busy}) | {"client": strained(level)}


def _tell(found: Judgement, console: Console) -> None:
    console.print(_table(found))
    for name, one in found.names.items():
        console.print(
            f"{name or 'all but bulk'}: {one.calls} calls, {one.requests_per_s:.1f}/s, failures {one.failures:.2%}, "
            f"p50 {one.p50_ms:.2f}, p99 {one.p99_ms:.2f} ms",
            highlight=False,
        )
    if found.knee is not None:
        console.print(f"knee: {found.knee.offered_per_s:.0f}/s ({found.knee.why})", highlight=False)
    elif _rises(found.levels):
        console.print("knee: not reached", highlight=False)
    for line in (*(f"note: {note}" for note in found.notes), *map(str, found.verdicts)):
        console.print(line, highlight=False)


def _table(found: Judgement) -> Table:
    shown = Table(box=box.SIMPLE, title=found.title, caption="Times in ms, from the intended start.")
    for column in ("from s", "offered/s", "right/s", "failed", "p50", "p95", "p99", "lag p99", "client CPU"):
        shown.add_column(column, justify="right", no_wrap=True)
    for level in found.levels:
        one = level.figures
        lag = "" if math.isnan(one.lag_p99_ms) else f"{one.lag_p99_ms:.1f}"
        shown.add_row(
            f"{level.begin_s:.0f}{' bulk' if level.bulk else ''}", f"{one.offered_per_s:.0f}",
            f"{one.requests_per_s:.0f}", f"{one.failures:.1%}", f"{one.p50_ms:.2f}", f"{one.p95_ms:.2f}",
            f"{one.p99_ms:.2f}", lag, f"{level.busy:.0%}{' !' if strained(level) else ''}",
        )  # fmt: skip
    return shown


def _point(level: Level) -> Point:
    return Point(level.figures.offered_per_s, 1.0 - level.figures.failures, level.figures.p95_ms)


def _rises(stages: Sequence[Level]) -> bool:
    """Whether the load differs enough between stages that a knee can be looked for."""
    return len({level.load for level in stages}) >= 3


def _rounded(told: dict[str, object]) -> dict[str, object]:
    return {name: _number(value) if isinstance(value, float) else value for name, value in told.items()}


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 4)
