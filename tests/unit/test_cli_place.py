"""`storegate place`: batches and slots from files, as tables, JSON and CSV."""

from __future__ import annotations

import csv
import random
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from google.protobuf import json_format
from numba.core.dispatcher import Dispatcher

from serving.cli.place import place
from serving.core.errors import DataError, InvalidInput
from storegate.v1 import placement_pb2 as pb

LAYOUT = """
[aisles]
count = 6
spacing = 5.0
[cross_aisles]
y = [0.0, 21.0]
[depot]
x = 0.0
[racks]
count = 20
pitch = 1.0
first_y = 1.0
"""
KERNELS = (
    "batching", "batching_search", "batching_swaps", "slotting", "slotting_moves", "picker_block", "picker_matrix",
    "picker_policies", "picker_route", "picker_walk", "point_bits",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A warehouse of 120 slots, 100 items of which a few are asked for often and lie anywhere, 60 orders."""
    monkeypatch.chdir(tmp_path)
    rng = random.Random(0)
    slots = [f"{aisle:02d}-{rack:02d}" for aisle in range(1, 7) for rack in range(1, 21)]
    rng.shuffle(slots)
    (tmp_path / "dc.toml").write_text(LAYOUT)
    items = [f"i{number},{slots[number]},0.5" for number in range(100)]
    (tmp_path / "items.csv").write_text("\n".join(["item_id,slot_id,volume_litres", *items]))
    lines = [f"o{order},i{int(100 * rng.random() ** 3)},1" for order in range(60) for _ in range(3)]
    (tmp_path / "orders.csv").write_text("\n".join(["order_id,item_id,quantity", *lines]))
    return tmp_path


def run(*arguments: str) -> Result:
    given = {"--layout": "dc.toml", "--items": "items.csv", "--orders": "orders.csv"}
    for name, value in given.items():
        if name not in arguments:
            arguments = (*arguments, name, value)
    return CliRunner().invoke(place, [*arguments, "--home", "home"])


def test_batches_as_json_keep_the_limit_and_hold_every_order(folder: Path) -> None:
    done = run("batch", "--max-orders", "8", "--seconds", "0.2", "--json")
    assert done.exit_code == 0, done.output
    answer = json_format.Parse(done.stdout, pb.BatchOrdersResponse())
    assert sorted(order for one in answer.batches for order in one.order_ids) == sorted(f"o{n}" for n in range(60))
    assert max(len(one.order_ids) for one in answer.batches) == 8
    assert answer.metres <= answer.first_come_metres <= answer.s_shape_metres
    assert answer.metres == pytest.approx(sum(one.metres for one in answer.batches))


def test_picks_as_a_table_and_a_file(folder: Path) -> None:
    """The file has every line of every order once, at the slot where its item lies."""
    done = run("batch", "--max-orders", "8", "--seconds", "0.1", "--out", "picks.csv")
    assert done.exit_code == 0, done.output
    assert "what to pick together" in done.output
    assert "first come" in done.output
    with open(folder / "picks.csv", newline="") as file:
        picks = list(csv.DictReader(file))
    with open(folder / "items.csv", newline="") as file:
        slot_of = {row["item_id"]: row["slot_id"] for row in csv.DictReader(file)}
    assert all(slot_of[pick["item_id"]] == pick["slot_id"] for pick in picks)
    with open(folder / "orders.csv", newline="") as file:
        asked: dict[tuple[str, str], int] = {}
        for row in csv.DictReader(file):
            key = row["order_id"], row["item_id"]
            asked[key] = asked.get(key, 0) + int(row["quantity"])
    assert {(pick["order_id"], pick["item_id"]): int(pick["quantity"]) for pick in picks} == asked
    assert len(picks) == len(asked)


def test_moves_within_a_budget(folder: Path) -> None:
    """They save; the placements are those of the items with the moves carried out."""
    done = run(
        "slotting", "--max-moves", "10", "--seconds", "0.5", "--out", "moves.csv", "--placements", "then.csv", "--json"
    )
    assert done.exit_code == 0, done.output
    answer = json_format.Parse(done.stdout, pb.PlanSlottingResponse())
    assert 0 < len(answer.moves) <= 10
    assert answer.after_metres < answer.before_metres
    with open(folder / "items.csv", newline="") as file:
        slot_of = {row["item_id"]: row["slot_id"] for row in csv.DictReader(file)}
    with open(folder / "moves.csv", newline="") as file:
        for move in csv.DictReader(file):
            assert slot_of[move["item_id"]] == move["from_slot_id"]
            slot_of[move["item_id"]] = move["to_slot_id"]
    with open(folder / "then.csv", newline="") as file:
        assert {row["item_id"]: row["slot_id"] for row in csv.DictReader(file)} == slot_of
    assert len(set(slot_of.values())) == 100


def test_without_items_those_of_the_orders_get_slots(folder: Path) -> None:
    done = CliRunner().invoke(
        place, ["slotting", "--layout", "dc.toml", "--orders", "orders.csv", "--seconds", "0.2", "--home", "home"]
    )
    assert done.exit_code == 0, done.output
    assert "what to move" in done.output
    assert "before" not in done.output


def test_slots_come_from_one_place(folder: Path) -> None:
    """Racks or a file: both, or neither, is said to be wrong."""
    (folder / "slots.csv").write_text("slot_id,aisle_id,y_metres\nx,01,3\n")
    done = run("batch", "--slots", "slots.csv")
    assert done.exit_code == 2
    assert "give one of the two" in done.output
    (folder / "bare.toml").write_text(LAYOUT.partition("[racks]")[0])
    assert "give one of the two" in run("batch", "--layout", "bare.toml").output
    done = run("slotting", "--layout", "bare.toml", "--slots", "slots.csv", "--seconds", "0.1")
    assert isinstance(done.exception, InvalidInput)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("batch", "--seconds", "301"), "search_seconds"),
        (("batch", "--max-orders", "-1"), "limits.max_orders"),
        (("batch", "--max-units", "1"), "orders[0]"),
        (("slotting", "--max-moves", "-1"), "max_moves"),
    ],
)
def test_bad_input_names_the_field(folder: Path, arguments: tuple[str, ...], field: str) -> None:
    done = run(*arguments)
    assert isinstance(done.exception, InvalidInput), done.output
    assert done.exception.field == field


def test_a_folder_that_is_not_there_is_named(folder: Path) -> None:
    done = run("batch", "--seconds", "0.1", "--out", "absent/picks.csv")
    assert isinstance(done.exception, DataError)
    assert "absent/picks.csv" in done.exception.message


def signatures(kernel: Any) -> set[Any]:
    """Argument types that it was compiled for, here or by whoever wrote into the same cache."""
    return {*kernel.overloads, *(key[0] for key in kernel._cache._cache_file._load_index())}


def test_kernels_are_compiled_once(folder: Path) -> None:
    """What is compiled before the first search serves every one. A whole number that is written into a call has a type
    of its own, for which all that is called would be compiled again; so has an array that lies differently."""
    ways = LAYOUT.replace("[0.0, 21.0]", "[0.0, 10.5, 21.0]").replace("x = 0.0", "x = 0.0\nend_x = 25.0")
    (folder / "blocks.toml").write_text(ways)
    for arguments in (
        ("batch", "--max-lines", "12", "--layout", "blocks.toml", "--seconds", "0.1"),
        ("batch", "--max-volume", "9", "--seconds", "0.1"),
        ("slotting", "--layout", "blocks.toml", "--seconds", "0.1"),
        ("slotting", "--max-moves", "4", "--seconds", "0.1"),
    ):
        done = run(*arguments)
        assert done.exit_code == 0, done.output
    modules = [import_module(f"serving.kernels.{name}") for name in KERNELS]
    kernels = {f"{module.__name__}.{name}": kernel for module in modules for name, kernel in vars(module).items()
               if isinstance(kernel, Dispatcher)}  # fmt: skip
    many = {name: found for name, kernel in kernels.items() if len(found := signatures(kernel)) > 1}
    assert not many
    assert {"serving.kernels.batching_search.search", "serving.kernels.slotting_moves.spend"} <= kernels.keys()
    assert signatures(kernels["serving.kernels.batching_search.search"])
