"""Fewer routes: one is given up, its stops wait, and ruin and recreate goes on until all of them are placed again [1].

What counts is how often the stops that wait have waited before: who is hard to place is placed first, and stops that
are easy wait instead.
[1] Christiaens, Vanden Berghe: Slack induction by string removals for vehicle routing problems, Transportation Science
54(2), 2020, section 5.3 (fleet minimisation, absence counters).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from serving.kernels.lending import lent
from serving.kernels.route_draws import uniform
from serving.kernels.route_ruin import BLINK, in_use, recreate, ruin
from serving.kernels.route_settle import keep, mended, settle
from serving.kernels.route_state import refresh


@njit(cache=True, nogil=True)
def shed(world, current, trial, best_seq, best_count, waits, out, steps, least, heat, weight, rng, scratch):
    """`steps` rounds. Returns how many routes fewer the best plan has, which best_seq and best_count become.

    current, trial: equal states at the beginning, and at the end. waits: (m,) int64, how often each stop has waited.
    out: (2, m) int64, row 0 the stops that wait now, row 1 their number. Both are kept from call to call. least: no
    plan has fewer routes. heat: temperature. Not for routes that have begun.
    """
    world, current, trial, rng, waits = lent(world), lent(current), lent(trial), lent(rng), lent(waits)
    gone, keys, absent, held, torn, tried, work = lent(scratch)
    tried[:] = 0
    stamp, fewer, holds = np.int64(0), 0, out[1, 0]
    for which in range(holds):
        held[which] = out[0, which]
    for _ in range(steps):
        if holds == 0:
            if in_use(current) <= max(least, 1):
                break
            holds = _give_up(world, current, trial, waits, held)
        limit = in_use(current)
        for which in range(holds):
            absent[which] = held[which]
        torns, absents, fine = ruin(world, trial, rng, gone, torn, absent, holds, weight)
        torns, absents, stamp = recreate(
            world, trial, rng, absent, absents, torn, torns, BLINK, tried, stamp, work, keys, limit
        )
        fine = fine or mended(world, trial, torn, torns)
        more = 0.0
        for which in range(torns):
            more += trial.cost[torn[which]] - current.cost[torn[which]]
        now, then = _waited(waits, absent, absents), _waited(waits, held, holds)
        calm = absents <= holds and now <= then and more < -heat * np.log(1.0 - uniform(rng))
        for which in range(absents):
            waits[absent[which]] += 1
        kept = fine and (absents == 0 or now < then or calm)
        holds = settle(current, trial, torn, torns, absent, absents, held, holds, kept)
        if kept and holds == 0:
            fewer += 1
            keep(current, best_seq, best_count)
    out[1, 0] = holds
    for which in range(holds):
        out[0, which] = held[which]
    return fewer


@njit(cache=True, nogil=True)
def _waited(waits, nodes, count):
    total = np.int64(0)
    for which in range(count):
        total += waits[nodes[which]] + 1
    return total


@njit(cache=True, nogil=True)
def _give_up(world, current, trial, waits, held):
    """Empties the route whose stops have waited least, in both states. Returns how many stops wait now."""
    chosen, least = np.int64(-1), np.int64(0)
    for v in range(len(current.count)):
        if current.count[v] > 0:
            waited = np.int64(0)
            for at in range(1, current.count[v] + 1):
                waited += waits[current.seq[v, at]] + 1
            if chosen < 0 or waited < least:
                chosen, least = v, waited
    count = current.count[chosen]
    for at in range(1, count + 1):
        held[at - 1] = current.seq[chosen, at]
    for which in range(count):
        current.vehicle[held[which]] = -1
        trial.vehicle[held[which]] = -1
    current.count[chosen] = 0
    trial.count[chosen] = 0
    current.seq[chosen, 1] = world.end[chosen]
    trial.seq[chosen, 1] = world.end[chosen]
    refresh(world, current, chosen)
    refresh(world, trial, chosen)
    return count
