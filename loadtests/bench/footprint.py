"""What a world holds in memory, part by part, and what this process takes while it is built."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

import numpy as np

import retrieval
from loadtests.bench.process import MIB, Tree
from loadtests.bench.timing import Row
from loadtests.bench.world_models import Made
from serving.core.catalogue import Catalogue
from serving.decisions.recommend.world import World


def array_bytes(part: Any) -> int:
    """Bytes of an array, or of all arrays in a tuple or a dataclass of them."""
    if isinstance(part, np.ndarray):
        return int(part.nbytes)
    if isinstance(part, tuple):
        return sum(map(array_bytes, part))
    names = [field.name for field in fields(part)] if hasattr(part, "__dataclass_fields__") else []
    return sum(array_bytes(value) for name in names if isinstance(value := getattr(part, name), np.ndarray | tuple))


def parts(made: Made, catalogue: Catalogue, world: World) -> dict[str, int]:
    """Part -> bytes of its arrays; the indexes by their snapshots. The Items are Python objects: see `Build`."""
    models = world.models
    held = {
        "item-item": models.item_item,
        "transitions": models.transitions,
        "together": models.together,
        "coview": models.coview,
        "sessions": tuple(models.sessions),
        "factor vectors": models.vectors,
        "content vectors": models.content,
        "content model": models.content_model,
        "statistics": models.item_stats,
        "catalogue columns": (
            catalogue.price, catalogue.cost, catalogue.list_price, catalogue.on_hand, catalogue.available,
            catalogue.brand, catalogue.category, catalogue.available_s,
        ),
        "catalogue hash table": (catalogue.hash_keys, catalogue.hash_rows),
        "scratch": (tuple(world.scratch), tuple(world.session_scratch)),
    }  # fmt: skip
    copies = {
        "world: copies of the models' tables": tuple(
            mine
            for mine, theirs in (
                (world.vectors, models.vectors), (world.content, models.content), (world.stats, models.item_stats),
            )
            if not np.shares_memory(mine, theirs)
        ),
        "world: popularity and its order": (world.popularity, world.popular),
    }  # fmt: skip
    found = {name: array_bytes(part) for name, part in {**held, **copies}.items()}
    found["index of factors"] = len(retrieval.dumps(made.index))
    found["index of content"] = len(retrieval.dumps(made.content_index))
    return found


class Build:
    """Takes time and memory of each step of a build; `say` hears of each."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say, self._tree = say, Tree(os.getpid())
        self.rows: list[Row] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """One step; what it leaves behind counts, what it frees does not."""
        held, begun = self.uss_mib(), time.perf_counter()
        yield
        seconds, grown = time.perf_counter() - begun, self.uss_mib() - held
        self.rows.append({"name": f"build {name}", "seconds": round(seconds, 2), "grown_mib": round(grown, 1)})
        self._say(f"{name}: {seconds:.1f} s, {grown:+,.0f} MiB")

    def uss_mib(self) -> float:
        """What this process has for itself, after the garbage is gone."""
        gc.collect()
        return self._tree.memory().uss_mib

    def memory_row(self, name: str) -> Row:
        """What the process holds now."""
        gc.collect()
        held = self._tree.memory()
        return {"name": name, "pss_mib": round(held.pss_mib, 1), "uss_mib": round(held.uss_mib, 1)}


def part_rows(sizes: dict[str, int]) -> list[Row]:
    """One line a part, the largest first."""
    ordered = sorted(sizes.items(), key=lambda pair: -pair[1])
    return [{"name": f"holds {name}", "mib": round(size / MIB, 2)} for name, size in ordered]
