"""What the plan promises is what happens: policies from the distributions, played on demand drawn from them."""

from __future__ import annotations

import numpy as np
import pytest

from serving.kernels.lead_days import lead_chances
from serving.kernels.lead_time import CELLS, lattice_step, protection
from serving.kernels.replenish import FOR_FILL, plan
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
