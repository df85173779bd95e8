"""The table of the simulated markets: what each contender left on the table, in per cent of the oracle's margin."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np

from model_repo.evaluate.price.market import F64
from model_repo.evaluate.price.oracle import ORACLE
from model_repo.evaluate.price.regret_plot import svg
from model_repo.evaluate.price.served_pricing import Served
from model_repo.evaluate.price.simulate import BASELINES, Maker, Run, play
from model_repo.evaluate.report import SERVED_NAME, Result, Row
from serving.core.errors import InternalError

Say = Callable[[str], None]
COMMAND = "evaluate price --simulate"
TUNED: Final = (
    "chosen by looking at other markets: epsilon (0, .01, .02, .05, .1) and the width of UCB (.01, .03, .1, .2, .5) in "
    "201 to 206; nothing of cost-plus, fixed and greedy OLS, DQN and PPO as they were first set (run in 201 to 203)",
    "served: made with 101 to 108 in sight (curves, trees; exploring a tenth of the prices against none, retraining "
    "after 7 days against 3); a width of 3 % as it was first set",
)
"""The tuning budget of every contender's constants, by the seeds of the markets."""


def evaluate_simulated(
    *, first_seed: int, worlds: int, days: int, categories: int, neural: bool, plot: Path | None, say: Say
) -> Result:
    """`worlds` markets, seeds from `first_seed` on. The oracle knows the true demand, and is the same ladder's best.

    Raises NotReady when neural rows are asked for and PyTorch is missing, InternalError when a contender breaks a
    hard rule.
    """
    began = time.monotonic()
    makers: list[Maker] = [Served, *BASELINES]
    if neural:
        from model_repo.evaluate.price.neural import contenders

        makers += contenders()
    seeds = list(range(first_seed, first_seed + worlds))
    played: list[list[Run]] = []
    for seed in seeds:
        say(f"market {seed}: {days} days, {len(makers)} contenders and the oracle")
        played.append(play(seed, makers, categories=categories, days=days))
    broken = sum(run.broken for runs in played for run in runs)
    if broken:
        raise InternalError(f"{broken} prices of the simulated markets broke a hard rule")
    rows = [_row(runs) for runs in zip(*[_with_oracle(runs) for runs in played], strict=True)]
    if plot is not None:
        plot.write_text(svg(curves(played), f"Cumulative regret over {days} days, mean of {worlds} simulated markets"))
    return Result(
        command=COMMAND,
        data="simulated markets",
        sha256=sha256(f"market 1 {seeds} {days} {categories}".encode()).hexdigest(),
        seed=first_seed,
        protocol=f"{days} days of prices; everybody knows the same 180 days before them and keeps the same hard rules",
        counts={"markets": worlds, "items": categories * 10, "days": days, "decisions": _decisions(played)},
        rows=rows,
        seconds=time.monotonic() - began,
        notes=_notes(rows, seeds, neural),
    )


def curves(played: Sequence[Sequence[Run]]) -> dict[str, F64]:
    """Contender -> (days,) cumulative regret in per cent of the oracle's whole margin, mean over the markets."""
    out: dict[str, F64] = {}
    for at, first in enumerate(played[0][:-1]):
        lost = [np.cumsum(runs[-1].margin - runs[at].margin) / runs[-1].margin.sum() for runs in played]
        out[first.name] = 100 * np.mean(lost, axis=0)
    return out


def _with_oracle(runs: Sequence[Run]) -> list[tuple[Run, Run]]:
    return [(run, runs[-1]) for run in runs]


def _row(pairs: Sequence[tuple[Run, Run]]) -> Row:
    """One contender in all markets. The standard error is over markets."""
    regret = np.array([100 * (1 - run.margin.sum() / oracle.margin.sum()) for run, oracle in pairs])
    late = [100 * (1 - _third(run) / _third(oracle)) for run, oracle in pairs]
    metrics = {
        "regret_pct": float(regret.mean()),
        "regret_pct_se": float(regret.std(ddof=1) / np.sqrt(len(regret))),
        "regret_pct_worst": float(regret.max()),
        "regret_pct_last_third": float(np.mean(late)),
        "margin_per_day": float(np.mean([run.margin.mean() for run, _ in pairs])) / 100,
        "rule_violations": float(sum(run.broken for run, _ in pairs)),
    }
    name = pairs[0][0].name
    return Row(name, metrics, sum(run.seconds for run, _ in pairs), competes=name != ORACLE)


def _third(run: Run) -> float:
    return float(run.margin[-(len(run.margin) // 3) :].sum())


def _decisions(played: Sequence[Sequence[Run]]) -> int:
    return sum(run.decisions for runs in played for run in runs)


def _notes(rows: Sequence[Row], seeds: Sequence[int], neural: bool) -> list[str]:
    regret = {row.name: row.metrics["regret_pct"] for row in rows}
    baselines = {name: value for name, value in regret.items() if name not in (SERVED_NAME, ORACLE)}
    best = min(baselines, key=lambda name: baselines[name])
    notes = [
        f"seeds of the markets: {seeds[0]} to {seeds[-1]}",
        f"served / best baseline ({best}): {regret[SERVED_NAME] / max(baselines[best], 1e-9):.2f}",
        "the oracle knows the true demand of the day and sets a category's prices together, item by item until none "
        "changes, on every price allowed; of four degrees of foresight about remembered prices the best is taken in "
        "each market. It is no optimum over the days: regret is against the best of these four, a lower bound of that "
        "against the optimum",
        *TUNED,
        "the served model leaves out two things that the oracle counts: what an item's price takes from the shop's "
        "other items, and what it leaves in customers' memory",
    ]
    if not neural:
        notes.append("DQN and PPO are left out: ask for them with --neural (needs PyTorch)")
    return notes
