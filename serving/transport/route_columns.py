"""What there is most of in a routing request, its stops and the visits of its plan, as columns read from the bytes.

The parser gets the rest. It gets everything where something is wrong, rare, or written as no protobuf library does:
then `Left` is raised, and who catches it begins anew. So answers and errors are always what the parser makes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import accumulate, pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from serving.decisions.route.contract import CHANGES_MAX, RouteRows, StopRows
from serving.decisions.route.problem import DIMENSIONS_MAX, STOPS_MAX, VEHICLES_MAX, WINDOWS_MAX
from serving.kernels.route_wire import (
    BYTES,
    NAMES,
    REFUSED,
    WORDS,
    RouteColumns,
    StopColumns,
    read_routes,
    read_runs,
    read_stops,
)
from serving.transport import checks
from serving.transport.route_matrices import LARGE_BYTES, Numbers, unnumbered, varint

U8 = npt.NDArray[np.uint8]
RUNS_MAX: Final = 256
"""Of one message: fields of one number stand together, unless there is no saying who wrote it."""
SPARE_BYTES: Final = 4096
"""Room for the names of stops that are added."""
STOP_TAG: Final = b"\x1a"
VISIT_BYTES_MIN: Final = 2


class Left(Exception):
    """The parser must read the whole."""


class Part(Enum):
    """What is taken out of a request."""

    STOPS = "stops"
    ROUTES = "routes"
    NUMBERS = "numbers"
    """Of large matrices."""


Tree = Mapping[int, "Tree | Part"]
"""Where the parts stand, by the numbers of the fields around them."""
PLAN: Final[Tree] = {3: Part.STOPS, 5: Part.NUMBERS, 9: {1: Part.ROUTES}}
"""In a PlanRoutesRequest: the routes are those of `start`."""
REPLAN: Final[Tree] = {1: {3: Part.STOPS, 5: Part.NUMBERS}, 2: {1: Part.ROUTES}}
"""In a ReplanRoutesRequest: the routes are those of the plan that runs."""


class StopReader:
    """The stops of a message. count: how many."""

    def __init__(self, wire: U8, begin: int, end: int, count: int) -> None:
        """Raises Left, and ValueError for an id that is no UTF-8."""
        size, n = end - begin + SPARE_BYTES, count + CHANGES_MAX
        self._columns = StopColumns(
            names=np.empty(size, np.uint8),
            words=np.empty(size, np.uint8),
            counts=np.empty((4, n), np.int64),
            deliveries=np.empty(n * DIMENSIONS_MAX, np.int64),
            pickups=np.empty(n * DIMENSIONS_MAX, np.int64),
            windows=np.empty((n * WINDOWS_MAX, 2), np.int64),
            points=np.empty((n, 2)),
            penalty=np.empty(n),
            service=np.empty(n, np.int64),
            priority=np.empty(n, np.int64),
            used=np.zeros(5, np.int64),
        )
        self.count = 0
        self._read(wire, begin, end)
        self._name()

    def rows(self, more: Iterable[Any]) -> StopRows:
        """The stops, and `more` of them, each a RouteStop. Raises Left."""
        for stop in more:
            content = checks.wire(stop)
            wire = np.frombuffer(STOP_TAG + checks.varint(len(content)) + content, np.uint8)
            self._read(wire, 0, len(wire))
        if self.count != len(self._ids):
            self._name()
        columns, n = self._columns, self.count
        _, _, deliveries, pickups, windows = columns.used.tolist()
        skills, delivered, picked, open_windows = columns.counts[:, :n]
        return StopRows(
            ids=self._ids,
            points=columns.points[:n],
            deliveries=(columns.deliveries[:deliveries], delivered),
            pickups=(columns.pickups[:pickups], picked),
            windows=(columns.windows[:windows].ravel(), 2 * open_windows),
            service=columns.service[:n],
            skills=_sliced(self._words, skills.tolist()) if self._words else ((),) * n,
            penalty=columns.penalty[:n],
            priority=columns.priority[:n],
        )

    def _name(self) -> None:
        """At once: what is no UTF-8 is no message, whatever else may be wrong with it."""
        used = self._columns.used
        self._ids, self._words = _texts(self._columns.names, used[NAMES]), _texts(self._columns.words, used[WORDS])

    def _read(self, wire: U8, begin: int, end: int) -> None:
        self.count = read_stops(wire, begin, end, self.count, self._columns)
        if self.count == REFUSED:
            raise Left


@dataclass(slots=True)
class Taken:
    """rest: the request without its parts. numbers: of matrices, by profile. None: the rest has what there is."""

    rest: bytes
    numbers: dict[int, Numbers] = field(default_factory=dict)
    stops: StopReader | None = None
    routes: tuple[RouteRows, ...] | None = None


def taken(payload: bytes, tree: Tree) -> Taken:
    """The parts of a serialised request. Raises Left."""
    found = Taken(b"")
    try:
        found.rest = _without(payload, np.frombuffer(payload, np.uint8), 0, len(payload), tree, found)
    except (IndexError, ValueError) as error:  # no message, or no UTF-8, as the parser will say
        raise Left from error
    return found


def _without(payload: bytes, wire: U8, at: int, end: int, tree: Tree, found: Taken) -> bytes:
    rows = np.empty((RUNS_MAX, 5), np.int64)
    count = read_runs(wire, at, end, rows)
    if count == REFUSED:
        raise Left
    runs = rows[:count].tolist()
    numbers = [run[0] for run in runs]
    out: list[bytes] = []
    for number, kind, begin, stop, many in runs:
        what = tree.get(number)
        if what is None:
            out.append(payload[begin:stop])
            continue
        if kind != BYTES or numbers.count(number) > 1:
            raise Left
        if what is Part.STOPS and many <= STOPS_MAX:
            found.stops = StopReader(wire, begin, stop, many)
        elif what is Part.ROUTES and many <= VEHICLES_MAX:
            found.routes = _routes(wire, begin, stop, many)
        elif what is Part.NUMBERS:
            if stop - begin < LARGE_BYTES:
                out.append(payload[begin:stop])
            else:
                out.append(unnumbered(payload, begin, stop, found.numbers))
        elif isinstance(what, Mapping) and many == 1:
            tag, start = varint(payload, begin)
            _, start = varint(payload, start)
            inner = _without(payload, wire, start, stop, what, found)
            out += checks.varint(tag), checks.varint(len(inner)), inner
        else:
            raise Left
    return b"".join(out)


def _routes(wire: U8, begin: int, end: int, count: int) -> tuple[RouteRows, ...]:
    size = end - begin
    columns = RouteColumns(
        vehicles=np.empty(size, np.uint8),
        stops=np.empty(size, np.uint8),
        counts=np.empty(count, np.int64),
        times=np.empty((3, size // VISIT_BYTES_MIN), np.int64),
        ends=np.empty((2, count), np.int64),
        used=np.zeros(3, np.int64),
    )
    if read_routes(wire, begin, end, columns) == REFUSED:
        raise Left
    vehicles, stops, visits = columns.used.tolist()
    counts = columns.counts.tolist()
    of_visits = (_texts(columns.stops, stops), *map(tuple, columns.times[:, :visits].tolist()))
    return tuple(
        map(RouteRows, _texts(columns.vehicles, vehicles), *[_sliced(each, counts) for each in of_visits],
            *columns.ends.tolist())
    )  # fmt: skip


def _texts(joined: U8, used: Any) -> tuple[str, ...]:
    """Texts, a 0 behind each. Raises ValueError where they are no UTF-8."""
    return tuple(str(joined[: used - 1].data, "utf-8").split("\0")) if used else ()


def _sliced(values: tuple[Any, ...], counts: Iterable[int]) -> list[tuple[Any, ...]]:
    """One owner's after the other's."""
    return [values[begin:end] for begin, end in pairwise(accumulate(counts, initial=0))]


def warm() -> None:
    """Compiles what requests are read with."""
    wire = np.frombuffer(b"\x1a\x00", np.uint8)
    StopReader(wire, 0, 2, 1).rows(())
    _routes(np.frombuffer(b"\x0a\x02\x12\x00", np.uint8), 0, 4, 1)
    taken(b"\x1a\x00", PLAN)
