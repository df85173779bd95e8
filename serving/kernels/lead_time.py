"""Distribution of the demand until the next order can arrive: a sum of daily demands over a random number of days.

An order placed now arrives after L days (lead time); the next one after L + R days (R: review period). What this order
must cover is therefore the demand of L + R days, its *protection interval*. Daily demands are added by convolution on a
lattice: exact where one cell is one unit; where demand is too large for that, a cell is `step` units, and each day's
mean and variance are kept by matching the (a, b, 0) class (Poisson, binomial, negative binomial). [1] Panjer 1981,
ASTIN Bulletin 12, section 2; [2] Silver, Pyke, Thomas: Inventory and Production Management, 4th ed., section 6.7.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

CELLS = 1024
"""Of a lattice; what lies beyond its end is counted in its last cell."""
TAIL = 1e-10
"""Of one day's probabilities, so much at the end is put into the last cell that is kept."""
SPREAD = 12.0
"""Standard deviations above the mean that a lattice holds: negative binomials have long tails."""
CELLS_DIRECT = 192
"""Days that fill so many cells together are added one by one; about where transforms begin to cost less."""
FOLD = 4
"""So many lattices are looked at by transforms; what lies beyond them comes round again at their beginning."""
NOISE = 1e-14
"""Less is not told from nothing in what transforms give."""
LEAD, PROTECTION, DAYS, CYCLE = 0, 1, 2, 3
"""Lines of what `protection` writes."""


def lattice_step(mean: F64, variance: F64) -> I64:
    """Units in a cell, (n,) int64, 1 or more, for demands with `mean` and `variance` (n,) of the whole interval."""
    return np.maximum(np.ceil((mean + SPREAD * np.sqrt(variance) + 16) / (CELLS - 1)), 1).astype(np.int64)


@njit(cache=True, nogil=True)
def counts_pmf(mean, variance, out):
    """Probabilities of the counts 0, 1, ... with that mean and variance into `out` (m,) float64; how many are used.

    Negative binomial where the variance is above the mean, Poisson where it is equal; binomial where it is below, with
    as many trials as the variance asks for, rounded up: the mean is exact always. [1]
    """
    last = len(out) - 1
    out[:] = 0.0
    if mean <= 0.0:
        out[0] = 1.0
        return 1
    if variance < mean * (1.0 - 1e-9):
        trials = int(np.ceil(mean * mean / (mean - variance) - 1e-9))
        trials = max(trials, int(np.ceil(mean)))
        if trials <= last:
            return _binomial(trials, mean / trials, out)
    size = mean * mean / (variance - mean) if variance > mean * (1.0 + 1e-9) else np.inf
    if np.isinf(size):
        log_first, ratio, shift = -mean, 0.0, mean
    else:
        ratio = mean / (mean + size)
        log_first, shift = -size * np.log1p(mean / size), ratio * (size - 1.0)
    out[0] = np.exp(log_first)
    total, k = out[0], 0
    while k < last and total < 1.0 - TAIL:
        k += 1
        out[k] = out[k - 1] * (ratio + shift / k)
        total += out[k]
    out[k] += max(1.0 - total, 0.0)
    return k + 1


@njit(cache=True, nogil=True)
def _binomial(trials, chance, out):
    """From the likelier end, so that nothing underflows."""
    if chance >= 1.0:
        out[trials] = 1.0
    elif chance > 0.5:
        out[trials] = chance**trials
        for k in range(trials, 0, -1):
            out[k - 1] = out[k] * k / (trials - k + 1) * (1.0 - chance) / chance
    else:
        out[0] = (1.0 - chance) ** trials
        for k in range(trials):
            out[k + 1] = out[k] * (trials - k) / (k + 1) * chance / (1.0 - chance)
    return trials + 1


@njit(cache=True, nogil=True)
def daily_pmf(mean, size, zero, step, out):
    """One day of a zero-inflated negative binomial in cells of `step` units; how many cells are used.

    mean, size: of the negative binomial part (variance mean + mean^2 / size; size inf = Poisson), zero: share of days
    that are zero before it is drawn. Where a day hardly ever fills a cell, mean and variance of the whole are kept, the
    variance as far as counts of cells allow it.
    """
    if step == 1:
        used = counts_pmf(mean, mean + mean * mean / size, out)
    else:
        used = counts_pmf(mean / step, (mean + mean * mean / size) / (step * step), out)
    if zero > 0.0:
        for k in range(used):
            out[k] *= 1.0 - zero
        out[0] += zero
    return used


@njit(cache=True, nogil=True)
def quantile_pmf(levels, values, step, out):
    """One day given by quantiles, in cells of `step` units; how many cells are used.

    levels (q,) ascending in (0, 1), values (q,) non-decreasing and not negative. The distribution function goes through
    the given points in straight lines, from (0, first level) where the first value is 0 and from (0, 0) otherwise;
    above the last point it falls off exponentially with the last line's slope. A count k stands for (k - 1/2, k + 1/2].
    """
    out[:] = 0.0
    last, before, k = len(out) - 1, 0.0, 0
    while True:
        now = _through(levels, values, (k + 0.5) * step) if k < last else 1.0
        out[k] = max(now - before, 0.0)
        before = max(now, before)
        if k == last or before > 1.0 - TAIL:
            out[k] += 1.0 - before
            return k + 1
        k += 1


@njit(cache=True, nogil=True)
def _through(levels, values, x):
    """The distribution function at x >= 0."""
    q = len(levels)
    if x >= values[q - 1]:
        rise = levels[q - 1] - (levels[q - 2] if q > 1 else 0.0)
        width = values[q - 1] - (values[q - 2] if q > 1 else 0.0)
        scale = (1.0 - levels[q - 1]) * max(width, 0.5) / rise
        return 1.0 - (1.0 - levels[q - 1]) * np.exp(-(x - values[q - 1]) / scale)
    low_x, low_p = 0.0, 0.0
    for i in range(q):
        if values[i] > x:
            return low_p + (levels[i] - low_p) * (x - low_x) / (values[i] - low_x)
        low_x, low_p = values[i], levels[i]
    return low_p


@njit(cache=True, nogil=True)
def convolve(a, n_a, b, n_b, out):
    """out (m,) = distribution of the sum of two, of which n_a and n_b cells are used; how many of out are.

    What is beyond the end is counted in the last cell."""
    last = len(out) - 1
    used = min(n_a + n_b - 1, last + 1)
    out[:used] = 0.0
    for i in range(n_a):
        p = a[i]
        if p > 0.0:
            inside = min(n_b, last - i)
            for j in range(inside):
                out[i + j] += p * b[j]
            for j in range(inside, n_b):
                out[last] += p * b[j]
    return used


@njit(cache=True, nogil=True)
def add_interval(daily, used, lead, review, weight, out):
    """Adds to out (4, m), times `weight`, the distributions of demand, in cells, of

    LEAD: the days before the order arrives; PROTECTION: all days before the next one does; DAYS: the days up to the end
    of a day drawn between the two; CYCLE: the days between the two alone, for the lead time rounded to whole days.

    daily (d, m), used (d,): each day's distribution; lead (l,): chance of a lead time of 0, 1, ... days; review: days.
    d >= the longest lead time + review.
    """
    m = out.shape[1]
    total, swap = np.zeros(m), np.zeros(m)
    total[0], n = 1.0, 1
    longest, typical = 0, 0.0
    for days in range(len(lead)):
        typical += days * lead[days]
        if lead[days] > 0.0:
            longest = days
    inside = 0.0
    for day in range(longest + review + 1):
        if day > 0:
            n = convolve(total, n, daily[day - 1], used[day - 1], swap)
            total, swap = swap, total
            inside += lead[day - 1] if day - 1 < len(lead) else 0.0
            inside -= lead[day - 1 - review] if 0 <= day - 1 - review < len(lead) else 0.0
        before = lead[day] if day < len(lead) else 0.0
        after = lead[day - review] if 0 <= day - review < len(lead) else 0.0
        for k in range(n):
            out[LEAD, k] += weight * before * total[k]
            out[PROTECTION, k] += weight * after * total[k]
            out[DAYS, k] += weight * max(inside, 0.0) / review * total[k]
    total[:] = 0.0
    total[0], n = 1.0, 1
    first = int(np.round(typical))
    for day in range(first, first + review):
        n = convolve(total, n, daily[day], used[day], swap)
        total, swap = swap, total
    for k in range(n):
        out[CYCLE, k] += weight * total[k]


def protection(
    mean: F64, size: F64, zero: F64, lead: F64, review: I64, factor: F64, share: F64, step: I64, out: F64
) -> None:
    """Writes out (n, 4, m) float64, lines as in `add_interval`, of n items' daily zero-inflated negative binomials.

    mean, size, zero (n, d): as in `daily_pmf`; lead (n, l), review (n,) int64, step (n,) int64. factor, share (n, f):
    what is not known of an item's level is common to all its days: its means times a factor, with the chance `share`;
    ones = the days are independent. Days that fill few cells are added one by one, others through their transforms,
    which costs the same however many cells they fill.
    """
    nodes, days = factor.shape[1], mean.shape[1]
    daily, used = np.zeros((nodes, days, out.shape[2])), np.zeros((nodes, days), np.int64)
    for i in range(len(mean)):
        out[i] = 0.0
        daily_pmfs(mean[i], size[i], zero[i], step[i], factor[i], share[i], daily, used)
        if used.sum(axis=1).max() <= CELLS_DIRECT:
            add_intervals(daily, used, lead[i], review[i], share[i], out[i])
        else:
            known = share[i] > 0.0
            transformed(daily[known, :, : used.max()], lead[i], int(review[i]), share[i, known], out[i])


@njit(cache=True, nogil=True)
def daily_pmfs(mean, size, zero, step, factor, share, daily, used):
    """One item's days (d,) at each level: writes daily (f, d, m), used (f, d)."""
    for f in range(len(factor)):
        for day in range(len(mean)):
            used[f, day] = 0
            if share[f] > 0.0:
                used[f, day] = daily_pmf(mean[day] * factor[f], size[day], zero[day], step, daily[f, day])


@njit(cache=True, nogil=True)
def add_intervals(daily, used, lead, review, share, out):
    """`add_interval` of each level."""
    for f in range(len(share)):
        if share[f] > 0.0:
            add_interval(daily[f], used[f], lead, review, share[f], out)


def transformed(daily: F64, lead: F64, review: int, share: F64, out: F64) -> None:
    """The same as `add_intervals` for daily (f, d, k), k cells of each, by products of their Fourier transforms."""
    m = out.shape[1]
    spectra = np.fft.rfft(daily, FOLD * m, axis=2)
    sums = np.zeros((4, spectra.shape[2]), np.complex128)
    add_products(spectra, lead, review, share, sums)
    found = np.fft.irfft(sums, FOLD * m, axis=1)
    found[np.abs(found) < NOISE] = 0.0
    out += found[:, :m]
    out[:, m - 1] += found[:, m:].sum(axis=1)
    np.maximum(out, 0.0, out=out)


@njit(cache=True, nogil=True)
def add_products(spectra, lead, review, share, out):
    """Adds to out (4, k) the transforms of the distributions that `add_interval` adds, of days spectra (f, d, k)."""
    longest, typical = 0, 0.0
    for days in range(len(lead)):
        typical += days * lead[days]
        if lead[days] > 0.0:
            longest = days
    first = int(np.round(typical))
    for f in range(len(share)):
        total = np.full(spectra.shape[2], share[f] + 0j)
        inside = 0.0
        for day in range(longest + review + 1):
            if day > 0:
                total *= spectra[f, day - 1]
                inside += lead[day - 1] if day - 1 < len(lead) else 0.0
                inside -= lead[day - 1 - review] if 0 <= day - 1 - review < len(lead) else 0.0
            before = lead[day] if day < len(lead) else 0.0
            after = lead[day - review] if 0 <= day - review < len(lead) else 0.0
            if before > 0.0:
                out[LEAD] += before * total
            if after > 0.0:
                out[PROTECTION] += after * total
            if inside > 1e-15:
                out[DAYS] += inside / review * total
        total[:] = share[f]
        for day in range(first, first + review):
            total *= spectra[f, day]
        out[CYCLE] += total


@njit(cache=True, nogil=True)
def protection_of_quantiles(levels, values, lead, review, step, out):
    """The same for one item whose days are given by quantiles: levels (q,), values (d, q); out (4, m)."""
    days, m = len(values), out.shape[1]
    daily = np.zeros((days, m))
    used = np.zeros(days, np.int64)
    for day in range(days):
        used[day] = quantile_pmf(levels, values[day], step, daily[day])
    out[:] = 0.0
    add_interval(daily, used, lead, review, 1.0, out)


@njit(cache=True, nogil=True)
def protection_of_moments(mean, variance, lead, review, step, out):
    """The same for one item whose days have all the given mean and variance; out (4, m)."""
    m = out.shape[1]
    days = len(lead) - 1 + review
    daily = np.zeros((days, m))
    used = np.zeros(days, np.int64)
    for day in range(days):
        used[day] = counts_pmf(mean / step, variance / (step * step), daily[day])
    out[:] = 0.0
    add_interval(daily, used, lead, review, 1.0, out)
