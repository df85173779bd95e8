"""statsforecast's rows: the library runs in an environment of its own, with files in between."""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from loadtests.peers.environments import REQUIREMENTS, python_of
from model_repo.evaluate.forecast.panel import F64
from model_repo.evaluate.forecast.scores import LEVELS
from serving.core.errors import SettingError

ENVIRONMENT: Final = "statsforecast"
WORKER: Final = Path(__file__).with_name("peers_worker.py")
FAST: Final = ("AutoETS", "AutoTheta", "CrostonSBA", "TSB", "ADIDA", "IMAPA")
MODELS: Final = ("AutoETS", "AutoTheta", "AutoARIMA", "AutoCES", "CrostonSBA", "TSB", "ADIDA", "IMAPA")
ENSEMBLES: Final[Mapping[str, tuple[str, ...]]] = {
    "ensemble": ("AutoETS", "AutoTheta", "AutoARIMA", "AutoCES"),
    "ensemble-all": MODELS,
}
"""The median of the members' means, and of their quantiles at each level."""
VARIANTS: Final = ("own", "residual", "phase")
"""Where a row's quantiles come from, see peers_worker.py; each row is printed with those that score best."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one row says. mean: (n, h); quantiles: variant -> (n, h, q) at LEVELS, not decreasing, 0 or more."""

    mean: F64
    quantiles: Mapping[str, np.ndarray]
    seconds: float
    failed: int = 0
    """Series the library gave up on; they got the history's mean and quantiles."""


def ask(
    lines: Sequence[F64], season: int, horizon: int, models: Sequence[str], folder: Path,
    say: Callable[[str], None], *, floor: float | None = 0.0,
) -> dict[str, Answer]:  # fmt: skip
    """Row -> answer for every series; the ensembles too whose members were asked.

    folder: the environment and the answers are kept there, an answer under the digest of all that it depends on:
    history, season, horizon, model, the worker's text, the pinned requirements. floor: no answer is below it; None =
    any. Raises SettingError when the environment cannot be made or the library fails.
    """
    if not models:
        return {}
    asked = {
        "values": np.concatenate(lines),
        "ptr": np.cumsum([0, *map(len, lines)]),
        "season": np.array(season),
        "horizon": np.array(horizon),
        "levels": LEVELS,
    }
    kept = folder / "answers" / _digest(asked)
    missing = [name for name in models if not (kept / f"{name}.npz").exists()]
    if missing:
        python = python_of(ENVIRONMENT, folder, say)
        kept.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as work:
            question = Path(work) / "asked.npz"
            np.savez(question, **asked, models=np.array(missing))
            _run([str(python), str(WORKER), str(question), str(kept)], say)
    answers = {name: _read(kept / f"{name}.npz", floor) for name in models}
    for name, members in ENSEMBLES.items():
        if set(members) <= set(models):
            answers[name] = _median([answers[member] for member in members])
    return answers


def _digest(asked: Mapping[str, np.ndarray]) -> str:
    whole = hashlib.sha256(WORKER.read_bytes() + (REQUIREMENTS / f"{ENVIRONMENT}.txt").read_bytes())
    for name in sorted(asked):
        whole.update(name.encode() + np.ascontiguousarray(asked[name]).tobytes())
    return whole.hexdigest()[:32]


def _run(command: list[str], say: Callable[[str], None]) -> None:
    """Runs it and passes its progress on."""
    last = ""
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        for line in running.stderr:
            last = line.strip()
            say(last)
    if running.returncode:
        raise SettingError(f"statsforecast ended with code {running.returncode}: {last}")


def _read(file: Path, floor: float | None) -> Answer:
    """A shop sells no less than nothing: said for the library, which does not know."""
    low = -np.inf if floor is None else floor
    with np.load(file) as stored:
        limits = {name: np.sort(np.maximum(stored[name], low), axis=2) for name in VARIANTS if name in stored.files}
        return Answer(np.maximum(stored["mean"], low), limits, float(stored["seconds"]), int(stored["failed"].sum()))


def _median(members: Sequence[Answer]) -> Answer:
    limits = {}
    for variant in VARIANTS:
        some = [one.quantiles.get(variant, one.quantiles["residual"]) for one in members]
        limits[variant] = np.median(np.stack(some), axis=0)
    return Answer(np.median([one.mean for one in members], axis=0), limits, sum(one.seconds for one in members))
