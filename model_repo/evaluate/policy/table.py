"""Off-policy estimates for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from model_repo.evaluate.machine import peak_rss_mib
from model_repo.evaluate.policy.estimators import Estimate, Judged
from model_repo.evaluate.policy.trials import Trials
from model_repo.evaluate.report import SERVED_NAME, Result, Row

LOGGED_NAME = "logged"
"""Of the simulator's log; that of a real one is what was served."""
COVERAGE_MIN = 0.9


def rows_of(served: Estimate, judged: Sequence[Judged], seconds: float) -> list[Row]:
    """A row a policy, what was served first. Keys: <estimator>, <estimator>_low, ..., and those of the weights."""
    first = Row(SERVED_NAME, _estimate("mean", served), seconds)
    return [first, *(Row(each.name, _judged(each), seconds) for each in judged)]


def rows_of_trials(found: Trials, seconds: float) -> list[Row]:
    """The same of a simulation, with `truth` and, over its runs, <estimator>_bias, _bias_se, _sd and _coverage@95."""
    rows = [Row(LOGGED_NAME, {"truth": found.logged_truth} | _estimate("mean", found.logged), seconds)]
    for name, trial in found.trials.items():
        metrics = {"truth": trial.truth, "truth_whole_page": trial.whole_page} | _judged(trial.first)
        for estimator, runs in trial.repeated.items():
            metrics |= {
                f"{estimator}_error": trial.first.estimates[estimator].value - trial.truth,
                f"{estimator}_bias": runs.bias,
                f"{estimator}_bias_se": runs.bias_se,
                f"{estimator}_sd": runs.sd,
                f"{estimator}_coverage@95": runs.coverage,
            }
        rows.append(Row(name, metrics, seconds))
    return rows


def warnings_of_trials(found: Trials) -> list[str]:
    """Those of the first log, and intervals that did not keep their promise."""
    warnings = [warning for trial in found.trials.values() for warning in trial.first.warnings]
    for name, trial in found.trials.items():
        poor = [f"{each} {runs.coverage:.0%}" for each, runs in trial.repeated.items() if runs.coverage < COVERAGE_MIN]
        if poor:
            warnings.append(
                f"{name}: 95 % intervals held the truth less often: {', '.join(poor)} (few pages, or clipped)"
            )
    return warnings


def show(result: Result, console: Console) -> None:
    """The estimates, then how much the log says about each policy. Figures are rewards a page."""
    simulated = any("truth" in row.metrics for row in result.rows)
    console.print(f"[bold]{result.data}[/bold]: {result.protocol}", highlight=False)
    console.print(", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in result.counts.items()))
    console.print(_values(result.rows, simulated))
    console.print(_weights(result.rows))
    for note in result.notes:
        console.print(f"note: {note}", highlight=False, markup=False)
    console.print(f"seed {result.seed}, {result.seconds:.1f} s, peak memory {peak_rss_mib()} MiB", highlight=False)


def _values(rows: Sequence[Row], simulated: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("policy", no_wrap=True)
    table.add_column("estimator", no_wrap=True)
    more = ("truth", "error", "mean error of all runs", "coverage") if simulated else ()
    for name in ("a page", "95 % interval", *more):
        table.add_column(name, justify="right")
    for row in rows:
        metrics, shown = row.metrics, row.name
        for estimator in (name.removesuffix("_low") for name in metrics if name.endswith("_low")):
            cells = [
                f"{metrics[estimator]:.4f}",
                f"{metrics[estimator + '_low']:.4f}..{metrics[estimator + '_high']:.4f}",
            ]
            if simulated:
                cells += _against_truth(metrics, estimator)
            table.add_row(shown, estimator, *cells)
            shown = ""
    return table


def _against_truth(metrics: Mapping[str, float], estimator: str) -> list[str]:
    cells = [f"{metrics['truth']:.4f}"]
    if f"{estimator}_error" in metrics:
        bias, se = metrics[f"{estimator}_bias"], metrics[f"{estimator}_bias_se"]
        cells += [f"{metrics[f'{estimator}_error']:+.4f}", f"{bias:+.4f} ± {se:.4f}"]
        cells.append(f"{metrics[f'{estimator}_coverage@95']:.1%}")
    return cells


def _weights(rows: Sequence[Row]) -> Table:
    keys = {"ess": "effective slots", "weight_mean": "mean weight", "weight_max": "largest", "clipped_share": "clipped"}
    if any("truth_whole_page" in row.metrics for row in rows):
        keys |= {"truth": "truth", "truth_whole_page": "whole page by it"}
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("policy", no_wrap=True)
    for title in keys.values():
        table.add_column(title, justify="right")
    for row in rows:
        if "ess" in row.metrics:
            table.add_row(row.name, *(f"{row.metrics[key]:,.{0 if key == 'ess' else 4}f}" for key in keys))
    return table


def _judged(judged: Judged) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for name, estimate in judged.estimates.items():
        metrics |= _estimate(name, estimate)
    weights = judged.weights
    return metrics | {
        "ess": weights.ess,
        "weight_mean": weights.mean,
        "weight_mean_se": weights.mean_se,
        "weight_max": weights.largest,
        "clipped_share": weights.clipped,
    }


def _estimate(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
