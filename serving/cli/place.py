"""`storegate place`: which orders to pick together, and which slot for which item."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from serving.cli.common import client_of, err, out, say, target_of, with_settings
from serving.cli.compiling import told_while_compiling
from serving.cli.place_tables import batches_table, moves_table, write_moves, write_picks, write_placements
from serving.settings import Settings

LOOK_S: Final = 0.2
"""Between two looks at the progress of a search."""
LINE_S: Final = 10.0
"""Between two lines of it in a log."""
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)
LAYOUT = click.option("--layout", required=True, type=FILE, help="The warehouse: a TOML file, see serving/README.md.")
SLOTS = click.option("--slots", type=FILE, help="slot_id, aisle_id, y_metres, ... [those of the layout's racks]")
SEED = click.option("--seed", default=0, show_default=True, help="Of everything that is left to chance.")
JSON = click.option("--json", "as_json", is_flag=True, help="The answer as JSON instead of a table.")
TARGET = click.option("--target", help="host:port of a gateway that is to search. [this command does]")


@click.group()
def place() -> None:
    """Shelves and walks of a warehouse; see "Shelves and walks" in serving/README.md. Needs no gateway.

    Files are CSV or Parquet with columns named as in the contract.

    \b
    storegate place batch --layout dc.toml --items items.csv --orders today.csv --max-orders 12 --out picks.csv
    storegate place slotting --layout dc.toml --items items.csv --orders history.csv --max-moves 200 --out moves.csv
    """


@place.command()
@LAYOUT
@SLOTS
@click.option("--items", required=True, type=FILE, help="item_id, slot_id; volume_litres, weight_kg.")
@click.option("--orders", required=True, type=FILE, help="order_id, item_id, quantity: a row for each line.")
@click.option("--max-orders", default=0, help="Of a walk; 0 = no bound, likewise below.")
@click.option("--max-lines", default=0)
@click.option("--max-units", default=0)
@click.option("--max-volume", default=0.0, help="Litres.")
@click.option("--max-weight", default=0.0, help="Kilograms.")
@click.option("--seconds", default=1.0, show_default=True, help="To search.")
@SEED
@click.option("--out", "path", type=NEW_FILE, help="All picks as .csv: batch, stop, slot, order, item, quantity.")
@JSON
@TARGET
@with_settings(compiles=True)
def batch(
    settings: Settings,
    layout: Path,
    slots: Path | None,
    items: Path,
    orders: Path,
    seconds: float,
    seed: int,
    path: Path | None,
    as_json: bool,
    target: str | None,
    **limits: Any,
) -> None:
    """Which orders to pick together, and the walk of each batch."""
    from serving.transport.warehouse_rows import read_items, read_orders
    from storegate.v1 import placement_pb2 as pb

    names = {"max_volume": "max_volume_litres", "max_weight": "max_weight_kg"}
    request = pb.BatchOrdersRequest(
        **_warehouse(layout, slots), items=read_items(items), orders=read_orders(orders),
        limits=pb.PickLimits(**{names.get(name, name): value for name, value in limits.items()}),
        search_seconds=seconds, seed=seed,
    )  # fmt: skip
    if target:
        with client_of(settings, target_of(settings, target)) as client, _shown(seconds):
            answer = client.batch_orders(request)
    else:
        answer = _batched(request, seconds)
    if path is not None:
        write_picks(path, answer)
    _print(answer, as_json, batches_table)
    if path is not None:
        say(f"{path}: {sum(len(one.stops) for one in answer.batches):,} stops in {len(answer.batches):,} walks")


@place.command()
@LAYOUT
@SLOTS
@click.option("--items", type=FILE, help="item_id, slot_id, ... [those of the orders, which then lie nowhere yet]")
@click.option("--orders", required=True, type=FILE, help="The history: order_id, item_id; a row for each line.")
@click.option("--max-moves", type=int, help="Items that may change their slots. [no bound]")
@click.option("--seconds", default=30.0, show_default=True, help="To search.")
@SEED
@click.option("--out", "path", type=NEW_FILE, help="The moves as .csv.")
@click.option("--placements", type=NEW_FILE, help="Where every item lies after them, as .csv: item_id, slot_id.")
@JSON
@TARGET
@with_settings(compiles=True)
def slotting(
    settings: Settings,
    layout: Path,
    slots: Path | None,
    items: Path | None,
    orders: Path,
    max_moves: int | None,
    seconds: float,
    seed: int,
    path: Path | None,
    placements: Path | None,
    as_json: bool,
    target: str | None,
) -> None:
    """Where each item should lie, and the moves that lead there."""
    from serving.transport.warehouse_rows import read_items, read_orders
    from storegate.v1 import placement_pb2 as pb

    history = read_orders(orders)
    asked = dict.fromkeys(line.item_id for order in history for line in order.lines)
    stored = read_items(items) if items else [pb.StoredItem(item_id=item) for item in asked]
    request = pb.PlanSlottingRequest(
        **_warehouse(layout, slots), items=stored, orders=history, max_moves=max_moves, search_seconds=seconds,
        seed=seed,
    )  # fmt: skip
    if target:
        with client_of(settings, target_of(settings, target)) as client, _shown(seconds):
            answer = client.plan_slotting(request)
    else:
        answer = _slotted(request, seconds)
    if path is not None:
        write_moves(path, answer)
    if placements is not None:
        write_placements(placements, answer)
    _print(answer, as_json, moves_table)
    if path is not None:
        say(f"{path}: {len(answer.moves):,} moves")


def _warehouse(layout: Path, slots: Path | None) -> dict[str, Any]:
    """Fields of a request."""
    from serving.transport.warehouse_layout import read_warehouse
    from serving.transport.warehouse_rows import read_slots

    found = read_warehouse(layout)
    if bool(slots) == bool(found.slots):
        raise click.UsageError(f"slots come from --slots or from [racks] in {layout}: give one of the two")
    return {"layout": found.layout, "slots": read_slots(slots) if slots else found.slots}


def _print(answer: Any, as_json: bool, table: Callable[[Any], Any]) -> None:
    if as_json:
        from serving.transport.json_writer import to_json

        click.echo(to_json(answer))
    else:
        out.print(table(answer))


def _batched(request: Any, seconds: float) -> Any:
    """Computed here, by the codec and the search that a gateway has."""
    from serving.decisions.place.calls import Batched
    from serving.transport.placement_codec import decode_batch, encode_batch
    from storegate.v1 import placement_pb2 as pb

    query = decode_batch(request.SerializeToString())
    service = _service()
    with _shown(seconds) as look:
        done = Batched(query, service.run_batch(query, look))
    return pb.BatchOrdersResponse.FromString(encode_batch(done))


def _slotted(request: Any, seconds: float) -> Any:
    """Likewise."""
    from serving.decisions.place.calls import Slotted
    from serving.transport.placement_codec import decode_slotting, encode_slotting
    from storegate.v1 import placement_pb2 as pb

    query = decode_slotting(request.SerializeToString())
    service = _service()
    with _shown(seconds) as look:
        done = Slotted(query, service.run_slotting(query, look))
    return pb.PlanSlottingResponse.FromString(encode_slotting(done))


def _service() -> Any:
    """Compiled before the time of a search begins."""
    from serving.adapters.slot_moves import choose_moves
    from serving.decisions.place.service import PlacementService

    service = PlacementService(choose_moves)
    with told_while_compiling():
        service.warm()
    return service


@contextmanager
def _shown(seconds: float) -> Iterator[Callable[[], bool]]:
    """How long a search has gone on. Gives what a search asks now and then: never to stop."""
    began = looked_at = told_at = time.monotonic()
    with Progress(
        TextColumn("searching"), BarColumn(), TextColumn("of {task.total:g} s"), TimeElapsedColumn(), console=err,
        transient=True, disable=not err.is_terminal,
    ) as bar:  # fmt: skip
        task = bar.add_task("search", total=seconds)

        def look() -> bool:
            nonlocal looked_at, told_at
            now = time.monotonic()
            if now - looked_at > LOOK_S:
                looked_at = now
                bar.update(task, completed=now - began)
            if not sys.stderr.isatty() and now - told_at > LINE_S:
                told_at = now
                say(f"searched {now - began:.0f} of {seconds:g} s")
            return False

        yield look
