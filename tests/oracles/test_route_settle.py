"""The end of a round: against states that are written anew from their routes."""

from __future__ import annotations

import numpy as np
import pytest
from routing_worlds import problem_with

from serving.decisions.route.arrays import Arrays, arrays_of, empty_state, load_routes, routes_of
from serving.decisions.route.search import Run
from serving.kernels.route_draws import generator
from serving.kernels.route_ruin import BLINK, recreate, ruin
from serving.kernels.route_settle import keep, mended, settle
from serving.kernels.route_state import State


def anew(arrays: Arrays, routes: list[list[int]]) -> State:
    state = empty_state(arrays)
    assert load_routes(arrays, state, routes)
    return state


def same(one: State, other: State) -> bool:
    """As far as a state means anything: by route up to its end, by stop where it is visited."""
    visited = one.vehicle >= 0
    return all(
        (one.count == other.count).all() and (one.cost == other.cost).all()
        and (one.seq[v, : count + 2] == other.seq[v, : count + 2]).all()
        and (one.early[v, : count + 2] == other.early[v, : count + 2]).all()
        and (one.late[v, : count + 2] == other.late[v, : count + 2]).all()
        for v, count in enumerate(one.count)
    ) and bool((one.vehicle == other.vehicle).all() and (one.place[visited] == other.place[visited]).all())  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_both_states_are_the_routes_that_were_kept(seed: int) -> None:
    """Round after round, kept or undone by chance, with so few vehicles that some stops are left out."""
    arrays = arrays_of(problem_with(30, 3, seed=seed, tight=0.7))
    world, run, rng = arrays.world, Run(arrays, seed, None), generator(seed)
    nodes, fleet = len(world.service), len(run.current.count)
    torn, tried, keys = np.zeros(fleet, np.int64), np.zeros(int(world.kind.max()) + 1, np.int64), np.zeros(nodes)
    absent, held, gone = np.zeros(nodes, np.int64), np.zeros(nodes, np.int64), np.zeros(nodes, np.bool_)
    holds, stamp, work = int(run.out[1, 0]), 0, np.zeros(run.current.seq.shape[1] + 4, np.int32)
    held[:holds] = run.out[0, :holds]
    assert holds
    for kept in np.random.default_rng(seed).random(40) < 0.5:
        before = routes_of(arrays, run.current.seq, run.current.count)
        absent[:holds] = held[:holds]
        torns, absents, fine = ruin(world, run.trial, rng, gone, torn, absent, holds, 8.0)
        torns, absents, stamp = recreate(
            world, run.trial, rng, absent, absents, torn, torns, BLINK, tried, stamp, work, keys, fleet
        )
        assert fine
        assert mended(world, run.trial, torn, torns)
        after = routes_of(arrays, run.trial.seq, run.trial.count)
        holds = settle(run.current, run.trial, torn, torns, absent, absents, held, holds, kept)
        wanted = anew(arrays, after if kept else before)
        assert same(run.current, wanted)
        assert same(run.trial, wanted)
        assert set(held[:holds].tolist()) == set(np.flatnonzero(wanted.vehicle[world.depots :] < 0) + world.depots)
    seq, count = np.zeros_like(run.current.seq), np.zeros_like(run.current.count)
    keep(run.current, seq, count)
    assert routes_of(arrays, seq, count) == routes_of(arrays, run.current.seq, run.current.count)
