"""Counts of a day: the zero-inflated negative binomial distribution, its quantiles, its probabilities, its fit.

A count is 0 with probability z; otherwise it is negative binomial with mean m = mu / (1 - z) and variance
m + dispersion * m^2 (NB2), so that mu is the mean of the whole. dispersion 0 = Poisson.
[1] Lambert 1992, "Zero-inflated Poisson regression"; [2] Greene 1994, NYU EC-94-10 (its negative binomial form).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

SIZE_MAX = 1e6
"""1 / dispersion is at most this: closer to Poisson there is no difference to see."""
STEPS_MAX = 2000
"""Counts that are summed one by one; beyond, the distribution function is halved."""
UNITS_MAX = 1e9
_TINY = 1e-290
_TERMS_MAX = 5000


@njit(cache=True, nogil=True)
def count_quantiles(mu, dispersion, zero_share, levels, group, out):
    """Writes out (m, q) float32: the smallest whole count whose distribution function reaches each level.

    mu, dispersion, zero_share: (m,) float32; levels: (g, q) float64, each row ascending within (0, 1); group: (m,)
    int32, the row of `levels` that counts. A mean that is not above 0 gives zeros.
    """
    q = levels.shape[1]
    for i in range(len(mu)):
        level = levels[group[i]]
        z = min(max(float(zero_share[i]), 0.0), 0.999)
        if not mu[i] > 0.0:
            out[i, :] = 0.0
            continue
        mean = float(mu[i]) / (1.0 - z)
        size = min(1.0 / max(float(dispersion[i]), 1e-12), SIZE_MAX)
        pmf = math.exp(-size * math.log1p(mean / size))
        ratio = mean / (size + mean)
        k, j = 0, 0
        if pmf > _TINY:
            cdf = pmf
            while j < q and k < STEPS_MAX:
                # the level among the counts that are not extra zeros
                if cdf >= (level[j] - z) / (1.0 - z):
                    out[i, j] = k
                    j += 1
                else:
                    pmf *= (k + size) / (k + 1.0) * ratio
                    k += 1
                    cdf += pmf
        while j < q:
            k = _reach(size, mean, (level[j] - z) / (1.0 - z), k)
            out[i, j] = k
            j += 1


@njit(cache=True, nogil=True)
def count_cdf(mu, dispersion, zero_share, counts, below, upto):
    """Writes below, upto (m,) float64: P(Y < counts) and P(Y <= counts). counts: (m,) float32, whole, at least 0."""
    for i in range(len(mu)):
        y = float(counts[i])
        z = min(max(float(zero_share[i]), 0.0), 0.999)
        if not mu[i] > 0.0:
            below[i], upto[i] = 0.0 if y == 0 else 1.0, 1.0
            continue
        mean = float(mu[i]) / (1.0 - z)
        size = min(1.0 / max(float(dispersion[i]), 1e-12), SIZE_MAX)
        upto[i] = z + (1.0 - z) * _cdf(size, mean, y)
        below[i] = z + (1.0 - z) * _cdf(size, mean, y - 1.0) if y >= 1.0 else 0.0


@njit(cache=True, nogil=True)
def count_loss(mu, dispersion, zero_share, counts):
    """Sum of -log P(Y = counts) over the rows, as of count_cdf."""
    total = 0.0
    for i in range(len(mu)):
        y = float(counts[i])
        z = min(max(float(zero_share[i]), 0.0), 0.999)
        mean = max(float(mu[i]), 1e-6) / (1.0 - z)
        size = min(1.0 / max(float(dispersion[i]), 1e-12), SIZE_MAX)
        log_p = math.lgamma(y + size) - math.lgamma(size) - math.lgamma(y + 1.0)
        log_p += y * math.log(mean / (size + mean)) - size * math.log1p(mean / size)
        p = (1.0 - z) * math.exp(log_p) + (z if y == 0 else 0.0)
        total -= math.log(max(p, 1e-300)) if y == 0 else math.log(1.0 - z) + log_p
    return total


@njit(cache=True, nogil=True)
def size_gradient(log_size, mu, counts, gradient, hessian):
    """Writes the first and second derivative of -log P(Y = counts) by the log of the size (1 / dispersion), no extra
    zeros, all (m,) float64; the second one is kept above 0.02 so that a Newton step goes downhill."""
    for i in range(len(mu)):
        r = math.exp(log_size[i])
        m, y = float(mu[i]), float(counts[i])
        rises, bends = _digamma_step(r, y), _trigamma_step(r, y)
        by_size = rises - math.log1p(m / r) + 1.0 - (y + r) / (m + r)
        bend = bends + m / (r * (r + m)) - (m - y) / (m + r) ** 2
        gradient[i] = -r * by_size
        hessian[i] = max(-(r * by_size + r * r * bend), 0.02)


@njit(cache=True, nogil=True)
def _digamma_step(r, y):
    """digamma(r + y) - digamma(r), y whole."""
    if y <= 24:
        total = 0.0
        for k in range(int(y)):
            total += 1.0 / (r + k)
        return total
    return _digamma(r + y) - _digamma(r)


@njit(cache=True, nogil=True)
def _trigamma_step(r, y):
    """trigamma(r + y) - trigamma(r), y whole."""
    if y <= 24:
        total = 0.0
        for k in range(int(y)):
            total -= 1.0 / (r + k) ** 2
        return total
    return _trigamma(r + y) - _trigamma(r)


@njit(cache=True, nogil=True)
def _digamma(x):
    """Upward to 8, then the asymptotic series (Abramowitz and Stegun 6.3.18)."""
    total = 0.0
    while x < 8.0:
        total -= 1.0 / x
        x += 1.0
    s = 1.0 / (x * x)
    return total + math.log(x) - 0.5 / x - s * (1.0 / 12 - s * (1.0 / 120 - s * (1.0 / 252 - s / 240)))


@njit(cache=True, nogil=True)
def _trigamma(x):
    """Abramowitz and Stegun 6.4.12."""
    total = 0.0
    while x < 8.0:
        total += 1.0 / (x * x)
        x += 1.0
    s = 1.0 / (x * x)
    return total + 1.0 / x + 0.5 * s + s / x * (1.0 / 6 - s * (1.0 / 30 - s * (1.0 / 42 - s / 30)))


@njit(cache=True, nogil=True)
def _cdf(size, mean, k):
    """P(NB <= k) = I_p(size, k + 1), p = size / (size + mean)."""
    if k < 0.0:
        return 0.0
    if k <= 64.0:
        pmf = math.exp(-size * math.log1p(mean / size))
        if pmf > _TINY:
            cdf, ratio = pmf, mean / (size + mean)
            for j in range(int(k)):
                pmf *= (j + size) / (j + 1.0) * ratio
                cdf += pmf
            return min(cdf, 1.0)
    return _beta(size, k + 1.0, size / (size + mean), mean / (size + mean))


@njit(cache=True, nogil=True)
def _beta(a, b, x, rest):
    """The regularised incomplete beta function I_x(a, b), rest = 1 - x, by its continued fraction
    (Abramowitz and Stegun 26.5.8) from whichever end converges sooner."""
    if x <= 0.0:
        return 0.0
    if rest <= 0.0:
        return 1.0
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest)
    if x < (a + 1.0) / (a + b + 2.0):
        return math.exp(front) * _fraction(a, b, x) / a
    return 1.0 - math.exp(front) * _fraction(b, a, rest) / b


@njit(cache=True, nogil=True)
def _fraction(a, b, x):
    """Evaluated from the front (modified Lentz)."""
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > 1e-300 else 1e-300)
    value = d
    for m in range(1, _TERMS_MAX):
        for odd in range(2):
            if odd == 0:
                term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
            else:
                term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
            d = 1.0 + term * d
            d = 1.0 / (d if abs(d) > 1e-300 else 1e-300)
            c = 1.0 + term / c
            c = c if abs(c) > 1e-300 else 1e-300
            value *= c * d
        if abs(c * d - 1.0) < 1e-14:
            break
    return value


@njit(cache=True, nogil=True)
def _reach(size, mean, level, low):
    """The smallest count from `low` whose distribution function reaches `level`: brackets around a guess, halved.

    The guess is the gamma distribution's of the same mean and variance, by Wilson and Hilferty's cube.
    """
    if level <= 0.0:
        return low
    variance = mean + mean * mean / size
    ninth = variance / (9.0 * mean * mean)
    guess = mean * max(1.0 - ninth + _normal(level) * math.sqrt(ninth), 0.0) ** 3
    step = max(math.floor(0.02 * math.sqrt(variance)), 1.0)
    hi = max(math.floor(guess), float(low))
    lo = hi
    if _cdf(size, mean, hi) >= level:
        while lo > low - 1.0 and _cdf(size, mean, lo) >= level:
            hi = lo
            lo = max(lo - step, low - 1.0)
            step *= 2.0
    else:
        while hi < UNITS_MAX and _cdf(size, mean, hi) < level:
            lo = hi
            hi += step
            step *= 2.0
    while hi - lo > 1.0:
        middle = math.floor(0.5 * (lo + hi))
        if _cdf(size, mean, middle) >= level:
            hi = middle
        else:
            lo = middle
    return int(hi)


@njit(cache=True, nogil=True)
def _normal(level):
    """The standard normal quantile to three digits (Abramowitz and Stegun 26.2.23)."""
    tail = min(level, 1.0 - level)
    t = math.sqrt(-2.0 * math.log(max(tail, 1e-300)))
    rest = (2.515517 + t * (0.802853 + t * 0.010328)) / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
    return (t - rest) if level > 0.5 else (rest - t)


def quantiles(mu, dispersion, zero_share, levels, group=None):
    """(m, q) float32, see count_quantiles; levels (q,) or (g, q)."""
    levels = np.atleast_2d(np.asarray(levels, np.float64))
    group = np.zeros(len(mu), np.int32) if group is None else group
    out = np.empty((len(mu), levels.shape[1]), np.float32)
    count_quantiles(mu, dispersion, zero_share, levels, group, out)
    return out
