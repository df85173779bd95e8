"""Routing instances as the field publishes them: Solomon/Homberger text, and CVRPLIB .vrp with its .sol.

Distances are whole numbers: as the file's rule says in CVRPLIB (TSPLIB's EUC_2D rounds), times SCALE for
Solomon and Homberger, whose distances are real.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from serving.core.errors import DataError

SCALE: Final = 10_000
"""Units of a Solomon distance: rounding errs by less than 0.01 in a plan of 200 arcs."""
BEST_KNOWN_FILE: Final = "BKS.json"
SUFFIXES: Final = (".txt", ".vrp")


@dataclass(frozen=True)
class Instance:
    """One depot (node 0) and n stops; demand (n + 1,), opens, closes, service (n + 1,), distance (n + 1, n + 1) int64.

    scale: units of a distance of 1. windows: whether times matter. best: cost of the best known plan under the
    distance objective, best_vehicles and best_at_vehicles: of the best known with the fewest; None = not known.
    """

    name: str
    vehicles: int
    capacity: int
    demand: npt.NDArray[np.int64]
    opens: npt.NDArray[np.int64]
    closes: npt.NDArray[np.int64]
    service: npt.NDArray[np.int64]
    xy: npt.NDArray[np.float64]
    distance: npt.NDArray[np.int64]
    scale: int
    windows: bool
    best: float | None = None
    best_vehicles: int | None = None
    best_at_vehicles: float | None = None


def read_folder(folder: Path) -> list[Instance]:
    """Every instance of a folder, by name. Raises DataError where there is none, or one cannot be read."""
    files = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES) if folder.is_dir() else []
    if not files:
        raise DataError(str(folder), "no instance: expected Solomon or Homberger .txt, or CVRPLIB .vrp files")
    return [read_instance(path) for path in files]


def read_instance(path: Path) -> Instance:
    """One file, with what is known of its best plan from the .sol or the BKS.json beside it. Raises DataError."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise DataError(str(path), f"cannot be read ({error.strerror})") from error
    return _cvrplib(path, text) if path.suffix.lower() == ".vrp" else _solomon(path, text)


def _solomon(path: Path, text: str) -> Instance:
    """NAME, VEHICLE (number, capacity), CUSTOMER rows of seven numbers; the depot is row 0."""
    fleet: list[float] | None = None
    rows: list[list[float]] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or not _numeric(words[0]):
            continue
        values = _numbers(path, number, words)
        if fleet is None:
            if len(values) != 2:
                raise DataError(str(path), "expected the number of vehicles and their capacity", line=number)
            fleet = values
        elif len(values) != 7:
            raise DataError(str(path), f"a customer has 7 numbers, here are {len(values)}", line=number)
        else:
            rows.append(values)
    if fleet is None or len(rows) < 2:
        raise DataError(str(path), "no customers: not a Solomon or Homberger file")
    table = np.array(rows)
    xy, scale = table[:, 1:3], SCALE
    distance = np.rint(_euclid(xy) * scale).astype(np.int64)
    whole = np.rint(table[:, 3:] * [1, scale, scale, scale]).astype(np.int64)
    name = path.stem
    known = _best_known(path)
    return Instance(
        name=name,
        vehicles=int(fleet[0]),
        capacity=int(fleet[1]),
        demand=whole[:, 0],
        opens=whole[:, 1],
        closes=whole[:, 2],
        service=whole[:, 3],
        xy=xy,
        distance=distance,
        scale=scale,
        windows=True,
        best=_known(known, f"{name}_distance", "best_known_cost"),
        best_vehicles=_whole(_known(known, name, "solved_with_vehicles")),
        best_at_vehicles=_known(known, name, "best_known_cost"),
    )


def _cvrplib(path: Path, text: str) -> Instance:
    """TSPLIB's CVRP: EUC_2D (rounded), or EXPLICIT with FULL_MATRIX or LOWER_ROW."""
    head: dict[str, str] = {}
    sections: dict[str, list[list[float]]] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        words = line.replace(":", " : ", 1).split() if ":" in line else line.split()
        if not words:
            continue
        if words[0] == "EOF":
            break
        if words[0].endswith("_SECTION"):
            section = words[0]
            sections[section] = []
        elif len(words) > 1 and words[1] == ":":
            head[words[0]] = " ".join(words[2:])
        elif section:
            sections[section].append(_numbers(path, number, words))
        else:
            raise DataError(str(path), f"{words[0]!r} belongs to no section", line=number)
    size, capacity = _header(path, head, "DIMENSION"), _header(path, head, "CAPACITY")
    demand = _section(path, sections, "DEMAND_SECTION", size)[:, 1].astype(np.int64)
    if demand[0] != 0:
        raise DataError(str(path), "the depot must be node 1, with demand 0")
    kind = head.get("EDGE_WEIGHT_TYPE", "")
    xy = np.zeros((size, 2))
    if kind == "EUC_2D":
        xy = _section(path, sections, "NODE_COORD_SECTION", size)[:, 1:3]
        distance = np.floor(_euclid(xy) + 0.5).astype(np.int64)
    elif kind == "EXPLICIT":
        distance = _explicit(path, head, sections, size)
    else:
        raise DataError(str(path), f"EDGE_WEIGHT_TYPE {kind!r}: expected EUC_2D or EXPLICIT")
    zeros = np.zeros(size, np.int64)
    given = head.get("VEHICLES")
    return Instance(
        name=path.stem,
        vehicles=int(given) if given else _fleet(demand, capacity),
        capacity=capacity,
        demand=demand,
        opens=zeros,
        closes=zeros,
        service=zeros,
        xy=xy,
        distance=distance,
        scale=1,
        windows=False,
        best=_solution_cost(path.with_suffix(".sol")),
    )


def _fleet(demand: npt.NDArray[np.int64], capacity: int) -> int:
    """Vehicles enough for any good plan where the number is free: a half more than the loads need."""
    return int(-(-demand.sum() * 3 // (2 * capacity))) + 2


def _explicit(
    path: Path, head: dict[str, str], sections: dict[str, list[list[float]]], size: int
) -> npt.NDArray[np.int64]:
    values = np.array([value for row in sections.get("EDGE_WEIGHT_SECTION", []) for value in row])
    form = head.get("EDGE_WEIGHT_FORMAT", "")
    if form == "FULL_MATRIX" and len(values) == size * size:
        return np.rint(values.reshape(size, size)).astype(np.int64)
    if form == "LOWER_ROW" and len(values) == size * (size - 1) // 2:
        out = np.zeros((size, size), np.int64)
        out[np.tril_indices(size, -1)] = np.rint(values)
        return np.maximum(out, out.T)
    raise DataError(
        str(path), f"EDGE_WEIGHT_FORMAT {form!r} with {len(values)} numbers: expected FULL_MATRIX or LOWER_ROW"
    )


def _solution_cost(path: Path) -> float | None:
    if not path.is_file():
        return None
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        words = line.split()
        if len(words) == 2 and words[0].lower() == "cost" and _numeric(words[1]):
            return float(words[1])
    raise DataError(str(path), "no line 'Cost NUMBER'")


def read_solution(path: Path) -> list[list[int]]:
    """The routes of a .sol, stops numbered from 1. Raises DataError."""
    routes = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        if line.lower().startswith("route"):
            routes.append([int(value) for value in _numbers(path, number, line.partition(":")[2].split())])
    if not routes:
        raise DataError(str(path), "no line 'Route #1: ...'")
    return routes


def _best_known(path: Path) -> dict[str, dict[str, float]]:
    beside = path.with_name(BEST_KNOWN_FILE)
    if not beside.is_file():
        return {}
    try:
        found = json.loads(beside.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(str(beside), f"not JSON ({error})") from error
    return found if isinstance(found, dict) else {}


def _known(table: dict[str, dict[str, float]], name: str, key: str) -> float | None:
    value = table.get(name, {}).get(key)
    return None if value is None else float(value)


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _header(path: Path, head: dict[str, str], name: str) -> int:
    try:
        value = int(float(head[name]))
    except (KeyError, ValueError):
        raise DataError(str(path), f"{name} is missing or no number") from None
    if value < 1:
        raise DataError(str(path), f"{name} is {value}, expected 1 or more")
    return value


def _section(path: Path, sections: dict[str, list[list[float]]], name: str, size: int) -> npt.NDArray[np.float64]:
    rows = sections.get(name, [])
    if len(rows) != size or len({len(row) for row in rows}) != 1:
        raise DataError(str(path), f"{name} has {len(rows)} rows, expected {size} of one length")
    return np.array(rows)


def _euclid(xy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    apart = xy[:, None, :] - xy[None, :, :]
    out: npt.NDArray[np.float64] = np.sqrt((apart**2).sum(axis=2))
    return out


def _numeric(word: str) -> bool:
    try:
        return bool(np.isfinite(float(word)))
    except ValueError:
        return False


def _numbers(path: Path, number: int, words: list[str]) -> list[float]:
    for word in words:
        if not _numeric(word):
            raise DataError(str(path), f"{word!r} is no number", line=number)
    return [float(word) for word in words]
