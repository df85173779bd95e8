"""What retraining leaves below home: who is at it, what came of it, and the card of each release that it made.

<home>/retrain/lock          held while a training runs; its owner's process id
<home>/retrain/status.json   how often it ended how, and the last time
<home>/retrain/last.log      what the last scheduled training said
<home>/retrain/work/         its drafts; removed by the next one
<home>/cards/RELEASE.md      what a release was made from and judged by, for people; RELEASE.json for programs
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from serving.adapters import disk
from serving.core.errors import Conflict, NotFound
from serving.core.process_lock import process_lock
from serving.engine.telemetry import Family

FOLDER: Final = "retrain"
WORK: Final = "work"
CARDS: Final = "cards"
CARDS_MAX: Final = 200
"""Newest cards that are kept, of releases that are gone too: they tell what was decided."""
PROMOTED, KEPT, FAILED = "promoted", "kept", "failed"
OUTCOMES: Final = (PROMOTED, KEPT, FAILED)


@dataclass(frozen=True, slots=True)
class Last:
    """The last training. release: what it made, '' = nothing; times in epoch seconds."""

    outcome: str
    reason: str
    release: str
    began_s: float
    ended_s: float


@dataclass(frozen=True, slots=True)
class Status:
    """counts: outcome -> how often."""

    counts: Mapping[str, int] = field(default_factory=dict)
    last: Last | None = None


def place(home: Path) -> Path:
    """The folder, made where it is not there."""
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """One training a home; the kernel lets go of the lock however the process ends. Raises Conflict with its owner."""
    with process_lock(
        place(home) / "lock",
        lambda owner: Conflict(f"a retraining ({owner}) already runs on {home}: wait until it ends"),
    ):
        yield


def forget_work(home: Path) -> str:
    """Removes the drafts of a training that was killed, which hold people's events; why that cannot be, "" = they are
    gone. What a training that runs makes is looked through when it is published."""
    work = home / FOLDER / WORK
    if not work.exists():
        return ""
    try:
        with alone(home):
            disk.remove(work)
    except Conflict:
        return "a training is under way: its drafts go with its end"
    return f"the drafts of a training cannot be removed: {work}" if work.exists() else ""


def status(home: Path) -> Status:
    """What came of all of them; nothing where there was none, or the file cannot be read."""
    try:
        found = json.loads((home / FOLDER / "status.json").read_bytes())
        counts = {name: int(found["counts"].get(name, 0)) for name in OUTCOMES}
        return Status(counts, Last(**found["last"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Status()


def count(home: Path, last: Last) -> None:
    """Adds one. Call it while `alone`, or when nobody can be."""
    known = status(home)
    counts = {name: known.counts.get(name, 0) for name in OUTCOMES}
    counts[last.outcome] += 1
    made = replace(known, counts=counts, last=last)
    disk.replace(place(home) / "status.json", (json.dumps(asdict(made), indent=2) + "\n").encode())


def write_card(home: Path, release: str, text: str, facts: Mapping[str, Any]) -> Path:
    """Both forms of a card; the oldest beyond CARDS_MAX go. Returns where people read it."""
    folder = home / CARDS
    folder.mkdir(parents=True, exist_ok=True)
    disk.replace(folder / f"{release}.json", (json.dumps(facts, indent=2, allow_nan=False) + "\n").encode())
    disk.replace(folder / f"{release}.md", text.encode())
    for old in sorted(folder.glob("*.md"))[:-CARDS_MAX]:  # names begin with their time
        old.unlink()
        old.with_suffix(".json").unlink(missing_ok=True)
    return folder / f"{release}.md"


def read_card(home: Path, release: str, *, for_programs: bool = False) -> str:
    """A card. Raises NotFound: `storegate train` writes none."""
    path = home / CARDS / f"{release}.{'json' if for_programs else 'md'}"
    if path.parent != home / CARDS or not path.is_file():
        raise NotFound("card of release", release)
    return path.read_text()


def retrain_families(home: Path) -> list[Family]:
    """What came of retraining, as metrics; nothing where there was none."""
    known = status(home)
    if known.last is None:
        return []
    rows = [((outcome,), float(known.counts.get(outcome, 0))) for outcome in OUTCOMES]
    return [
        Family("counter", "storegate_retrains", "Retrainings of this home, by how they ended.", ("outcome",), [*rows]),
        Family(
            "gauge", "storegate_retrain_last_seconds", "When the last one ended, in epoch seconds.", ("outcome",),
            [((known.last.outcome,), known.last.ended_s)],
        ),
    ]  # fmt: skip
