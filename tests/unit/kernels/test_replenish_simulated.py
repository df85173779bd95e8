"""What the plan promises is what happens: policies from the distributions, played on demand drawn from them."""

from __future__ import annotations

import numpy as np
import pytest

from serving.kernels.lead_days import lead_chances
from serving.kernels.lead_time import CELLS, lattice_step, protection, protection_of_moments
from serving.kernels.replenish import FOR_COST, FOR_FILL, FOR_SERVICE, plan
from serving.kernels.replenish_simulate import DEMAND, HELD_DAYS, SHORT, draw_demand, simulate

N, PATHS, DAYS, WARM = 3, 60, 500, 60
MEAN, SIZE, ZERO = np.array([0.3, 2.0, 900.0]), np.array([0.5, 1.0, 3.0]), np.array([0.2, 0.1, 0.0])


@pytest.mark.parametrize(
    ("lost", "lead_days", "review", "order"),
    [(False, 7, 7, 0.0), (False, 10, 1, 40.0), (True, 7, 7, 0.0), (True, 14, 7, 0.0), (True, 7, 7, 40.0)],
)
def test_the_fill_rate_asked_for_is_the_one_that_comes(lost: bool, lead_days: int, review: int, order: float) -> None:
    """Slow, middle and fast items, base-stock and (s,S), waiting and lost demand; 95 % asked for."""
    days = lead_days + review
    mean, size, zero = (np.repeat(x[:, None], days, 1) for x in (MEAN, SIZE, ZERO))
    lead = np.tile(lead_chances(lead_days, 0, 99), (N, 1))
    variance = (1 - zero) * (mean + mean**2 / size + zero * mean**2)
    step = lattice_step(((1 - zero) * mean).sum(1), variance.sum(1))
    pmf, ones = np.zeros((N, 4, CELLS)), np.ones((N, 1))
    protection(mean, size, zero, lead, np.full(N, review), ones, ones, step, pmf)
    units, figures = np.zeros((N, 4), np.int64), np.zeros((N, 8))
    zeros, one = np.zeros(N, np.int64), np.ones(N, np.int64)
    plan(
        pmf, step, np.full(N, float(lead_days)), np.full(N, review), np.full(N, lost), zeros, np.full(N, FOR_FILL),
        np.full(N, 0.95), np.full(N, 0.02 * review), np.ones(N), np.full(N, order), one, zeros, zeros, units, figures,
    )  # fmt: skip
    drawn = draw_demand(*(np.repeat(x[:, :1], DAYS, 1) for x in (mean, size, zero)), PATHS, 7).reshape(-1, DAYS)
    many, out = len(drawn), np.zeros((len(drawn), 7))
    again = np.repeat(units, PATHS, 0)
    simulate(
        drawn, 0, review, again[:, 2:3], again[:, 1:2], np.full((many, 1), lead_days), np.ones(many, np.int64),
        np.zeros(many, np.int64), np.zeros(many, np.int64), lost, np.ones(many), np.ones(many), np.ones(many),
        again[:, 1], WARM, out,
    )  # fmt: skip
    totals = out.reshape(N, PATHS, 7).sum(1)
    fill = 1 - totals[:, SHORT] / totals[:, DEMAND]
    assert fill[1:] == pytest.approx([0.95, 0.95], abs=0.012)
    assert 0.94 <= fill[0] <= 0.985  # whole units of a slow item: the next smaller position would miss the target
    if not order:
        held = totals[:, HELD_DAYS] / PATHS / (DAYS - WARM)
        assert figures[:, 3] == pytest.approx(fill, abs=0.012)
        assert figures[:, 5] == pytest.approx(held, rel=0.06)


@pytest.mark.parametrize("kind", [FOR_FILL, FOR_SERVICE, FOR_COST])
@pytest.mark.parametrize("lost", [False, True])
def test_seldom_orders_begin_at_nothing_and_keep_the_target(lost: bool, kind: int) -> None:
    """One a day, five days of lead time, orders for most of a year, nothing in stock: 95 % asked for."""
    lead, review, days, warm = 5, 7, 2000, 20
    chances = lead_chances(lead, 0, 99)
    pmf, one, zero = np.zeros((1, 4, CELLS)), np.ones(1, np.int64), np.zeros(1, np.int64)
    protection_of_moments(1.0, 1.0, chances, review, 1, pmf[0])
    units, figures, holding = np.zeros((1, 4), np.int64), np.zeros((1, 8)), 200 * 0.25 / 365
    shortage = holding * 365 * 2.0
    plan(
        pmf, one, np.full(1, float(lead)), np.full(1, review), np.full(1, lost), zero, np.full(1, kind),
        np.full(1, 0.95), np.full(1, holding * review), np.full(1, shortage), np.full(1, 5000.0), one, zero, zero,
        units, figures,
    )  # fmt: skip
    quantity, up, s, _ = units[0].tolist()
    assert quantity == up > s + 100
    assert s >= 0
    demand, out = np.random.default_rng(3).poisson(1.0, (40, days)), np.zeros((40, 7))
    ones = np.ones(40, np.int64)
    simulate(
        demand, 0, review, s * ones[:, None], up * ones[:, None], lead * ones[:, None], ones, 0 * ones, 0 * ones, lost,
        1.0 * ones, 1.0 * ones, 1.0 * ones, 0 * ones, warm, out,
    )  # fmt: skip
    fill = 1 - out[:, SHORT].sum() / out[:, DEMAND].sum()
    assert fill > 0.945
    assert kind != FOR_FILL or fill < 0.975
