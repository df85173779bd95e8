"""What `storegate evaluate place` does, and the rows that it prints."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic, perf_counter
from typing import Final

import numpy as np

from model_repo.datasets.tables import Dataset
from model_repo.evaluate.place.batches import Windows, judge_instances, judge_windows
from model_repo.evaluate.place.least import BATCHES
from model_repo.evaluate.place.slots import CUBE, FREE, OLDER, RANDOM, SERVED, Slotted, drawn, judge_slots
from model_repo.evaluate.place.world import World
from model_repo.evaluate.place.world import world as world_of
from model_repo.evaluate.report import SERVED_NAME, Result, Row
from serving.adapters.slot_moves import choose_moves
from serving.decisions.place.contract import F64
from serving.decisions.place.ground import ground_of, walked
from serving.decisions.place.service import PlacementService

TIMES: Final = (0.05, 1.0)
"""Seconds to batch a window."""
PICKS: Final = 45
LAYOUT: Final = "10 aisles x 90 places x 5 slots"


def shop_result(
    dataset: Dataset, parts: Sequence[str], *, lines: int, windows: int, seconds: float, seed: int,
    say: Callable[[str], None], began: float,
) -> tuple[Result, str]:  # fmt: skip
    """The rows of a shop, and the picture of its slots ("" where slotting is no part)."""
    world, service = world_of(dataset, seed), _warm(say)
    rows, notes, svg = [], [f"{LAYOUT}, the depot in the middle of the front; items lie at random (seed {seed})"], ""
    if "batching" in parts:
        rows.append(Row(f"walk of {PICKS} picks", {"micros": _walk_micros(world, seed)}, 0.0))
        found = judge_windows(world, service, lines, TIMES, windows, seed, say)
        rows += _window_rows(found)
        notes.append(
            f"batching: {len(found.sizes)} windows of {min(found.sizes)} to {max(found.sizes)} consecutive orders, "
            f"{lines} lines a walk; {found.left_out} orders with more lines are left out"
        )
        notes.append(
            f"a bound is known where there are at most {BATCHES:,} batches: a linear programme over all of them"
        )
    if "slotting" in parts:
        slotted = judge_slots(world, service, seconds, seed, say)
        rows += _slot_rows(slotted)
        by_name = {one.name: one for one in slotted}
        svg = drawn(world, by_name[RANDOM], by_name[SERVED], f"{dataset.name}: where is picked")
        notes.append("slotting: learned on the first ten twelfths of the time, judged on the rest, an order a walk")
        notes.append(
            f"{FREE}: no slotting but a limit, as if nobody walked to those; above 100 % of a gain it says nothing"
        )
        notes.append(
            f"{OLDER}: learned on the first five; its rows count gains and moves from there, the others from random"
        )
    result = Result(
        command="evaluate place",
        data=dataset.name,
        sha256=dataset.sha256,
        seed=seed,
        protocol="metres that pickers walk, each walk the shortest unless it says otherwise",
        counts={"items": len(world.items), "orders": len(world.orders), "lines": len(world.orders.item)},
        rows=rows,
        seconds=monotonic() - began,
        notes=notes,
    )
    return result, svg


def instances_result(folder: Path, seed: int, say: Callable[[str], None], began: float) -> Result:
    """Published order batching instances."""
    solved = judge_instances(folder, _warm(say), seed, say)
    ours, theirs = np.array([one.metres for one in solved]), np.array([one.published.metres for one in solved])
    allowed = [one.published.seconds for one in solved]
    counts = {
        "instances": len(solved),
        "shorter": int((ours < theirs - 1e-6).sum()),
        "as_long": int((np.abs(ours - theirs) <= 1e-6).sum()),
        "longer": int((ours > theirs + 1e-6).sum()),
        "later_than_published": sum(one.seconds > one.published.seconds for one in solved),
        "more_batches_than_vehicles": sum(one.batches > one.published.vehicles for one in solved),
    }
    rows = [
        Row(
            "published",
            {"metres": theirs.sum(), "batches": sum(one.published.batches for one in solved)},
            sum(allowed),
        ),
        Row(
            SERVED_NAME,
            {
                "metres": ours.sum(),
                "saved_pct": 100 * (1 - ours.sum() / theirs.sum()),
                "batches": sum(one.batches for one in solved),
                "late_ms_max": max(1000 * (one.seconds - one.published.seconds) for one in solved),
            },
            sum(one.seconds for one in solved),
        ),
    ]  # fmt: skip
    return Result(
        command="evaluate place --instances",
        data=folder.name,
        sha256=_digest(folder),
        seed=seed,
        protocol="metres of all batches together, in the time that each published solution took",
        counts=counts,
        rows=rows,
        seconds=monotonic() - began,
        notes=["distances as published: straight parts round the racks, each cut to whole metres"],
    )


def _walk_micros(world: World, seed: int) -> float:
    """Of one shortest walk over PICKS places drawn at random: the mean of many different ones."""
    rng, walks = np.random.default_rng(seed), 2000
    ground, point = ground_of(world.layout, world.slots, np.arange(len(world.slots)))
    drawn = np.concatenate([np.sort(rng.choice(int(point.max()) + 1, PICKS, replace=False)) for _ in range(walks)])
    start = np.arange(0, walks * PICKS + 1, PICKS)
    walked(ground, drawn, start)
    began = perf_counter()
    walked(ground, drawn, start)
    return 1e6 * (perf_counter() - began) / walks


def _window_rows(found: Windows) -> list[Row]:
    rows = [
        Row("first-come, S-shape", {"metres": found.s_shape.sum()}, 0.0),
        Row("first-come, shortest", _against(found.first_come, found), 0.0),
    ]
    for k, time in enumerate(TIMES):
        metrics = _against(found.served[:, k], found)
        metrics["windows_worse_than_first_come"] = int((found.served[:, k] > found.first_come + 1e-6).sum())
        metrics["ms_max"] = 1000 * found.seconds[:, k].max()
        last = k == len(TIMES) - 1
        name = SERVED_NAME if last else f"served in {1000 * time:.0f} ms"
        rows.append(Row(name, metrics, float(found.seconds[:, k].sum())))
    if (known := np.isfinite(found.least)).any():
        rows += _least_rows(found, known)
    return rows


def _least_rows(found: Windows, known: np.ndarray) -> list[Row]:
    """The windows that have a bound, by themselves."""
    least, s_shape = found.least[known], found.s_shape[known]
    named = [
        (f"bounded windows, served in {1000 * time:.0f} ms", found.served[known, k]) for k, time in enumerate(TIMES)
    ]
    named.append(("bounded windows, no batches are shorter", least))
    return [
        Row(
            name,
            {
                "metres": float(metres.sum()),
                "saved_pct": 100 * (1 - float(metres.sum() / s_shape.sum())),
                "windows": int(known.sum()),
                "above_bound_pct": 100 * (float(metres.sum() / least.sum()) - 1),
                "above_bound_pct_most": 100 * (float((metres / least).max()) - 1),
            },
            0.0,
        )
        for name, metres in named
    ]


def _against(metres: F64, found: Windows) -> dict[str, float]:
    saved = 100 * (1 - metres / found.s_shape)
    by_size = {
        f"saved_pct_{size}": float(saved[np.array(found.sizes) == size].mean()) for size in sorted({*found.sizes})
    }
    return {
        "metres": float(metres.sum()),
        "saved_pct": 100 * (1 - float(metres.sum() / found.s_shape.sum())),
        "saved_pct_least": float(saved.min()),
        **by_size,
    }


def _slot_rows(slotted: Sequence[Slotted]) -> list[Row]:
    by_name = {one.name: one for one in slotted}
    return [Row(f"slots: {one.name}", _slot_metrics(one, by_name), one.seconds) for one in slotted]


def _slot_metrics(one: Slotted, by_name: dict[str, Slotted]) -> dict[str, float]:
    """Gains and moves are counted from where the slotting started; all of both is what is served without a bound."""
    full, start = by_name[SERVED], by_name[one.start]
    gain, moves = start.judged - full.judged, int((full.slot != start.slot).sum())
    return {
        "metres_per_order": one.judged,
        "metres_per_order_learned": one.learned,
        "less_than_random_pct": 100 * (1 - one.judged / by_name[RANDOM].judged),
        "less_than_cube_pct": 100 * (1 - one.judged / by_name[CUBE].judged),
        "less_than_start_pct": 100 * (1 - one.judged / start.judged),
        "of_full_gain_pct": 100 * (start.judged - one.judged) / gain if gain else 0.0,
        "moves": one.moves,
        "of_full_moves_pct": 100 * one.moves / max(moves, 1),
        "of_items_pct": 100 * one.moves / len(one.slot),
    }


def _warm(say: Callable[[str], None]) -> PlacementService:
    say("compiling")
    service = PlacementService(choose_moves)
    service.warm()
    return service


def _digest(folder: Path) -> str:
    whole = hashlib.sha256()
    for path in sorted(folder.glob("**/*.json")):
        whole.update(path.read_bytes())
    return whole.hexdigest()
