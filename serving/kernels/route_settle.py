"""Rounds of ruin and recreate: what each needs beside the states, and its end, where its routes are kept or undone and
both states are equal again."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from serving.kernels.route_state import copy_route, mark, refresh


class Scratch(NamedTuple):
    """Arrays of m nodes, v vehicles, kinds of them, or positions of a route. gone: all false between rounds."""

    gone: np.ndarray
    keys: np.ndarray
    absent: np.ndarray
    held: np.ndarray
    torn: np.ndarray
    tried: np.ndarray
    work: np.ndarray


def scratch(nodes: int, vehicles: int, kinds: int, wide: int) -> Scratch:
    """Made by who calls the kernels, not by them: a kernel counts no references of arrays that it is lent."""
    return Scratch(
        gone=np.zeros(nodes, np.bool_), keys=np.zeros(nodes), absent=np.zeros(nodes, np.int64),
        held=np.zeros(nodes, np.int64), torn=np.zeros(vehicles, np.int64), tried=np.zeros(kinds, np.int64),
        work=np.zeros(wide + 4, np.int32),
    )  # fmt: skip


@njit(cache=True, nogil=True)
def mended(world, state, torn, torns):
    """Whether all torn routes are feasible, as what was put back may have made them; all written anew."""
    fine = True
    for which in range(torns):
        fine = refresh(world, state, torn[which]) and fine
    return fine


@njit(cache=True, nogil=True)
def settle(current, trial, torn, torns, absent, absents, held, holds, kept):
    """Makes the torn routes of both states those of `trial` where it is `kept`, else those of `current`.

    absent: the stops that `trial` leaves out, `absents` of them; held: those that `current` does, `holds` of them,
    which become the others where they are kept. Returns how many those are.
    """
    source, target = (trial, current) if kept else (current, trial)
    for which in range(torns):
        copy_route(source, target, torn[which])
    for which in range(torns):
        mark(target, torn[which])
    if kept:
        holds = absents
        for which in range(absents):
            held[which] = absent[which]
    for which in range(holds):
        target.vehicle[held[which]] = -1
    return holds


@njit(cache=True, nogil=True)
def keep(state, best_seq, best_count):
    """The routes of a state become the best ones."""
    count, seq = state.count, state.seq
    for v in range(len(count)):
        best_count[v] = count[v]
        for at in range(1, count[v] + 1):
            best_seq[v, at] = seq[v, at]
