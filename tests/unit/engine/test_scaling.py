"""The scaling policy under load curves and a virtual clock: up fast, down slowly, within bounds, never to and fro."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.engine.scaling import Bounds, Load, ScalingParams, ScalingState, Window, scale

TICK_S = 0.5
BOUNDS = Bounds(1, 8)
PARAMS = ScalingParams(busy_target=0.5, queue_target=10.0, tolerance=0.25, up_delay_s=2.0, down_delay_s=30.0)

Curve = Callable[[float], float]
"""Seconds -> what all callers ask for, in replicas' worth of work."""


def loads_of(demand: float, replicas: int) -> list[Load]:
    """What replicas see that share `demand`: a busy share that cannot exceed 1, and calls that wait beyond it."""
    each = demand / replicas
    return [Load(min(each, 1.0), 0.0 if each < 1 else 40.0 * (each - 1.0))] * replicas


def run(
    curve: Curve, seconds: float, params: ScalingParams = PARAMS, bounds: Bounds = BOUNDS, replicas: int = 1
) -> list[int]:
    """The number of replicas at every tick; those that are wanted serve at once."""
    state, counts = ScalingState.begin(replicas, 0.0), []
    for tick in range(int(seconds / TICK_S)):
        now = tick * TICK_S
        replicas, state = scale(loads_of(curve(now), replicas), replicas, now, state, bounds, params)
        counts.append(replicas)
    return counts


def follow(
    demands: Sequence[float], params: ScalingParams = PARAMS, bounds: Bounds = BOUNDS, first: int = 1
) -> list[int]:
    """The same for a busy share told replica by replica whatever their number: demand alone decides."""
    state, replicas, counts = ScalingState.begin(first, 0.0), first, []
    for tick, demand in enumerate(demands):
        replicas, state = scale([Load(demand, 0.0)], replicas, tick * TICK_S, state, bounds, params)
        counts.append(replicas)
    return counts


def changes(counts: Sequence[int]) -> list[int]:
    """+1 and -1 for every change, in order."""
    return [1 if after > before else -1 for before, after in pairwise(counts) if after != before]


def test_a_step_is_followed_up_fast_and_down_slowly() -> None:
    """1.3 replicas' worth of work for two minutes: three replicas at a target of one half, from the first look at which
    it lasted `up_delay_s`; one again `down_delay_s` after its end."""
    counts = run(lambda now: 1.3 if 10 <= now < 130 else 0.1, 200)
    seconds = {
        wanted: [tick * TICK_S for tick, count in enumerate(counts) if count == wanted] for wanted in set(counts)
    }
    assert set(seconds) == {1, 2, 3}  # a replica at its limit cannot tell how far beyond it the load is
    assert seconds[3][0] <= 10 + 2 * (PARAMS.up_delay_s + TICK_S)
    assert 130 + PARAMS.down_delay_s <= seconds[3][-1] + TICK_S <= 130 + PARAMS.down_delay_s + 2 * TICK_S
    assert changes(counts) == [1, 1, -1]


def test_a_queue_tells_how_far_beyond_its_limit_a_replica_is() -> None:
    """Ten times what one replica can do: all eight at once, not one more at a time."""
    counts = run(lambda now: 10.0, 5)
    assert changes(counts) == [1]
    assert counts[-1] == BOUNDS.most


def test_a_spike_shorter_than_the_delay_changes_nothing() -> None:
    counts = run(lambda now: 5.0 if 10 <= now < 11.5 else 0.2, 60)
    assert set(counts) == {1}


def test_a_dip_shorter_than_the_delay_changes_nothing() -> None:
    """The replicas are there when the load comes back."""
    counts = run(lambda now: 0.0 if 60 <= now < 85 else 1.8, 150)
    assert changes(counts[int(30 / TICK_S) :]) == []


def test_a_ramp_is_climbed_and_descended_step_by_step() -> None:
    """Always enough for the load of a moment ago, and never one step in the wrong direction."""

    def ramp(now: float) -> float:
        return 3.5 * min(now, 600 - now) / 300

    counts = run(ramp, 640)
    assert changes(counts) == sorted(changes(counts), reverse=True)
    for tick, count in enumerate(counts[: int(300 / TICK_S)]):
        earlier = ramp(max(tick * TICK_S - PARAMS.up_delay_s - TICK_S, 0))
        assert count >= earlier / PARAMS.busy_target
    assert max(counts) == math.ceil(3.5 / PARAMS.busy_target)
    assert counts[-1] == 1


def test_noise_within_the_tolerance_is_not_followed() -> None:
    """20 % to and fro around the edge between two and three replicas, for an hour: at most one change."""
    rng = np.random.default_rng(0)
    demands = 1.0 + 0.1 * rng.uniform(-1, 1, 7200)
    assert len(changes(follow(demands, first=2))) <= 1


def test_two_days_take_as_many_changes_as_the_load_has_slopes() -> None:
    """A daily curve with noise: up in the morning, down in the evening, nothing to and fro in between."""
    rng, day = np.random.default_rng(1), 2880
    demands = [
        (1.6 - 1.4 * math.cos(2 * math.pi * tick / day)) * (1 + 0.05 * rng.uniform(-1, 1)) for tick in range(2 * day)
    ]
    counts = follow(demands)
    assert max(counts) in (6, 7)
    turns = [direction for direction, after in pairwise([*changes(counts), 0]) if direction != after]
    assert turns == [1, -1, 1, -1]


def test_a_pause_of_the_looks_is_not_a_pause_of_the_load() -> None:
    """The last thing that was seen holds until the next look, be it an hour later: one low look changes nothing."""
    state = ScalingState.begin(4, 0.0)
    _, state = scale([Load(2.0, 0.0)], 4, 1.0, state, BOUNDS, PARAMS)
    wanted, state = scale([Load(0.0, 0.0)], 4, 3600.0, state, BOUNDS, PARAMS)
    assert wanted == 4
    wanted, _ = scale([Load(0.0, 0.0)], 4, 3600.0 + PARAMS.down_delay_s, state, BOUNDS, PARAMS)
    assert wanted == 1


def test_without_delays_the_newest_look_decides() -> None:
    params = ScalingParams(busy_target=0.5, tolerance=0.0, up_delay_s=0.0, down_delay_s=0.0)
    assert follow([0.4, 2.0, 0.9, 0.5], params) == [1, 4, 2, 1]


@pytest.mark.parametrize(("replicas", "wanted"), [(0, 2), (9, 4)])
def test_a_number_out_of_bounds_is_brought_back(replicas: int, wanted: int) -> None:
    """Bounds may have been changed since."""
    got, _ = scale([Load(0.9, 0.0)], replicas, 0.0, ScalingState.begin(replicas, 0.0), Bounds(2, 4), PARAMS)
    assert got == wanted


DEMANDS = st.lists(st.floats(0, 6), min_size=1, max_size=120)
DELAYS = st.sampled_from([0.0, 1.0, 2.5, 20.0])
ANY_PARAMS = st.builds(
    ScalingParams,
    busy_target=st.floats(0.1, 1),
    tolerance=st.floats(0, 0.8),
    up_delay_s=DELAYS,
    down_delay_s=DELAYS,
)
ANY_BOUNDS = st.tuples(st.integers(1, 6), st.integers(0, 8)).map(lambda pair: Bounds(pair[0], pair[0] + pair[1]))


@given(DEMANDS, ANY_PARAMS, ANY_BOUNDS, st.integers(0, 20))
def test_bounds_hold_for_any_load(demands: list[float], params: ScalingParams, bounds: Bounds, first: int) -> None:
    """Whatever is told, whatever the number was."""
    assert all(bounds.least <= count <= bounds.most for count in follow(demands, params, bounds, first))


@given(DEMANDS, ANY_PARAMS, st.data())
def test_more_load_never_means_fewer_replicas(demands: list[float], params: ScalingParams, data: st.DataObject) -> None:
    """At no moment, if the load was nowhere smaller."""
    more = [demand + data.draw(st.floats(0, 3)) for demand in demands]
    assert all(low <= high for low, high in zip(follow(demands, params), follow(more, params), strict=True))


@given(st.floats(0.05, 3), st.floats(0.05, 0.8), DELAYS, DELAYS, st.integers(1, 8), st.data())
def test_a_load_within_the_tolerance_moves_the_number_in_one_direction(
    base: float, tolerance: float, up_delay_s: float, down_delay_s: float, first: int, data: st.DataObject
) -> None:
    """Wherever it lies, however it jumps within the band, whatever the delays."""
    params = ScalingParams(0.5, 10.0, tolerance, up_delay_s, down_delay_s)
    shares = data.draw(st.lists(st.floats(0, 0.999), min_size=1, max_size=120))
    high = base / (1 - tolerance)
    counts = [first, *follow([base + share * (high - base) for share in shares], params, first=first)]
    assert len(set(changes(counts))) <= 1


@given(st.floats(0, 3), ANY_PARAMS, st.integers(1, 8))
def test_a_constant_load_comes_to_rest_where_it_needs(demand: float, params: ScalingParams, first: int) -> None:
    """After the longer delay nothing changes any more, and the replicas suffice."""
    settle = int(max(params.up_delay_s, params.down_delay_s) / TICK_S) + 2
    counts = follow([demand] * (settle + 50), params, first=first)
    assert len(set(counts[settle:])) == 1
    assert counts[-1] >= BOUNDS.clamp(demand / params.busy_target)


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 6)), min_size=1, max_size=60), DELAYS, st.booleans())
def test_a_window_is_the_extreme_of_the_slow_way(steps: list[tuple[float, int]], delay_s: float, highest: bool) -> None:
    """Against a list of everything that ever held, and never longer than there are values."""
    now, window, ever = 0.0, Window(((0.0, 3),)), [(0.0, 3)]
    for pause_s, value in steps:
        now += pause_s
        window = window.with_value(value, now, delay_s, highest=highest)
        ever = [*ever[:-1], (now, ever[-1][1]), (now, value)]
        kept = [was for until, was in ever[:-1] if until > now - delay_s] + [value]
        assert window.extreme == (max(kept) if highest else min(kept))
        assert len(window.points) <= 6
