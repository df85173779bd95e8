"""Files of bare series: the M4 competition's scores, or those of counts where most periods sell nothing."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from model_repo.datasets.series import Series, join
from model_repo.evaluate.forecast.flow import Found
from model_repo.evaluate.forecast.panel import Panel
from model_repo.evaluate.forecast.peers import Answer, ask
from model_repo.evaluate.forecast.scores import LEVELS
from model_repo.evaluate.forecast.tally import Task
from model_repo.evaluate.report import Result, Row
from model_repo.forecast import pooled_counts, seasonal_ar
from model_repo.forecast.line_errors import mase, smape
from serving.core.errors import InvalidInput
from serving.kernels import demand_bank
from serving.kernels.demand_season import MULTIPLICATIVE, indices, mode_of

Say = Callable[[str], None]
Lines = Sequence[np.ndarray]
OURS: Final = "storegate"
COUNT_PEERS: Final = ("CrostonSBA", "TSB", "ADIDA", "IMAPA")
ZEROS_MIN: Final = 0.3
"""Whole numbers with so many zeros are counts."""
M4_SEASONS: Final = (1, 4, 12, 24)
RECENT: Final = 24
"""The row `history` is the quantiles of so many newest periods."""


@dataclass(frozen=True, slots=True)
class SeriesPlan:
    """What is measured. horizon: of the periods held out where there is no test file; origins: how often."""

    season: int = 1
    horizon: int = 0
    origins: int = 1
    models: Sequence[str] | None = None
    """Of peers.MODELS; None = COUNT_PEERS for counts, none for levels, which take hours."""
    folder: Path = Path("var/peers")
    seed: int = 0


def evaluate_series(train: Series, test: Series | None, plan: SeriesPlan, say: Say) -> Result:
    """Our model for such series beside classical ones. Raises InvalidInput or DataError for files that do not fit."""
    began = time.monotonic()
    if test is not None:
        actual = join(train, test)
        horizon = min(map(len, actual))
        asked = [(list(train.lines), np.stack([line[:horizon] for line in actual]))]
    else:
        horizon = plan.horizon
        asked = list(_held_out(train.lines, horizon, plan.origins))
    counts = _are_counts(train.lines)
    say(f"{len(train.ids)} series of {'counts' if counts else 'levels'}, {horizon} periods ahead")
    judge = _counts if counts else _levels
    rows, notes = judge(asked, plan, say)
    if train.ended:
        notes.append(f"{len(train.ended)} series end before the file's last period: left out")
    notes.append(f"{OURS}: a model of its own for such files, made by this command; no gateway serves it")
    return Result(
        command="evaluate forecast --series",
        data=train.name,
        sha256=train.sha256,
        seed=plan.seed,
        protocol=(
            f"{horizon} periods after each of {len(asked)} origins"
            if test is None
            else f"the {horizon} periods of {test.name}, from {train.name}"
        ),
        counts={"series": len(train.ids), "values": sum(map(len, train.lines)), "season": plan.season},
        rows=rows,
        seconds=time.monotonic() - began,
        notes=notes,
    )


def _held_out(lines: Lines, horizon: int, origins: int) -> list[tuple[list[np.ndarray], np.ndarray]]:
    """(history, what came) for each origin, the oldest first; a series takes part where it has history."""
    shortest = min(map(len, lines))
    if shortest <= origins * horizon:
        raise InvalidInput(
            "series", f"{shortest} values", f"more than {origins * horizon}: {origins} origins of {horizon} periods"
        )
    cuts = [back * horizon for back in range(origins, 0, -1)]
    return [
        ([line[:-cut] for line in lines], np.stack([line[len(line) - cut :][:horizon] for line in lines]))
        for cut in cuts
    ]


def _are_counts(lines: Lines) -> bool:
    values = np.concatenate(lines)
    return bool((values >= 0).all() and (values == np.rint(values)).all() and (values == 0).mean() >= ZEROS_MIN)


def naive2(lines: Lines, season: int, horizon: int) -> np.ndarray:
    """(n, horizon) the last value, free of its season where the series has one, and the season on it again."""
    out = np.empty((len(lines), horizon))
    for row, line in enumerate(lines):
        seasonal = mode_of(line, season, MULTIPLICATIVE) == MULTIPLICATIVE
        cycle = indices(line, season, MULTIPLICATIVE) if seasonal else np.ones(1)
        ahead = np.arange(len(line), len(line) + horizon)
        out[row] = line[-1] / cycle[(len(line) - 1) % len(cycle)] * cycle[ahead % len(cycle)]
    return out


def _level_rows(lines: Lines, season: int, scored: int, horizon: int) -> dict[str, Callable[[], np.ndarray]]:
    values, ptr = np.concatenate(lines), np.cumsum([0, *map(len, lines)])
    alphas = demand_bank.ALPHAS
    return {
        OURS: lambda: seasonal_ar.forecast(lines, season, horizon),
        "naive2": lambda: naive2(lines, scored, horizon),
        "ses": lambda: demand_bank.ses(values, ptr, horizon, alphas),
        "theta": lambda: demand_bank.theta(values, ptr, horizon, season, MULTIPLICATIVE, alphas),
    }


def _levels(
    asked: Sequence[tuple[list[np.ndarray], np.ndarray]], plan: SeriesPlan, say: Say
) -> tuple[list[Row], list[str]]:
    scored = plan.season if plan.season in M4_SEASONS else 1
    percent, scaled, seconds = defaultdict(list), defaultdict(list), defaultdict(float)
    for lines, actual in asked:
        horizon = actual.shape[1]
        found = {}
        for name, make in _level_rows(lines, plan.season, scored, horizon).items():
            began = time.monotonic()
            found[name] = make()
            seconds[name] += time.monotonic() - began
            say(f"{name}: {time.monotonic() - began:.1f} s")
        answers = ask(lines, plan.season, horizon, plan.models or (), plan.folder, say, floor=None)
        for name, answer in answers.items():
            found[name], seconds[name] = answer.mean, seconds[name] + answer.seconds
        for name, mean in found.items():
            percent[name].append(smape(actual, mean))
            scaled[name].append(mase(actual, mean, lines, scored))
    errors = {name: (_mean(percent[name]), _mean(scaled[name])) for name in percent}
    made = []
    for name, (off, by) in errors.items():
        with np.errstate(all="ignore"):
            owa = 0.5 * (np.divide(off, errors["naive2"][0]) + np.divide(by, errors["naive2"][1]))
        metrics = {"series.smape": off, "series.mase": by, "series.owa": float(owa)}
        made.append(Row(name, {key: one for key, one in metrics.items() if np.isfinite(one)}, seconds[name]))
    return made, [f"Naive2 and MASE with season {scored}, as the M4 competition has it for such series"]


def _mean(errors: Sequence[np.ndarray]) -> float:
    """Over the series that have such an error; NaN without any."""
    every = np.concatenate(errors)
    known = every[np.isfinite(every)]
    return float(known.mean()) if len(known) else float("nan")


def _counts(
    asked: Sequence[tuple[list[np.ndarray], np.ndarray]], plan: SeriesPlan, say: Say
) -> tuple[list[Row], list[str]]:
    models = COUNT_PEERS if plan.models is None else plan.models
    found: dict[str, Found] = defaultdict(Found)
    for lines, actual in asked:
        units, _ = pooled_counts.padded(lines)
        history = Panel(tuple(map(str, range(len(lines)))), units, units, 0)
        task = Task("series", "counts", plan.season, history, actual, None, np.ones(len(lines)))
        began = time.monotonic()
        mean, quantiles = pooled_counts.forecast(lines, plan.season, task.horizon, LEVELS, seed=plan.seed)
        found[OURS].add(task, Answer(mean, {OURS: quantiles}, time.monotonic() - began))
        say(f"{OURS}: {time.monotonic() - began:.1f} s")
        recent = np.stack([np.quantile(line[-RECENT:], LEVELS) for line in lines])
        means = np.stack([np.full(task.horizon, line[-RECENT:].mean()) for line in lines])
        flat = np.repeat(recent[:, None, :], task.horizon, axis=1)
        found["history"].add(task, Answer(means, {"residual": flat}, 0.0))
        for name, answer in ask(_on_sale(lines), plan.season, task.horizon, models, plan.folder, say).items():
            found[name].add(task, answer)
    notes = [
        f"history: the quantiles of the newest {RECENT} periods",
        "quantiles of the library's rows: its forecast plus the quantiles of its errors in the history (all, or those "
        "of the phase), as they are or rounded: whatever scores best on the test itself",
    ]
    return [one.row(name) for name, one in found.items()], notes


def _on_sale(lines: Lines) -> list[np.ndarray]:
    """From the first demand on: what lies before would count against the intermittent methods."""
    return [line[int((line > 0).argmax()) :] for line in lines]
