"""What a release must show before it serves: right answers, real numbers, and in time.

Checksums, shapes and signatures are the loader's business (model_loader.py, onnx_scorer.py, onnx_checks.py).
"""

from __future__ import annotations

import logging
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from serving.adapters.model_files import GOLDEN, load_arrays
from serving.core.errors import ModelDamaged, ModelRefused
from serving.core.ports import F32, Scorer
from serving.decisions.recommend.contract import Answer, Query
from serving.decisions.recommend.models import Rankers
from serving.decisions.recommend.pipeline import Recommender

GOLDEN_FILE: Final = "golden.npz"
"""In the part "ranker": rows of features and what each ranker scored them when it was trained."""
DESCRIPTION: Final = "model.toml"
REL_TOLERANCE, ABS_TOLERANCE = 1e-3, 1e-3
"""Of golden scores: the trainer adds up in another order than the runtime, trees compare with rounded thresholds."""
PROBE_ROWS: Final = 64
"""Drawn rows, where no golden ones are kept: the scores are still looked at."""
TIMED_ROWS: Final = 256
"""About the candidates of one request."""
TIMED_RUNS: Final = 5
TIMED_S_MAX: Final = 0.5
"""A ranker that slow is not run again: its first time is enough to refuse it."""
FLOOR_S: Final = 0.001
"""For TIMED_ROWS: what is faster is never too slow, however fast the live one is."""

VALUES, GOLDEN_ROWS, BUDGET, REQUESTS = "values", "golden-rows", "budget", "requests"
"""ModelRefused.check."""

log = logging.getLogger(__name__)


def check_rankers(folder: Path, rankers: Rankers, width: int, live: Rankers | None, slower_max: float) -> None:
    """Raises ModelRefused naming the ranker, ModelDamaged for a description or golden rows that cannot be read.

    folder: of the part "ranker". width: features of a row. live: what serves now, None = nothing: then only a budget of
    its own is held against a ranker. slower_max: how many times the live one's time is too long, where model.toml
    names no budget.
    """
    golden = _golden(folder)
    if golden and golden["features"].shape[1] != width:
        raise ModelDamaged(f"ranker: {GOLDEN_FILE}: rows of {golden['features'].shape[1]} features, not {width}")
    budget_s = _budget_s(folder)
    for name in Rankers.__dataclass_fields__:
        scorer: Scorer = getattr(rankers, name)
        file = f"ranker: {name}.onnx"
        rows = golden["features"] if golden else _drawn(width)
        try:
            scores = scorer.score(rows)
        except Exception as error:  # onnxruntime raises a class of its own for each way to fail
            raise ModelRefused(file, VALUES, f"it cannot be run: {error}") from error
        if scores.shape != (len(rows),) or not np.isfinite(scores).all():
            raise ModelRefused(file, VALUES, f"it scores {_first_bad(scores)}, expected one finite number a row")
        if golden:
            _check_golden(file, scores, golden[name])
        _check_speed(file, scorer, rows, getattr(live, name) if live else None, budget_s, slower_max)


def rehearse(pipeline: Recommender, release: str, recorded: Sequence[Query], *, strict: bool) -> None:
    """Answers made-up requests for every placement, then the recorded ones; nothing of it is kept or seen by anybody.

    Raises ModelRefused when an answer fails, falls back, or has scores that are no numbers. strict: a recorded request
    that raises is held against the release too: so it is where another release has answered it.
    """
    try:
        answers = pipeline.warm()
    except Exception as error:
        raise ModelRefused(f"release {release}", REQUESTS, f"a made-up request fails: {error!r}") from error
    for query in recorded:
        try:
            answers += pipeline.warm_with([query])
        except Exception as error:
            if strict:
                raise ModelRefused(f"release {release}", REQUESTS, f"a recorded request fails: {error!r}") from error
            log.warning("a recorded request is left out of the warm-up: %r", error)
    for answer in answers:
        _check_answer(answer, release)


def _check_answer(answer: Answer, release: str) -> None:
    if answer.degraded:
        stage, cause = answer.degraded[0]
        raise ModelRefused(f"release {release}", REQUESTS, f"the stage {stage} falls back on a request: {cause}")
    if not np.isfinite(answer.scores).all():
        problem = f"an answer has the score {_first_bad(answer.scores)}, expected finite numbers"
        raise ModelRefused(f"release {release}", VALUES, problem)


def _golden(folder: Path) -> dict[str, F32]:
    """The golden rows; empty for a ranker of a version that kept none."""
    path = folder / GOLDEN_FILE
    return load_arrays(path, GOLDEN) if path.is_file() else {}


def _check_golden(file: str, scores: F32, expected: F32) -> None:
    if len(scores) != len(expected):
        raise ModelDamaged(f"{file}: {len(scores)} golden rows with {len(expected)} scores", model=file)
    off = ~np.isclose(scores, expected, rtol=REL_TOLERANCE, atol=ABS_TOLERANCE)
    if off.any():
        row = int(off.argmax())
        problem = (
            f"{off.sum()} of {len(scores)} golden rows come out otherwise: row {row} scores {scores[row]:.6g}, "
            f"expected {expected[row]:.6g} as when it was trained"
        )
        raise ModelRefused(file, GOLDEN_ROWS, problem)


def _check_speed(
    file: str, scorer: Scorer, rows: F32, live: Scorer | None, budget_s: float | None, slower_max: float
) -> None:
    """budget_s: for TIMED_ROWS, None = what the live one takes, measured turn by turn with it."""
    if budget_s is None and live is None:
        return
    timed = np.resize(rows, (TIMED_ROWS, rows.shape[1]))
    mine = theirs = float("inf")
    until = time.monotonic() + TIMED_S_MAX
    for _ in range(TIMED_RUNS):
        if live is not None:
            theirs = min(theirs, _cpu_s(live, timed))
        mine = min(mine, _cpu_s(scorer, timed))
        if time.monotonic() > until:
            break
    allowed_s = max(slower_max * theirs, FLOOR_S) if budget_s is None else budget_s
    if mine > allowed_s:
        whose = f"{slower_max:g} times the live one's {1e3 * theirs:.3g} ms" if budget_s is None else "its budget"
        problem = f"{TIMED_ROWS} rows take {1e3 * mine:.3g} ms, at most {1e3 * allowed_s:.3g} ms is allowed: {whose}"
        raise ModelRefused(file, BUDGET, problem)


def _cpu_s(scorer: Scorer, rows: F32) -> float:
    """Processor time of this thread, on which the model runs: who else is busy on the machine does not count."""
    begun = time.thread_time()
    scorer.score(rows)
    return time.thread_time() - begun


def _budget_s(folder: Path) -> float | None:
    """For TIMED_ROWS, from `budget.micros_per_row` in model.toml; None = it names none. Raises ModelDamaged."""
    try:
        found = tomllib.loads((folder / DESCRIPTION).read_text()).get("budget", {}).get("micros_per_row")
    except FileNotFoundError:
        return None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, AttributeError) as error:
        raise ModelDamaged(f"ranker: {DESCRIPTION}: {error}", file=DESCRIPTION) from error
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float) or not found > 0:
        raise ModelDamaged(f"ranker: {DESCRIPTION}: budget.micros_per_row is {found!r}, expected a number above 0")
    return TIMED_ROWS * float(found) / 1e6


def _drawn(width: int) -> F32:
    """(PROBE_ROWS, width) the same for everybody."""
    return np.random.default_rng(0).standard_normal((PROBE_ROWS, width)).astype(np.float32)


def _first_bad(scores: F32) -> object:
    bad = scores[~np.isfinite(scores)]
    return float(bad[0]) if len(bad) else f"an array of shape {scores.shape}"
