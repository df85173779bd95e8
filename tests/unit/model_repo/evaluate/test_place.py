"""`storegate evaluate place`: distances round racks, published instances, and the whole on the demo store."""

from __future__ import annotations

import json
import os
import tarfile
import xml.etree.ElementTree as ET
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from placing import batch_query

from model_repo.datasets.demo_store import generate
from model_repo.evaluate.place import flow
from model_repo.evaluate.place.batches import read_instances
from model_repo.evaluate.place.command import place
from model_repo.evaluate.place.least import every_batch, least_metres
from model_repo.evaluate.place.limit import without_best
from model_repo.evaluate.place.obstacles import walking_distances
from model_repo.evaluate.place.world import some, world
from serving.core.errors import DataError
from serving.decisions.place.batching import task_of
from serving.decisions.place.ground import ground_of, walked
from serving.kernels.batching import gather, no_batches

DATA = Path(os.environ.get("STOREGATE_DATA", Path(__file__).resolve().parents[5] / "shared" / "data"))
INSTANCES = DATA / "order_batching" / "Conventional.tar.gz"


def test_distances_go_round_a_rack() -> None:
    """A rack between two points: round its nearer end; beside it, straight."""
    points = np.array([[0.0, 0], [10, 0], [0, 20]])
    rack = np.array([[4.0, -3, 6, 30]])
    found = walking_distances(points, rack)
    assert found[0, 1] == 5 + 2 + 5  # to (4, -3), (6, -3) and on
    assert found[0, 2] == 20
    assert (found == found.T).all()


def test_baskets_become_orders() -> None:
    """The demo store: every line of a basket once, in time; a part keeps its lines."""
    shop = world(generate(seed=0), 0)
    assert (np.diff(shop.time_s) >= 0).all()
    assert len(np.unique(shop.scattered)) == len(shop.items)
    part = some(shop.orders, np.array([3, 1]))
    begin, end = shop.orders.start[3:5]
    assert part.ids == (shop.orders.ids[3], shop.orders.ids[1])
    assert part.item[: part.start[1]].tolist() == shop.orders.item[begin:end].tolist()


def test_the_limit_of_few_moves_is_the_best_absence() -> None:
    """One item: that whose absence saves most, by trying all; none: the walks as they are; all: no walk is left."""
    shop = world(generate(seed=0), 0)
    which = np.arange(12)
    orders = some(shop.orders, which)
    ground, point = ground_of(shop.layout, shop.slots, shop.scattered)

    def metres(gone: int) -> float:
        rows = [row[row != gone] for row in np.split(orders.item, orders.start[1:-1])]
        return sum(
            float(walked(ground, np.unique(point[row]), np.array([0, len(np.unique(point[row]))]))[0]) for row in rows
        )

    assert without_best(shop, shop.scattered, which, 0).sum() == pytest.approx(metres(-1))
    best = min(metres(item) for item in np.unique(orders.item))
    assert without_best(shop, shop.scattered, which, 1).sum() == pytest.approx(best)
    assert without_best(shop, shop.scattered, which, len(shop.items)).sum() == 0


def test_every_batch_is_listed_and_none_is_worth_more_than_its_walk() -> None:
    """Nine orders: all sets within the limit, by trying all, and the bound is below the best parting into walks."""
    query = batch_query(9, 3)
    task = task_of(query)
    found = every_batch(task, 10_000)
    assert found is not None
    start, orders, metres = found
    listed = [tuple(row.tolist()) for row in np.split(orders, start[1:-1])]
    lines = np.diff(query.orders.start)
    sets = [members for k in range(1, 10) for members in combinations(range(9), k) if lines[list(members)].sum() <= 10]
    assert sorted(listed) == sorted(sets)
    assert every_batch(task, len(sets)) is not None
    assert every_batch(task, len(sets) - 1) is None
    price = dict(zip(listed, metres.tolist(), strict=True))
    for members in listed[::7]:
        of = np.array([0 if order in members else 1 for order in range(9)])
        batches = no_batches(task)
        gather(task, of, batches)
        assert price[members] == pytest.approx(batches.metres[0])

    @cache
    def best(left: frozenset[int]) -> float:
        first = min(left, default=-1)
        inside = [members for members in sets if members[0] == first and left.issuperset(members)]
        return min((price[members] + best(left - set(members)) for members in inside), default=0.0)

    bound = least_metres(query)
    assert bound is not None
    assert 0.9 * best(frozenset(range(9))) < bound <= best(frozenset(range(9))) + 1e-6


def test_the_demo_store_is_judged_and_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In little time batches beat first-come, learned slots beat chance on months not seen, and the picture is one."""
    monkeypatch.setattr(flow, "TIMES", (0.02, 0.1))
    file = tmp_path / "slots.svg"
    arguments = ["--demo", "--windows", "1", "--slotting-seconds", "1", "--picture", str(file), "--json"]
    run = CliRunner().invoke(place, arguments)
    assert run.exit_code == 0, run.output
    rows = {row["name"]: row for row in json.loads(run.stdout)["rows"]}
    assert rows["served"]["windows_worse_than_first_come"] == 0
    assert rows["served"]["saved_pct"] > rows["first-come, shortest"]["saved_pct"] > 0
    assert rows["slots: served"]["less_than_random_pct"] > 5
    assert rows["slots: served, 5 % moves"]["moves"] <= rows["slots: served"]["moves"] * 0.06
    assert rows["slots: served"]["of_full_gain_pct"] == 100
    assert rows["slots: served, 5 % moves"]["of_items_pct"] <= 5
    limit = rows["slots: 5 % picked for nothing"]
    assert limit["metres_per_order"] < rows["slots: served, 5 % moves"]["metres_per_order"]
    older, limit = rows["slots: older, then 5 % moves"], rows["slots: older, 5 % picked for nothing"]
    assert (
        limit["metres_per_order"] < older["metres_per_order"] < rows["slots: older cube-per-order"]["metres_per_order"]
    )
    assert 0 < older["of_full_gain_pct"] < limit["of_full_gain_pct"]
    drawing = ET.parse(file).getroot()
    assert sum(one.tag.endswith("polyline") for one in drawing) == 2
    assert sum(one.tag.endswith("rect") for one in drawing) == 1 + 2 * 900


def test_windows_with_few_batches_are_set_against_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three lines a walk leave few batches: what is served is no shorter than the bound, and not far above it."""
    monkeypatch.setattr(flow, "TIMES", (0.02, 0.1))
    run = CliRunner().invoke(place, ["--demo", "--windows", "1", "--part", "batching", "--capacity", "3", "--json"])
    assert run.exit_code == 0, run.output
    bounds = [row for row in json.loads(run.stdout)["rows"] if row["name"].startswith("bounded windows")]
    assert [row["windows"] > 0 for row in bounds] == [True] * 3
    assert all(-1e-6 <= row["above_bound_pct"] <= row["above_bound_pct_most"] < 20 for row in bounds)
    assert bounds[-1]["above_bound_pct"] == 0


def test_contradictions_are_refused(tmp_path: Path) -> None:
    """One source; a picture needs slots."""
    for arguments, told in (
        (["--demo", "--instances", str(tmp_path)], "exactly one"),
        (["--instances", str(tmp_path), "--part", "slotting"], "--part and --picture"),
        (["--demo", "--part", "batching", "--picture", "x.svg"], "--part slotting"),
    ):
        run = CliRunner().invoke(place, arguments)
        assert run.exit_code == 2
        assert told in run.output


def test_a_folder_without_instances_is_named(tmp_path: Path) -> None:
    """Missing, then not what it should be."""
    with pytest.raises(DataError, match=r"tsplib_parent\.json: cannot be read"):
        read_instances(tmp_path, 0)
    (tmp_path / "tsplib_parent.json").write_text("{}")
    with pytest.raises(DataError, match="not a layout"):
        read_instances(tmp_path, 0)


@pytest.mark.skipif(not INSTANCES.exists(), reason=f"{INSTANCES} is absent: order batching instances, tsplib form")
def test_published_distances_are_measured_alike(tmp_path: Path) -> None:
    """Every published walk, walked in our matrix, is as long as it says."""
    with tarfile.open(INSTANCES) as archive:
        archive.extractall(tmp_path, filter="data")
    folder = tmp_path / "Conventional"
    for one in read_instances(folder, 0):
        metres = one.query.layout.metres
        for batch in json.loads((folder / one.name / "reference_solution.json").read_text()).values():
            way = np.array([0, *map(int, batch["pickRoute"]), 1])
            assert metres[way[:-1], way[1:]].sum() == batch["distance"], one.name
