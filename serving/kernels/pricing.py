"""Price rules: the band that hard rules leave of all prices, candidates within it, and the best of them.

Prices are whole minor units, shares are whole parts of SHARE, so that every rule is exact. The rules come in the fixed
order of their numbers: those below ABSOLUTE_END never give way, and an item for which they leave no price has none;
every later rule narrows what the earlier ones leave, and where it would leave nothing, the price nearest to it stands.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

SHARE: Final = 10_000
"""1 as a share."""
PRICE_MAX: Final = 10**12
"""No price is above it; the products of the pack rule stay below 2**63."""
PACK_SIZE_MAX: Final = 1_000_000
LADDER_MAX: Final = 64
"""Candidate prices of an item."""

NONE: Final = 0
CURRENCY: Final = 1
NO_PRICE: Final = 2
MIN_MARGIN: Final = 3
MAP_PRICE: Final = 4
LOWEST: Final = 5
LIST_PRICE: Final = 6
HIGHEST: Final = 7
PACK: Final = 8
ABSOLUTE_END: Final = 9
"""Rules below never give way; this one and those above do."""
COST_UNKNOWN: Final = 9
COOL_DOWN: Final = 10
STEP: Final = 11
COMPETITOR: Final = 12
STOCK_COVER: Final = 13
ENDING: Final = 14

P_MIN_MARGIN: Final = 0
P_LOWEST: Final = 1
P_HIGHEST: Final = 2
P_LIST_IS_CEILING: Final = 3
P_STEP: Final = 4
P_COMPETITOR_LOW: Final = 5
P_COMPETITOR_HIGH: Final = 6
P_COVER_MILLI: Final = 7
P_EXPLORE: Final = 8
P_EXPLORE_WIDTH: Final = 9
POLICY_COLUMNS: Final = 10
"""Columns of a policy, int64: shares of SHARE; LOWEST and HIGHEST in minor units; COVER in thousandths of a period."""

OBJECTIVE_MARGIN: Final = 0
OBJECTIVE_REVENUE: Final = 1

_FAR: Final = 10 * PRICE_MAX
"""What amounts beyond all prices are taken for: far enough, and no product of it overflows."""


class Facts(NamedTuple):
    """What the rules read of n items, (n,) each; amounts in minor units, 0 = not known."""

    price: npt.NDArray[np.int64]
    """The catalogue's, from which steps are measured."""
    cost: npt.NDArray[np.int64]
    list_price: npt.NDArray[np.int64]
    map_price: npt.NDArray[np.int64]
    """Minimum advertised price."""
    competitor: npt.NDArray[np.int64]
    on_hand: npt.NDArray[np.int64]
    """Pieces, -1 = not tracked."""
    foreign: npt.NDArray[np.bool_]
    """Of another currency than the one that is priced."""
    cooling: npt.NDArray[np.bool_]
    """Whether the price was set so lately that it stands."""
    policy: npt.NDArray[np.int32]
    """Row of the table of policies."""


class Bands(NamedTuple):
    """What the rules up to COMPETITOR leave of n items, (n,) each."""

    low: npt.NDArray[np.int64]
    """Minor units, both ends included; 0 where no price is allowed."""
    high: npt.NDArray[np.int64]
    low_rule: npt.NDArray[np.uint8]
    high_rule: npt.NDArray[np.uint8]
    fix_rule: npt.NDArray[np.uint8]
    """The rule that left a single price, NONE where there are more."""
    gave_way: npt.NDArray[np.int32]
    """Bit r = rule r could not be kept."""
    failed: npt.NDArray[np.int32]
    """Bit r = rule r is one of those that contradict each other: no price is allowed."""


class Picks(NamedTuple):
    """What was chosen for n items, (n,) each."""

    place: npt.NDArray[np.int32]
    """On the ladder; -1 = no price is allowed."""
    best: npt.NDArray[np.int32]
    """Where the objective is highest: `place`, unless that was left to chance."""
    low: npt.NDArray[np.int64]
    """The lowest and the highest price that all rules allow, minor units."""
    high: npt.NDArray[np.int64]
    rule: npt.NDArray[np.uint8]
    """That bound the price; NONE = the objective is highest there."""
    gave_way: npt.NDArray[np.int32]
    propensity: npt.NDArray[np.float32]
    """The chance that this price had."""
    units: npt.NDArray[np.float32]
    """Expected to be sold in a period, no more than there are."""


@njit(cache=True, nogil=True)
def allowed_bands(facts, pack_low, pack_high, policies):
    """Bands of the items `facts` under `policies` (p, POLICY_COLUMNS) int64.

    pack_low, pack_high: (n,) int64 minor units, the band that smaller packs of the same product leave; 0 and _FAR or
    more where there is none.
    """
    n = len(facts.price)
    low, high = np.zeros(n, np.int64), np.zeros(n, np.int64)
    low_rule, high_rule = np.zeros(n, np.uint8), np.zeros(n, np.uint8)
    fix_rule = np.zeros(n, np.uint8)
    gave_way, failed = np.zeros(n, np.int32), np.zeros(n, np.int32)
    for i in range(n):
        policy = policies[facts.policy[i]]
        price = facts.price[i]
        if facts.foreign[i]:
            failed[i] = 1 << CURRENCY
            continue
        if price <= 0:
            failed[i] = 1 << NO_PRICE
            continue
        lo, lo_rule, hi, hi_rule = _absolute(facts, i, policy)
        if lo > hi:
            failed[i] = (1 << lo_rule) | (1 << hi_rule)
            continue
        if pack_low[i] > hi or pack_high[i] < lo or pack_low[i] > pack_high[i]:
            edge = hi_rule if pack_low[i] > hi else lo_rule
            failed[i] = (1 << PACK) | (1 << edge if pack_low[i] <= pack_high[i] else 0)
            continue
        if pack_low[i] > lo:
            lo, lo_rule = pack_low[i], PACK
        if pack_high[i] < hi:
            hi, hi_rule = pack_high[i], PACK
        fix = (hi_rule if hi_rule == PACK else lo_rule) if lo == hi else NONE
        lost = 0
        step, near, far = policy[P_STEP], policy[P_COMPETITOR_LOW], policy[P_COMPETITOR_HIGH]
        for rule in (COST_UNKNOWN, COOL_DOWN, STEP, COMPETITOR):
            at_least, at_most = np.int64(0), np.int64(_FAR)
            if rule == COST_UNKNOWN:
                if facts.cost[i] <= 0:
                    at_least, at_most = price, price
            elif rule == COOL_DOWN:
                if facts.cooling[i]:
                    at_least, at_most = price, price
            elif rule == STEP:
                at_least, at_most = _share_up(price, SHARE - step), _share_down(price, SHARE + step)
            elif facts.competitor[i] > 0:
                other = facts.competitor[i]
                at_least, at_most = _share_up(other, near), _share_down(other, far)
            many = lo < hi
            if at_most < lo:
                hi, hi_rule = lo, lo_rule
                lost |= 1 << rule
            elif at_least > hi:
                lo, lo_rule = hi, hi_rule
                lost |= 1 << rule
            else:
                if at_least > lo:
                    lo, lo_rule = at_least, rule
                if at_most < hi:
                    hi, hi_rule = at_most, rule
            if many and lo == hi:
                fix = lo_rule if lost >> rule & 1 else rule
        low[i], high[i], low_rule[i], high_rule[i] = lo, hi, lo_rule, hi_rule
        fix_rule[i], gave_way[i] = fix, lost
    return Bands(low, high, low_rule, high_rule, fix_rule, gave_way, failed)


@njit(cache=True, nogil=True)
def absolute_bands(facts, policies):
    """low, high (n,) int64: what floor and ceiling leave, for the pack rule; low > high where they leave nothing."""
    n = len(facts.price)
    low, high = np.zeros(n, np.int64), np.full(n, -1, np.int64)
    for i in range(n):
        if not facts.foreign[i] and facts.price[i] > 0:
            low[i], _, high[i], _ = _absolute(facts, i, policies[facts.policy[i]])
    return low, high


@njit(cache=True, nogil=True)
def _absolute(facts, i, policy):
    """The floor and the ceiling of item i, each with its rule."""
    lo, lo_rule = policy[P_LOWEST], LOWEST
    cost, margin = min(facts.cost[i], _FAR), policy[P_MIN_MARGIN]
    if cost > 0:
        kept = SHARE - margin
        floor = (cost * SHARE + kept - 1) // kept
        if floor > lo:
            lo, lo_rule = floor, MIN_MARGIN
    if facts.map_price[i] > lo:
        lo, lo_rule = min(facts.map_price[i], _FAR), MAP_PRICE
    hi, hi_rule = policy[P_HIGHEST], HIGHEST
    if policy[P_LIST_IS_CEILING] and 0 < facts.list_price[i] < hi:
        hi, hi_rule = facts.list_price[i], LIST_PRICE
    return lo, lo_rule, hi, hi_rule


@njit(cache=True, nogil=True)
def _share_up(amount, share):
    """amount * share / SHARE, rounded up."""
    return (min(amount, _FAR) * share + SHARE - 1) // SHARE


@njit(cache=True, nogil=True)
def _share_down(amount, share):
    return min(amount, _FAR) * share // SHARE


@njit(cache=True, nogil=True)
def ladder(low, high, current, residues, before, k):
    """Candidates within the bands: prices (n, k) int64 ascending, count (n,) int32 of them that are distinct (the rest
    repeat the last), plain (n,) whether none of the band has one of the endings, so that all of it counts.

    residues: (r,) int64 ascending, what a price may leave when divided by len(before) - 1; before: that many + 1,
    how many residues are smaller. low = high = 0: no candidates. The candidates are evenly spread over all prices of
    the band that have an ending, the first and the last and, where it is one of them, `current` among them.
    """
    n, period, each = len(low), len(before) - 1, len(residues)
    prices, count = np.zeros((n, k), np.int64), np.zeros(n, np.int32)
    plain = np.zeros(n, np.bool_)
    for i in range(n):
        if high[i] <= 0:
            continue
        first = low[i] // period * each + before[low[i] % period]
        end = (high[i] + 1) // period * each + before[(high[i] + 1) % period]
        mine = first + 0
        if end <= first:
            plain[i] = True
            first, end, mine = low[i], high[i] + 1, current[i]
            has = low[i] <= mine <= high[i]
        else:
            mine = current[i] // period * each + before[current[i] % period]
            has = low[i] <= current[i] <= high[i] and residues[mine % each] == current[i] % period
        total = end - first
        m = min(total, k)
        place = -1
        if has and total > k:
            place = ((mine - first + 1) * (k - 1) + total - 2) // (total - 1) - 1  # the last that is not above it
            if place == 0 and mine > first:
                place = 1
        for t in range(m):
            number = first + (t if total <= k else t * (total - 1) // (k - 1))
            if t == place:
                number = mine
            prices[i, t] = number if plain[i] else number // each * period + residues[number % each]
        for t in range(m, k):
            prices[i, t] = prices[i, m - 1]
        count[i] = m
    return prices, count, plain


@njit(cache=True, nogil=True)
def choose(facts, bands, prices, count, plain, units, sold, curves, policies, objective, draws):
    """Picks: of each item's candidates that its stock allows the one with the highest objective; of equal ones the one
    nearest to the current price, then the lower.

    units: (n, k) float32 expected in a period at each candidate, whatever is on hand, NaN = not known: then no stock
    rule is kept. sold: (n, k) float32 what the objective counts, in any unit; curves: (j, n, k) likewise, as it may be.
    draws: (n, 2) float64 in [0, 1): where the first is below the policy's share, the price is drawn by the second: of
    the best ones by each of the curves, or without curves of all, those that are allowed and within the policy's width
    around the best.
    """
    n = len(count)
    place, best_place = np.full(n, -1, np.int32), np.full(n, -1, np.int32)
    low, high = np.zeros(n, np.int64), np.zeros(n, np.int64)
    rule, propensity = np.zeros(n, np.uint8), np.zeros(n, np.float32)
    gave_way, expected = bands.gave_way.copy(), np.full(n, np.nan, np.float32)
    open_, votes = np.zeros(prices.shape[1], np.bool_), np.zeros(prices.shape[1], np.int64)
    for i in range(n):
        m = count[i]
        if m == 0:
            continue
        policy, current, cost, hand = policies[facts.policy[i]], facts.price[i], facts.cost[i], facts.on_hand[i]
        cover = policy[P_COVER_MILLI] / 1000.0
        opened, first, last = 0, -1, -1
        for t in range(m):
            open_[t] = hand < 0 or prices[i, t] >= current or not units[i, t] * cover > hand
            if open_[t]:
                opened += 1
                first, last = (t if first < 0 else first), t
        if opened == 0:
            first = last = m - 1
            open_[last], opened = True, 1
            gave_way[i] |= 1 << STOCK_COVER
        if plain[i]:
            gave_way[i] |= 1 << ENDING
        unit_cost = cost if objective == OBJECTIVE_MARGIN else np.int64(0)
        best = _best(open_, first, last, prices[i], sold[i], units[i], current, unit_cost, hand)
        share = policy[P_EXPLORE] / SHARE
        pick, propensity[i] = best, 1.0
        if share > 0.0:
            reach = policy[P_EXPLORE_WIDTH] * prices[i, best] // SHARE
            votes[:] = 0
            for t in range(first, last + 1):
                open_[t] = open_[t] and abs(prices[i, t] - prices[i, best]) <= reach
                votes[t] = open_[t] and len(curves) == 0
            for j in range(len(curves)):
                votes[_best(open_, first, last, prices[i], curves[j, i], units[i], current, unit_cost, hand)] += 1
            total = votes.sum()
            if draws[i, 0] < share:
                left = int(draws[i, 1] * total)
                for t in range(first, last + 1):
                    left -= votes[t]
                    if left < 0:
                        pick = t
                        break
            propensity[i] = share * votes[pick] / total + (1.0 - share if pick == best else 0.0)
        place[i], best_place[i] = pick, best
        low[i], high[i] = prices[i, first], prices[i, last]
        expected[i] = _limited(units[i, pick], units[i, pick], hand)
        if opened == 1:
            rule[i] = bands.fix_rule[i] if bands.fix_rule[i] else (STOCK_COVER if m > 1 else ENDING)
        elif pick == first:
            rule[i] = STOCK_COVER if first > 0 else bands.low_rule[i]
        elif pick == last:
            rule[i] = bands.high_rule[i]
    return Picks(place, best_place, low, high, rule, gave_way, propensity, expected)


@njit(cache=True, nogil=True)
def _best(open_, first, last, prices, sold, units, current, unit_cost, hand):
    """The place of the best open candidate of one item."""
    best, top = -1, 0.0
    for t in range(first, last + 1):
        if not open_[t]:
            continue
        amount = np.float64(prices[t] - unit_cost) * np.float64(_limited(sold[t], units[t], hand))
        nearer = best >= 0 and abs(prices[t] - current) < abs(prices[best] - current)
        if best < 0 or amount > top or (amount == top and nearer):
            best, top = t, amount
    return best


@njit(cache=True, nogil=True)
def _limited(sold, units, hand):
    """`sold` of which `units` are expected, when there are `hand` pieces (below 0: any number)."""
    return sold * np.float32(hand / units) if 0 <= hand < units else sold
