"""What `PlanSlotting` and `BatchOrders` ask and answer, free of any wire format.

Distances are in metres, volumes in litres, weights in kilograms, times in seconds. Ids are tuples of str; everything
else of many things is an array, and things name each other by position. What may be wrong with them: checks.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

AISLES_MAX: Final = 200
CROSS_MAX: Final = 4
"""Cross aisles, the front and the back among them, for which a walk is exact."""
POINTS_MAX: Final = 2_000
"""Of a matrix of distances."""
SLOTS_MAX: Final = 20_000
ITEMS_MAX: Final = 20_000
ORDERS_MAX: Final = 50_000
"""Of the history that a slotting is learned from."""
BATCH_ORDERS_MAX: Final = 2_000
"""Orders that one call puts into batches."""
LINES_MAX: Final = 1_000_000
LINES_PER_ORDER_MAX: Final = 2_000
SECONDS_MAX: Final = 300.0
UNITS_MAX: Final = 10**9
METRES_MAX: Final = 1e5
ID_LENGTH_MAX: Final = 128


class Policy(StrEnum):
    """How a picker walks."""

    OPTIMAL = "optimal"
    """The shortest walk. [1] Ratliff & Rosenthal 1983, Operations Research 31(3)."""
    S_SHAPE = "s-shape"
    LARGEST_GAP = "largest-gap"
    RETURN = "return"
    COMBINED = "combined"


@dataclass(frozen=True, slots=True)
class Aisles:
    """Parallel aisles between two or more cross aisles. A picker in an aisle reaches both its sides."""

    aisle_x: F64
    """(a,) ascending: where the middle of each aisle is."""
    cross_y: F64
    """(c,) ascending, c >= 2: where the middle of each cross aisle is; the first is the front, the last the back."""
    depot_x: float
    """On the front cross aisle: where a walk begins."""
    end_x: float | None = None
    """On the front cross aisle: where a walk ends; None = where it began."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """A warehouse of any shape by its walking distances."""

    metres: F64
    """(p, p), symmetric, 0 on the diagonal, finite."""
    depot: int
    """The point where a walk begins."""
    end: int | None = None
    """The point where a walk ends; None = where it began."""


Layout = Aisles | Matrix


@dataclass(frozen=True, slots=True)
class Slots:
    """n places that hold one item each; several may be at the same point (levels, sides)."""

    ids: tuple[str, ...]
    place: I64
    """(n,) the aisle; of a Matrix: the point."""
    y: F64
    """(n,) how far along the aisle, in the coordinate of `Aisles.cross_y`; not used with a Matrix."""
    zone: tuple[str, ...] = ()
    """(n,) such as "chilled"; () = no zones."""
    volume: F64 | None = None
    """(n,) room; None = without bound."""
    weight: F64 | None = None
    """(n,) what it carries; None = without bound."""

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Items:
    """n things that are stored and picked."""

    ids: tuple[str, ...]
    volume: F64 | None = None
    """(n,) of one unit; None = 0."""
    weight: F64 | None = None
    """(n,) of one unit; None = 0."""
    stock: I64 | None = None
    """(n,) units that its slot must hold; None = 1."""
    zone: tuple[str, ...] = ()
    """(n,) of the slot it needs, "" = any; () = any for all."""
    pinned: Bools | None = None
    """(n,) must stay where it is; None = none must."""

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Orders:
    """m orders with their lines one after the other: order k has lines start[k] to start[k + 1]."""

    ids: tuple[str, ...]
    start: I64
    """(m + 1,) from 0 to the number of lines."""
    item: I64
    """(lines,) the item; no item twice in one order."""
    quantity: I64
    """(lines,) units, 1 or more."""

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one walk may collect; None = no bound."""

    orders: int | None = None
    lines: int | None = None
    units: int | None = None
    volume: float | None = None
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class BatchQuery:
    """One checked request. slot: (items,) where each item lies, -1 = nowhere (and then no order may ask for it)."""

    layout: Layout
    slots: Slots
    items: Items
    orders: Orders
    slot: I64
    limits: Limits = field(default_factory=Limits)
    seconds: float = 1.0
    """Time to search; the answer stands when it is over, or as soon as no better one is to be had."""
    seed: int = 0
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Orders that are picked in one walk."""

    orders: tuple[int, ...]
    """Positions in the query, ascending."""
    stops: tuple[int, ...]
    """Slots in the order of the walk, each once."""
    metres: float
    lines: int
    units: int
    volume: float
    weight: float


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """Every order is in exactly one batch, and no batch is above a limit."""

    batches: tuple[Batch, ...]
    metres: float
    first_come_metres: float
    """Of batches filled in the order of the request, walked the shortest way; `metres` is never more."""
    reference_metres: float | None
    """Of the same batches walked in S-shape; None with a Matrix."""
    engine: str
    """Who found it: first-come, savings, or alns."""
    rounds: int
    """Of the search."""
    seconds: float
    exact_walks: bool
    """Whether each walk is known to be the shortest for its batch."""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class SlottingQuery:
    """One checked request. slot: (items,) where each item lies now, -1 = nowhere yet."""

    layout: Aisles
    slots: Slots
    items: Items
    orders: Orders
    """The history: each order is one walk."""
    slot: I64
    moves_max: int | None = None
    """Most items that may change their place; those that lie nowhere do not count. None = no bound."""
    seconds: float = 30.0
    seed: int = 0
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """One item goes to another slot. Moves that need each other have the same `group`."""

    item: int
    source: int
    """-1 = it lay nowhere."""
    target: int
    group: int
    saved_metres: float
    """By the whole group over the history, where it alone is carried out; the same for all moves of a group."""


@dataclass(frozen=True, slots=True)
class SlottingAnswer:
    """Every item has a slot that it fits, no slot has two."""

    slot: I64
    """(items,)"""
    moves: tuple[Move, ...]
    before_metres: float | None
    """Over the history with the slots of the query; None where an ordered item lay nowhere."""
    after_metres: float
    start_metres: float
    """Of the cube-per-order index alone, that the search began with."""
    evaluations: int
    """Exchanges that were judged by true walks."""
    seconds: float
    request_id: str = ""
