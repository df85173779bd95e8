"""Answers of PlacementService as tables and CSV files."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from rich import box
from rich.table import Table

from serving.core.errors import DataError

ROWS_MAX: Final = 30
"""Of a table; the files have all."""
STOPS_SHOWN: Final = 5
"""Of a walk."""


def batches_table(answer: Any) -> Table:
    """answer: BatchOrdersResponse message."""
    told = [f"{answer.metres:,.0f} m in {len(answer.batches):,} walks"]
    told.append(f"first come {answer.first_come_metres:,.0f} m{_less(answer.metres, answer.first_come_metres)}")
    if answer.HasField("s_shape_metres"):
        told.append(f"in S-shape {answer.s_shape_metres:,.0f} m{_less(answer.metres, answer.s_shape_metres)}")
    told.append(f"{answer.engine}, {answer.rounds:,} rounds in {answer.seconds:.2f} s")
    table = _table("what to pick together", told, len(answer.batches))
    table.add_column("#", justify="right")
    for name in ("orders", "stops", "lines", "units", "litres", "kg", "metres"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("begins", overflow="fold")
    for number, batch in enumerate(answer.batches[:ROWS_MAX], 1):
        table.add_row(
            str(number),
            f"{len(batch.order_ids):,}",
            f"{len(batch.stops):,}",
            f"{batch.lines:,}",
            f"{batch.units:,}",
            f"{batch.volume_litres:,.1f}",
            f"{batch.weight_kg:,.1f}",
            f"{batch.metres:,.1f}",
            " ".join([*(stop.slot_id for stop in batch.stops[:STOPS_SHOWN]), "…"][: len(batch.stops)]),
        )
    return table


def moves_table(answer: Any) -> Table:
    """The groups that save most first. answer: PlanSlottingResponse message."""
    told = [f"after {answer.after_metres:,.0f} m"]
    if answer.HasField("before_metres"):
        told.append(f"before {answer.before_metres:,.0f} m{_less(answer.after_metres, answer.before_metres)}")
    told.append(f"by cube-per-order index {answer.index_metres:,.0f} m")
    told.append(f"{len(answer.moves):,} moves, {answer.evaluations:,} exchanges tried in {answer.seconds:.1f} s")
    table = _table("what to move", told, len(answer.moves))
    for name in ("item", "from", "to"):
        table.add_column(name, overflow="fold")
    for name in ("group", "saves"):
        table.add_column(name, justify="right", no_wrap=True)
    for move in sorted(answer.moves, key=lambda one: (-one.saved_metres, one.group))[:ROWS_MAX]:
        table.add_row(move.item_id, move.from_slot_id, move.to_slot_id, str(move.group), f"{move.saved_metres:,.1f} m")
    return table


def write_picks(path: Path, answer: Any) -> None:
    """A row for each pick, in the order of the walks."""
    rows = (
        (number, place, stop.slot_id, pick.order_id, pick.item_id, pick.quantity)
        for number, batch in enumerate(answer.batches, 1)
        for place, stop in enumerate(batch.stops, 1)
        for pick in stop.picks
    )
    _write(path, ("batch", "stop", "slot_id", "order_id", "item_id", "quantity"), rows)


def write_moves(path: Path, answer: Any) -> None:
    """A row for each move, those of a group together."""
    rows = ((m.group, m.item_id, m.from_slot_id, m.to_slot_id, m.saved_metres) for m in answer.moves)
    _write(path, ("group", "item_id", "from_slot_id", "to_slot_id", "saved_metres"), rows)


def write_placements(path: Path, answer: Any) -> None:
    """As the items of the next plan are read."""
    _write(path, ("item_id", "slot_id"), ((one.item_id, one.slot_id) for one in answer.placements))


def _write(path: Path, names: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Whole or not at all. Raises DataError."""
    draft = path.with_name(f".{path.name}.draft")
    try:
        with open(draft, "w", newline="", encoding="utf-8") as file:
            lines = csv.writer(file)
            lines.writerow(names)
            lines.writerows(rows)
        os.replace(draft, path)
    except OSError as error:
        raise DataError(str(path), f"cannot be written ({error.strerror})") from None


def _table(title: str, told: Sequence[str], rows: int) -> Table:
    if rows > ROWS_MAX:
        title += f": the first {ROWS_MAX} of {rows:,}"
    return Table(
        title=title, caption=" · ".join(told), title_justify="left", caption_justify="left", box=box.SIMPLE_HEAD
    )


def _less(now: float, before: float) -> str:
    return f" ({now / before - 1:+.1%})" if before else ""
