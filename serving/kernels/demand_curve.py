"""Demand of an item along its prices, and what one period of sales says about it.

The curve: log units(p) = level + slope * g(p) + shift + bend(p), with g(p) = ((p / usual)^shape - 1) / shape, which is
log(p / usual) at shape 0 (log-log) and p / usual - 1 at shape 1 (semi-log); its slope at the usual price is the
elasticity there at any shape. bend is a non-increasing line through knots on log(p / usual). Level and slope are
Gaussian; sales are negative binomial, and each period updates the two along one direction, where the mode is found by
Newton and the curvature there is taken (a dynamic generalised linear model: West, Harrison, Migon 1985).
"""

from __future__ import annotations

import math

from numba import njit

REACH = 3.0
"""|log(p / usual)| beyond which a price counts as this far."""
LOG_UNITS_MAX = 30.0
NEWTON_STEPS = 30
SLOPE_MIN, SLOPE_MAX = -12.0, -0.02
"""Bounds of the slope: more for a higher price is never believed."""


@njit(cache=True, nogil=True)
def ladder(prices, usual, state, shift, knots, bends, shape, on_hand, out):
    """Expected units of n items at k prices into `out` (n, k) float32, at most `on_hand`.

    prices (n, k) int64 >= 1; usual (n,) float64, minor units; state (n, 2) float64: level, slope (already bounded);
    shift (n,) float64; knots (m,) float64 ascending; bends (n, m) float32, non-increasing along m or made so; on_hand
    (n,) int64, -1 = untracked. Where neighbours along k ascend, units do not rise, whatever rounding does.
    """
    for i in range(len(prices)):
        _fall(bends[i])
        for j in range(prices.shape[1]):
            x = _distance(prices[i, j], usual[i])
            value = state[i, 0] + state[i, 1] * curve(x, shape) + shift[i] + bend_at(x, knots, bends[i])
            units = math.exp(min(value, LOG_UNITS_MAX))
            if on_hand[i] >= 0:
                units = min(units, float(on_hand[i]))
            out[i, j] = units
            if j > 0 and prices[i, j] >= prices[i, j - 1]:
                out[i, j] = min(out[i, j], out[i, j - 1])


@njit(cache=True, nogil=True)
def curve(x, shape):
    """g of x = log(p / usual)."""
    return x if shape < 1e-6 else math.expm1(shape * x) / shape


@njit(cache=True, nogil=True)
def bend_at(x, knots, bend):
    """The line through (knots, bend) at x, flat beyond its ends."""
    last = len(knots) - 1
    if x <= knots[0]:
        return float(bend[0])
    if x >= knots[last]:
        return float(bend[last])
    at = 1
    while knots[at] < x:
        at += 1
    share = (x - knots[at - 1]) / (knots[at] - knots[at - 1])
    return (1.0 - share) * bend[at - 1] + share * bend[at]


@njit(cache=True, nogil=True)
def bounded(mean, cov, normals, out):
    """Level and slope (n, 2) into `out`: the mean, or with normals (n, 2) a draw; the slope within its bounds.

    mean (n, 2) float64; cov (n, 3) float64: variance of the level, covariance, variance of the slope. Where a bound
    holds the level moves along as the covariance says, so that the curve still passes where sales were seen.
    """
    for i in range(len(mean)):
        level, slope = mean[i, 0], mean[i, 1]
        if len(normals):
            wide = math.sqrt(max(cov[i, 2], 0.0))
            slope += wide * normals[i, 1]
            along = cov[i, 1] / wide if wide > 0.0 else 0.0
            level += along * normals[i, 1] + math.sqrt(max(cov[i, 0] - along * along, 0.0)) * normals[i, 0]
        inside = min(max(slope, SLOPE_MIN), SLOPE_MAX)
        if cov[i, 2] > 0.0:
            level += cov[i, 1] / cov[i, 2] * (inside - slope)
        out[i, 0], out[i, 1] = level, inside


@njit(cache=True, nogil=True)
def learn(rows, units, prices, sold_out, usual, shift, knots, bends, shape, size, drift, prior, mean, cov):
    """One period of sales into `mean` (n, 2) and `cov` (n, 3), in place.

    rows (m,) int32 of them; units (m,) float32; prices (m,) int64; sold_out (m,) bool; shift (m,) float64; bends
    (m, k) float32; usual (n,), size (n,) float64: the size of the negative binomial (variance = mu + mu^2 / size);
    drift (2,) float64: what the variances of level and slope gain first; prior (2,) float64: what they gain at most to.
    """
    for j in range(len(rows)):
        i = rows[j]
        forget(cov[i], drift, prior, 1.0)
        x = _distance(prices[j], usual[i])
        _fall(bends[j])
        one_period(
            mean[i], cov[i], curve(x, shape), shift[j] + bend_at(x, knots, bends[j]), units[j], sold_out[j], size[i]
        )


@njit(cache=True, nogil=True)
def forget(cov, drift, prior, periods):
    """The variances (3,) of one item after `periods` in which nothing was seen: more, but not above the prior's."""
    for at, which in ((0, 0), (2, 1)):
        if cov[at] < prior[which]:
            cov[at] = min(cov[at] + periods * drift[which], prior[which])


@njit(cache=True, nogil=True)
def one_period(mean, cov, g, offset, units, sold_out, size):
    """Sales of one item and period into mean (2,) and cov (3,). Units that ran out count only where they are many."""
    toward_level, toward_slope = cov[0] + cov[1] * g, cov[1] + cov[2] * g
    variance = toward_level + toward_slope * g
    before = mean[0] + mean[1] * g + offset
    if variance <= 0.0 or (sold_out and units <= math.exp(min(before, LOG_UNITS_MAX))):
        return
    found = _mode(before, variance, units, size)
    mu = math.exp(min(found, LOG_UNITS_MAX))
    weight = mu * size / (size + mu)
    step, gain = (found - before) / variance, weight / (1.0 + weight * variance)
    mean[0] += toward_level * step
    mean[1] += toward_slope * step
    cov[0] -= gain * toward_level * toward_level
    cov[1] -= gain * toward_level * toward_slope
    cov[2] -= gain * toward_slope * toward_slope


@njit(cache=True, nogil=True)
def _mode(before, variance, units, size):
    """Where log-likelihood - (x - before)^2 / (2 variance) is highest: concave, so damped Newton gets there."""
    x = before
    for _ in range(NEWTON_STEPS):
        mu = math.exp(min(x, LOG_UNITS_MAX))
        slope = (units - mu) * size / (size + mu) - (x - before) / variance
        bow = mu * size * (size + units) / ((size + mu) * (size + mu)) + 1.0 / variance
        step = min(max(slope / bow, -1.0), 1.0)
        x += step
        if abs(step) < 1e-9:
            break
    return x


@njit(cache=True, nogil=True)
def _distance(price, usual):
    return min(max(math.log(price / usual), -REACH), REACH)


@njit(cache=True, nogil=True)
def _fall(bend):
    """Makes (m,) non-increasing: no value above the one before it."""
    for at in range(1, len(bend)):
        if not bend[at] <= bend[at - 1]:
            bend[at] = bend[at - 1]


@njit(cache=True, nogil=True)
def run_history(
    starts, periods, g, offset, common, expected, units, sold_out, size, first, prior, drift, ahead, before, mean, cov
):  # fmt: skip
    """All of the past: what was believed of each observation before it, and the state at the end.

    starts (n + 1,) int64: where each item's observations begin, in order of periods (N,) int32. g, offset, units (N,)
    float64; common (N,): what moved the whole shop in that period, expected (N,): what was believed of it; sold_out
    (N,) bool; size (n,); first (n, 2) float64: level and slope to begin with; prior, drift as in `learn`. ahead: an
    observation is foretold from what was known this many periods before it. before (N, 3) float64: level and slope
    believed, and how many observations that rests on; mean (n, 2), cov (n, 3): written. Returns the sum of the
    log-likelihoods of the observations that rest on any.
    """
    total = 0.0
    for i in range(len(starts) - 1):
        mean[i] = first[i]
        cov[i, 0], cov[i, 1], cov[i, 2] = prior[0], 0.0, prior[1]
        known, last = starts[i], -1
        for j in range(starts[i], starts[i + 1]):
            while known < j and periods[known] <= periods[j] - ahead:
                if last >= 0:
                    forget(cov[i], drift, prior, float(periods[known] - last))
                one_period(
                    mean[i], cov[i], g[known], offset[known] + common[known], units[known], sold_out[known], size[i]
                )
                last = periods[known]
                known += 1
            before[j, 0], before[j, 1], before[j, 2] = mean[i, 0], mean[i, 1], known - starts[i]
            if known > starts[i] and not sold_out[j]:
                total += _log_likelihood(mean[i, 0] + mean[i, 1] * g[j] + offset[j] + expected[j], units[j], size[i])
        while known < starts[i + 1]:
            if last >= 0:
                forget(cov[i], drift, prior, float(periods[known] - last))
            one_period(mean[i], cov[i], g[known], offset[known] + common[known], units[known], sold_out[known], size[i])
            last = periods[known]
            known += 1
    return total


@njit(cache=True, nogil=True)
def _log_likelihood(log_mu, units, size):
    """Of a negative binomial."""
    mu = math.exp(min(max(log_mu, -LOG_UNITS_MAX), LOG_UNITS_MAX))
    told = math.lgamma(units + size) - math.lgamma(size) - math.lgamma(units + 1.0)
    return told + size * math.log(size / (size + mu)) + units * math.log(mu / (size + mu))
