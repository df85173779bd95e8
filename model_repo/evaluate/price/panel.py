"""How well is demand foretold at the prices that were asked: on weeks that training has not seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from scipy.special import digamma

from model_repo.datasets.orange_juice import BRANDS, is_orange_juice, read_orange_juice
from model_repo.datasets.panel import WEEK_DAYS, Panel
from model_repo.datasets.panel_files import read_panel
from model_repo.evaluate.price.ols import BY_GROUP, FIXED_BY_GROUP, FIXED_EFFECTS, POOLED, Ols
from model_repo.evaluate.report import SERVED_NAME, Result, Row
from model_repo.price.build import Params, build
from model_repo.price.prior import F64
from serving.adapters.price_files import PART, read_price_model
from serving.adapters.versions import write_version
from serving.core.errors import InvalidInput
from serving.decisions.price.demand import PriceContext, Sales
from serving.decisions.price.posterior import PosteriorDemand

Say = Callable[[str], None]
ORANGE_JUICE_SEEN: Final = (
    "the served trees' features and sizes were compared on the last 24 weeks of this panel while they were made"
)


def read(path: Path, currency: str = "GBP", period_days: int = WEEK_DAYS) -> Panel:
    """A tidy panel, or the orange juice's file, told by its header."""
    return (
        read_orange_juice(path)
        if is_orange_juice(path)
        else read_panel(path, currency=currency, period_days=period_days)
    )


def evaluate_panel(panel: Panel, *, holdout: int, ahead: int, seed: int, say: Say, command: str) -> Result:
    """The last `holdout` periods, each foretold from what was known `ahead` periods before it.

    The served row is trained once, on what was known for the first of them, written as a version and read as the
    gateway reads it, and takes each later period's sales by `update`; regressions are fitted anew for every period.
    Raises InvalidInput when the panel is too short.
    """
    began = time.monotonic()
    periods = int(panel.period.max()) + 1
    if periods < 2 * holdout + ahead:
        raise InvalidInput("holdout", holdout, f"at most half of the panel's {periods} periods")
    cut = periods - holdout
    test = panel.where((panel.period >= cut) & ~panel.sold_out & (panel.units > 0))
    if not len(test):
        raise InvalidInput("panel", "no sale in the last periods", "sales to judge by")
    rows = []
    say(f"training on {cut - ahead + 1} periods")
    at = time.monotonic()
    log_units, slopes = served(panel, test, cut, ahead, seed)
    rows.append(Row(SERVED_NAME, _metrics(test, log_units, slopes), time.monotonic() - at))
    for baseline in (POOLED, BY_GROUP, FIXED_EFFECTS, FIXED_BY_GROUP):
        say(f"fitting {baseline.name}")
        at = time.monotonic()
        log_units, slopes = _regressed(baseline, panel, test, cut, ahead)
        rows.append(Row(baseline.name, _metrics(test, log_units, slopes), time.monotonic() - at))
    rmse = {row.name: row.metrics["rmse_log_units"] for row in rows}
    against = [_against(rmse[SERVED_NAME], value, name) for name, value in rmse.items() if name != SERVED_NAME]
    notes = [
        f"RMSE of log units of the served model: {', '.join(against)}",
        f"{POOLED.name} and {BY_GROUP.name} have a constant a category: the levels of stores are part of their error; "
        "the fixed-effects rows have a constant a series",
        *([ORANGE_JUICE_SEEN] if panel.groups == BRANDS else []),
        "periods without a sale are not judged: their logarithm does not exist",
    ]
    return Result(
        command=command, data=panel.name, sha256=panel.sha256, seed=seed,
        protocol=f"the last {holdout} periods, each foretold from what was known {ahead} periods before it",
        counts={"rows": len(panel), "series": len(panel.ids), "categories": len(panel.groups), "judged": len(test)},
        rows=rows, seconds=time.monotonic() - began, notes=notes,
    )  # fmt: skip


def served(panel: Panel, test: Panel, cut: int, ahead: int, seed: int) -> tuple[F64, F64]:
    """(m,) expected log units of the rows of `test`, and (n,) elasticities of the model as it was trained.

    Period t is foretold by the model that has seen t - ahead and nothing later: the first one by the training alone.
    """
    begin = cut - ahead + 1  # what training has not seen
    built = build(panel.where(panel.period < begin), seed=seed, params=Params(ahead=ahead))
    with TemporaryDirectory(prefix="storegate-evaluate-") as folder:
        write_version(Path(folder), PART, "evaluated", {**built.files})
        first = read_price_model(Path(folder), "evaluated")
    known, units = first, np.zeros(len(test))
    for period in range(cut, int(panel.period.max()) + 1):
        asked = np.flatnonzero(test.period == period)
        if len(asked):
            context = _context(test, asked)
            units[asked] = known.units(test.series[asked], test.price[asked, None], context)[:, 0]
        seen = np.flatnonzero(panel.period == period - ahead + 1)
        known = _learnt(known, panel, seen) if len(seen) else known
    size = first.curves.size[test.series]
    # The mean of the logarithm of a gamma-Poisson count lies below the logarithm of its mean
    log_units = np.log(np.maximum(units, 1e-9)) + np.where(units > 5, digamma(size) - np.log(size), 0.0)
    return log_units, first.elasticity(np.arange(len(panel.ids), dtype=np.int32)).astype(np.float64)


def _learnt(model: PosteriorDemand, panel: Panel, rows: np.ndarray) -> PosteriorDemand:
    units = panel.units[rows].astype(np.float32)
    sales = Sales(panel.series[rows], units, panel.price[rows], panel.sold_out[rows], _context(panel, rows))
    return model.update(sales)


def _context(panel: Panel, rows: np.ndarray) -> PriceContext:
    day = int(panel.day[rows[0]])
    return PriceContext(day, panel.promo[rows], panel.competitor[rows], np.full(len(rows), -1, np.int64))  # type: ignore[arg-type]


def _against(ours: float, theirs: float, name: str) -> str:
    return f"{100 * abs(1 - ours / theirs):.1f} % {'below' if ours <= theirs else 'above'} {name}"


def _regressed(baseline: Ols, panel: Panel, test: Panel, cut: int, ahead: int) -> tuple[F64, F64]:
    out, slopes = np.zeros(len(test)), np.zeros(0)
    some = ~panel.sold_out & (panel.units > 0)
    for period in range(cut, int(panel.period.max()) + 1):
        asked = some & (panel.period == period)
        if asked.any():
            out[test.period == period], slopes = baseline.foretold(
                panel, some & (panel.period <= period - ahead), asked
            )
    return out, slopes


def _metrics(test: Panel, log_units: F64, slopes: F64) -> dict[str, float]:
    error = np.log(test.units) - log_units
    metrics = {
        "rmse_log_units": float(np.sqrt((error**2).mean())),
        "mae_log_units": float(np.abs(error).mean()),
        "mape": float(100 * np.abs(np.exp(log_units) / test.units - 1).mean()),
    }
    told = slopes[np.isfinite(slopes)]
    metrics |= {
        "elasticity_median": float(np.median(told)),
        "elasticity_p10": float(np.quantile(told, 0.1)),
        "elasticity_p90": float(np.quantile(told, 0.9)),
        "elasticity_negative_share": float((told < 0).mean()),
    }
    if len(test.groups) <= 12:  # by category, where there are few
        of = test.group if len(slopes) == len(test.ids) else np.arange(len(test.groups))
        for at, name in enumerate(test.groups):
            if (of == at).any():
                metrics[f"elasticity {name}"] = float(slopes[of == at].mean())
    return metrics
