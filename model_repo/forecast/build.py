"""From a shop's history to the part "forecast" of a release: panel, examples, trees, calibration, coherent sums."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from model_repo.datasets.tables import Dataset
from model_repo.forecast.bank import Banked, banked
from model_repo.forecast.calibration import Calibration, Outcomes, calibrate
from model_repo.forecast.classes import abc_xyz
from model_repo.forecast.examples import draw
from model_repo.forecast.learning import Learnt, Params, learn
from model_repo.forecast.locations import location_shares
from model_repo.forecast.neighbours import COLD_DAYS, attributes, neighbour_rates
from model_repo.forecast.panel import Panel, panel_of
from model_repo.forecast.states import States, category_prior, states_at, with_groups
from model_repo.forecast.sums import coherent, own_series
from model_repo.ranker.onnx_file import to_onnx
from model_repo.work import one_blas_thread
from serving.adapters.forecast_files import ARRAYS, FORECAST, MEAN, SPREAD
from serving.adapters.model_files import dump_arrays, encode_ids
from serving.adapters.onnx_scorer import OnnxScorer
from serving.core.ports import F32
from serving.core.ranges import check_ranges
from serving.decisions.forecast.features import FEATURES, YEAR_DAYS_MIN
from serving.decisions.forecast.forecaster import Forecaster, block_sums, buckets
from serving.decisions.forecast.models import BLOCKS, HORIZON_KEPT, HORIZON_MAX, METHODS, NEIGHBOURS, ForecastModel
from serving.events.types import PURCHASE

Report = Callable[[str, int, int], None]
"""(what is being done, steps done, steps in all)."""
STEPS: Final = 5
SALES_MIN: Final = 50
"""Examples with a sale; with fewer there is nothing for trees to learn."""


@dataclass(frozen=True, slots=True)
class Plan:
    """rows_max: 1000..1e8 examples to learn from; days_each: 1..56 days that a moment gives; days_min: 7..365 a history
    must have for any forecast, model_days_min: 28..1000 for the trees; held_days: 7..112, the newest, on which the
    calibration is made, at most a fifth of the history; calibration_rows: 1000..1e7, items at their moments;
    coherent_rows_max: up to so many of all items at these moments are added up there, too, as it is served."""

    rows_max: int = 300_000
    days_each: int = 4
    days_min: int = 14
    model_days_min: int = 70
    held_days: int = 56
    calibration_rows: int = 30_000
    coherent_rows_max: int = 200_000
    trees: Params = field(default_factory=Params)

    def __post_init__(self) -> None:
        check_ranges(
            self, "forecast",
            ("rows_max", 1000, 1e8), ("days_each", 1, 56), ("days_min", 7, 365), ("model_days_min", 28, 1000),
            ("held_days", 7, 112), ("calibration_rows", 1000, 1e7), ("coherent_rows_max", 0, 1e8),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Built:
    """files: name -> content, {} = the history is too short, as `why` says; metrics: what metrics.json says."""

    files: dict[str, bytes]
    metrics: dict[str, float]
    why: str = ""


def build(dataset: Dataset, *, seed: int = 0, progress: Report | None = None, plan: Plan | None = None) -> Built:
    """Deterministic in the dataset and the seed."""
    plan, say = plan or Plan(), progress or (lambda what, done, total: None)
    with one_blas_thread():
        return _build(dataset, seed, say, plan)


def _build(dataset: Dataset, seed: int, say: Report, plan: Plan) -> Built:
    say("forecast: reading demand", 0, STEPS)
    if not ((dataset.events.type == PURCHASE) & (dataset.events.quantity > 0)).any():
        return Built({}, {}, "nothing was bought")
    panel = with_groups(panel_of(dataset))
    days = panel.days - int(panel.start[-1])
    if days < plan.days_min:
        return Built({}, {}, f"the sales cover {days} days; forecasts need {plan.days_min}")
    end, years = panel.days, days >= YEAR_DAYS_MIN
    kind = kinds_at(panel, end)
    learnt, calibration = None, Calibration.none()
    if days >= plan.model_days_min:
        held = min(plan.held_days, days // 5)
        first = int(panel.start[-1]) + min(days // 4, 56)
        say("forecast: learning what to check", 1, STEPS)
        before = learned(panel, first, end - held, years, plan, seed)
        say("forecast: calibrating", 2, STEPS)
        if before is not None:
            calibration = calibrate(outcomes(panel, before, end - held, end, years, plan, seed))
        say("forecast: learning", 3, STEPS)
        learnt = learned(panel, first, end, years, plan, seed)
    say("forecast: adding up", 4, STEPS)
    states = states_at(panel, end, prior_at(panel, dataset, end))
    model, files = model_at(panel, states, banked(panel, end, states.shop_week), kind, learnt, calibration, end, years)
    locations, share = location_shares(dataset, panel)
    own = own_series(panel, states, end, len(model.groups)) if learnt is not None else None
    model = coherent(replace(model, locations=locations, share=share), own)
    say("forecast: done", STEPS, STEPS)
    files[ARRAYS] = dump_arrays(arrays_of(model), FORECAST)
    return Built(files, {"series": float(len(panel)), "days": float(days), "seed": float(seed)})


def learned(panel: Panel, first: int, until: int, years: bool, plan: Plan, seed: int) -> Learnt | None:
    """None = there is too little to learn from."""
    found = draw(panel, first, until, rows_max=plan.rows_max, days_each=plan.days_each, years=years, seed=seed)
    return learn(found, plan.trees, seed=seed) if (found.units > 0).sum() >= SALES_MIN else None


def outcomes(panel: Panel, learnt: Learnt, first: int, end: int, years: bool, plan: Plan, seed: int) -> list[Outcomes]:
    """Forecasts of days and weeks from moments at and after `first`, and what was sold."""
    scorers = scorers_of(learnt, (*FEATURES, *(panel.around.names if panel.around is not None else ())))
    rng = np.random.default_rng(seed)
    moments = list(range(first, end - 6, 7))
    parts: list[list[Outcomes]] = [[] for _ in BLOCKS]
    for moment in moments:
        horizon = min((end - moment) // 7 * 7, HORIZON_KEPT)
        states, kind = states_at(panel, moment), kinds_at(panel, moment)
        which = np.flatnonzero(panel.start < moment)
        limit = max(100, plan.calibration_rows // len(moments))
        groups = np.arange(len(panel) - len(_groups(panel)), len(panel))
        if len(which) > limit:
            which = np.union1d(rng.choice(which, limit, replace=False), groups)
        model, _ = model_at(panel, states, None, kind, learnt, Calibration.none(), moment, years, scorers)
        if len(panel) * len(moments) <= plan.coherent_rows_max:
            model = coherent(model, own_series(panel, states, moment, len(model.groups)))
        mu, log_size = Forecaster(model, "").daily(which.astype(np.int32), horizon, 0, None, None, False)
        seen = panel.seen[which, moment : moment + horizon] & (mu > 0)
        units = panel.units[which, moment : moment + horizon]
        for block, size in enumerate(BLOCKS):
            m, s = (mu, log_size) if size == 1 else block_sums(np.where(seen, mu, 0), log_size, size)
            y = np.where(seen, units, 0).reshape(len(which), horizon // size, size).sum(axis=2)
            kept = seen.reshape(y.shape[0], y.shape[1], size).any(axis=2) & (m > 0)
            bucket = np.broadcast_to(buckets(0, horizon, size), y.shape)
            kinds = np.broadcast_to(kind[which][:, None], y.shape)
            parts[block].append(Outcomes(m[kept], s[kept], y[kept], kinds[kept], bucket[kept]))
    return [
        Outcomes(*(np.concatenate([getattr(part, name) for part in some]) for name in Outcomes.__slots__))
        for some in parts
    ]


def scorers_of(learnt: Learnt, names: tuple[str, ...]) -> tuple[OnnxScorer, OnnxScorer]:
    return (
        OnnxScorer(to_onnx(learnt.mean, names), names, MEAN),
        OnnxScorer(to_onnx(learnt.spread, names), names, SPREAD),
    )


def _groups(panel: Panel) -> tuple[str, ...]:
    return (*(panel.categories if len(panel.categories) > 1 else ()), "")


def kinds_at(panel: Panel, end: int) -> npt.NDArray[np.uint8]:
    g = len(_groups(panel))
    units, start = panel.units[:-g, :end], panel.start[:-g]
    items = abc_xyz(units, (units * panel.price[:-g, :end]).sum(axis=1, dtype=np.float64), start)
    return np.concatenate([items, np.full(g, 9, np.uint8)])


def prior_at(panel: Panel, dataset: Dataset, end: int) -> F32:
    """(n + g,) units a day expected of each series before its own sales are looked at."""
    prior = category_prior(panel, end)
    n = len(dataset.items)
    cold = panel.start[:n] > end - COLD_DAYS
    if cold.any():
        recent = np.where(panel.seen[:n, max(0, end - 91) : end], panel.units[:n, max(0, end - 91) : end], 0)
        days = panel.seen[:n, max(0, end - 91) : end].sum(axis=1)
        rate = (recent.sum(axis=1) / np.maximum(days, 1)).astype(np.float32)
        price = np.array([item.price for item in dataset.items], np.int64)
        prior[:n] = neighbour_rates(attributes(dataset.items), price, rate, prior[:n], cold)
    return prior


def model_at(
    panel: Panel, states: States, bank: Banked | None, kind: npt.NDArray[np.uint8], learnt: Learnt | None,
    calibration: Calibration, end: int, years: bool, scorers: tuple[OnnxScorer, OnnxScorer] | None = None,
) -> tuple[ForecastModel, dict[str, bytes]]:  # fmt: skip
    """The model as it is served, its sums not yet coherent, and its ONNX files."""
    total, groups, around = len(panel), _groups(panel), panel.around
    outside, to_come = around.names if around is not None else (), slice(end, end + HORIZON_MAX)
    n = total - len(groups)
    files: dict[str, bytes] = {}
    if learnt is not None and scorers is None:
        names = (*FEATURES, *outside)
        files = {MEAN: to_onnx(learnt.mean, names), SPREAD: to_onnx(learnt.spread, names)}
        scorers = OnnxScorer(files[MEAN], names, MEAN), OnnxScorer(files[SPREAD], names, SPREAD)
    sale_days = ((panel.units[:, :end] > 0) & panel.seen[:, :end]).sum(axis=1)
    age = end - panel.start
    new = (sale_days == 0) | (age < 7)
    if bank is None:
        bank = Banked(np.zeros((total, 7), np.float32), np.zeros(total, np.uint8), np.zeros(total, np.float32))
    else:
        bank = _for_new(bank, states, new)
    method = np.where(new, METHODS.index(NEIGHBOURS), 0 if learnt is not None else bank.method).astype(np.uint8)
    confidence = np.where((sale_days >= 20) & (age >= 56), 2, np.where((sale_days >= 4) & (age >= 28), 1, 0))
    member = panel.category if len(groups) > 1 else np.zeros(total, np.int32)
    g = np.concatenate([member[:n], np.arange(len(groups))]).astype(np.int32)
    if len(groups) == 1:
        g[:] = 0
    model = ForecastModel(
        item_ids=panel.item_ids[:n], groups=groups, first_day=panel.first_day + end, year_known=years,
        items=states.items, base=states.base, week=states.week, shop_week=states.shop_week,
        price=np.rint(panel.price[:, end - 1]).astype(np.int64), usual_price=states.usual_price, kind=kind,
        method=method, confidence=confidence.astype(np.uint8), group=g, bank=bank.week, bank_method=bank.method,
        bank_log_size=bank.log_size, factor=np.ones((len(groups), HORIZON_KEPT), np.float32),
        group_mean=np.zeros((len(groups), HORIZON_KEPT), np.float32),
        spread_at=learnt.spread_at if learnt is not None else 0.0, size_shift=calibration.size_shift,
        zero_share=calibration.zero_share, level_map=calibration.level_map, locations=(),
        share=np.zeros((total, 0), np.float32), outside=outside,
        outside_day=around.by_day[:, to_come] if around else np.zeros((0, HORIZON_MAX), np.float32),
        outside_item=around.items_at(end, total) if around else np.zeros((total, 0), np.float32),
        closed=around.closed[to_come] if around else np.zeros(HORIZON_MAX, np.bool_),
        mean=scorers[0] if scorers else None,
        spread=scorers[1] if scorers else None,
    )  # fmt: skip
    return model, files


def _for_new(bank: Banked, states: States, new: npt.NDArray[np.bool_]) -> Banked:
    """Gamma-Poisson: the neighbours' rate, shrunk to (base), with the spread that rates of new items have."""
    return Banked(
        np.where(new[:, None], states.base[:, None] * states.shop_week, bank.week).astype(np.float32),
        np.where(new, METHODS.index(NEIGHBOURS), bank.method).astype(np.uint8),
        np.where(new, np.float32(-1.0), bank.log_size).astype(np.float32),
    )


def arrays_of(model: ForecastModel) -> dict[str, npt.ArrayLike]:
    """As adapters/forecast_files.py's FORECAST names them."""
    found = {name: getattr(model, name) for name in FORECAST if hasattr(model, name)}
    return {
        **found,
        "item_ids": encode_ids(model.item_ids),
        "groups": encode_ids(model.groups),
        "locations": encode_ids(model.locations),
        "outside": encode_ids(model.outside),
    }
