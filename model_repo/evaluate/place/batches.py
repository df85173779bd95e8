"""Batches of consecutive orders against first-come, and against published solutions."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import numpy as np

from model_repo.evaluate.place.least import least_metres
from model_repo.evaluate.place.obstacles import F64, walking_distances
from model_repo.evaluate.place.world import World, some
from serving.core.errors import DataError
from serving.decisions.place.contract import BatchAnswer, BatchQuery, Items, Limits, Matrix, Orders, Slots
from serving.decisions.place.service import PlacementService

SIZES: Final = (30, 50, 100, 200, 300)
"""Orders in a window."""
KEPT: Final = 0.1
"""Share of a published solution's time that is not asked for: on a busy machine the answer may wait for its core."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Over the windows, (windows, ...) metres each."""

    sizes: tuple[int, ...]
    s_shape: F64
    """Of first-come batches, walked in S-shape."""
    first_come: F64
    """Of the same, walked the shortest way."""
    served: F64
    """(windows, times)"""
    seconds: F64
    """(windows, times) what each took."""
    least: F64
    """(windows,) that no batches fall below; NaN where that is not known."""
    engines: tuple[tuple[str, ...], ...]
    left_out: int
    """Orders that no walk can take."""


def judge_windows(
    world: World, service: PlacementService, lines: int, times: Sequence[float], each: int, seed: int,
    say: Callable[[str], None],
) -> Windows:  # fmt: skip
    """`each` windows of each size, drawn by the seed; a walk collects at most `lines` lines."""
    rng = np.random.default_rng(seed)
    fitting = np.flatnonzero(np.diff(world.orders.start) <= lines)
    sizes = [size for size in SIZES if size <= len(fitting) for _ in range(each)]
    answers: list[list[BatchAnswer]] = []
    least: list[float] = []
    for number, size in enumerate(sizes):
        begin = int(rng.integers(0, len(fitting) - size + 1))
        orders = some(world.orders, fitting[begin : begin + size])
        say(f"window {number + 1} of {len(sizes)}: {size} orders")
        query = BatchQuery(
            world.layout, world.slots, world.items, orders, world.scattered, Limits(lines=lines), seed=seed
        )
        answers.append([service.run_batch(replace(query, seconds=time)) for time in times])
        bound = least_metres(query)
        least.append(np.nan if bound is None else bound)
    return Windows(
        tuple(sizes),
        np.array([row[0].reference_metres for row in answers]),
        np.array([row[0].first_come_metres for row in answers]),
        np.array([[one.metres for one in row] for row in answers]),
        np.array([[one.seconds for one in row] for row in answers]),
        np.array(least),
        tuple(tuple(one.engine for one in row) for row in answers),
        len(world.orders) - len(fitting),
    )


@dataclass(frozen=True, slots=True)
class Published:
    """One instance with its published solution."""

    name: str
    query: BatchQuery
    metres: float
    seconds: float
    batches: int
    vehicles: int


@dataclass(frozen=True, slots=True)
class Solved:
    """metres: of our answer, as those who published measure it; seconds: that it took."""

    published: Published
    metres: float
    seconds: float
    batches: int


def judge_instances(folder: Path, service: PlacementService, seed: int, say: Callable[[str], None]) -> list[Solved]:
    """Every instance in the time that its published solution took, checks and answer included. Raises DataError."""
    found = []
    for one in read_instances(folder, seed):
        say(f"{one.name}: {len(one.query.orders)} orders in {one.seconds:.3f} s")
        query, began = replace(one.query, seconds=(1 - KEPT) * one.seconds), perf_counter()
        answer = service.run_batch(query)
        found.append(Solved(one, answer.metres, perf_counter() - began, len(answer.batches)))
    return found


def read_instances(folder: Path, seed: int) -> list[Published]:
    """The instances of a layout: a folder each, with `instance.json` and `reference_solution.json`, and beside them
    `tsplib_parent.json` with the places of stops and racks. Raises DataError."""
    parent = _read(folder / "tsplib_parent.json")
    try:
        spots = parent["LOCATION_COORD_SECTION"]
        points = np.array([spots[str(k)] for k in range(2 + int(parent["num_pick_locs_warehouse"]))], np.float64)
        corners = [np.array([spots[str(k)] for k in rack], np.float64) for rack in parent["OBSTACLES"].values()]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(str(folder / "tsplib_parent.json"), f"not a layout: {error!r}") from error
    racks = np.array([[*rack.min(axis=0), *rack.max(axis=0)] for rack in corners])
    matrix = Matrix(walking_distances(points, racks), 0, 1)
    paths = sorted(folder.glob("*/instance.json"))
    if not paths:
        raise DataError(str(folder), "no folder with an instance.json")
    return [_instance(path, matrix, seed) for path in paths]


def _instance(path: Path, matrix: Matrix, seed: int) -> Published:
    one, solution = _read(path), _read(path.with_name("reference_solution.json"))
    try:
        places = {visit: int(spot) for visit, spot in one["VISIT_LOCATION_SECTION"].items()}
        visits, number = tuple(places), {visit: k for k, visit in enumerate(places)}
        rows = [[number[visit] for visit in some] for some in one["ORDERS"].values()]
        orders = Orders(
            tuple(one["ORDERS"]),
            np.append(0, np.cumsum([len(row) for row in rows])).astype(np.int64),
            np.array([item for row in rows for item in row], np.int64),
            np.ones(sum(map(len, rows)), np.int64),
        )
        seconds = float(one["HEADER"]["COMMENTS"]["Computational time (s)"])
        slots = Slots(visits, np.array(list(places.values()), np.int64), np.zeros(len(visits)))
        limits = Limits(orders=int(one["CAPACITIES"]))
        query = BatchQuery(matrix, slots, Items(visits), orders, np.arange(len(visits)), limits, seconds, seed)
        metres = sum(float(batch["distance"]) for batch in solution.values())
        return Published(one["NAME"], query, metres, seconds, len(solution), int(one["NUM_VEHICLES"]))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(str(path), f"not an order batching instance: {error!r}") from error


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise DataError(str(path), f"cannot be read: {error}") from error
