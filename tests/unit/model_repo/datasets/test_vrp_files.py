"""Published instances as they are published: distances, windows, best known, and what is wrong with a file."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest

from model_repo.datasets.vrp_files import SCALE, read_folder, read_instance, read_solution
from model_repo.evaluate.route.problems import problem_of
from serving.core.errors import DataError
from serving.decisions.route.planner import timed

DATA = Path(os.environ.get("STOREGATE_DATA", Path(__file__).resolve().parents[5] / "shared" / "data"))
X_SET = DATA / "routing" / "cvrp_x.tar.gz"

SOLOMON = """TINY

VEHICLE
NUMBER     CAPACITY
  2         10

CUSTOMER
CUST NO.   XCOORD.   YCOORD.    DEMAND   READY TIME   DUE DATE   SERVICE TIME

    0          0          0           0       0         100           0
    1          3          4           6      10          20           5
    2          1          1           7       0          90           5
"""

CVRP = """NAME : tiny
COMMENT : (three nodes)
TYPE : CVRP
DIMENSION : 3
EDGE_WEIGHT_TYPE : EUC_2D
CAPACITY : 10
NODE_COORD_SECTION
1 0 0
2 3 4
3 1 1
DEMAND_SECTION
1 0
2 6
3 7
DEPOT_SECTION
1
-1
EOF
"""


def test_solomon(tmp_path: Path) -> None:
    """Real distances to a ten-thousandth; both objectives' best known from the file beside it."""
    (tmp_path / "TINY.txt").write_text(SOLOMON)
    known = {"TINY": {"best_known_cost": 14.9, "solved_with_vehicles": 2}, "TINY_distance": {"best_known_cost": 12.5}}
    (tmp_path / "BKS.json").write_text(json.dumps(known))
    (found,) = read_folder(tmp_path)
    assert (found.vehicles, found.capacity, found.windows) == (2, 10, True)
    assert found.distance[0, 1] == 5 * SCALE
    assert found.distance[0, 2] == round(2**0.5 * SCALE)
    assert found.opens.tolist() == [0, 10 * SCALE, 0]
    assert (found.best, found.best_at_vehicles, found.best_vehicles) == (12.5, 14.9, 2)


def test_cvrplib_rounds_distances_and_reads_the_solution(tmp_path: Path) -> None:
    (tmp_path / "tiny.vrp").write_text(CVRP)
    (tmp_path / "tiny.sol").write_text("Route #1: 1\nRoute #2: 2\nCost 12\n")
    found = read_instance(tmp_path / "tiny.vrp")
    assert found.distance.tolist() == [[0, 5, 1], [5, 0, 4], [1, 4, 0]]
    assert found.best == 12
    assert read_solution(tmp_path / "tiny.sol") == [[1], [2]]


def test_an_explicit_matrix(tmp_path: Path) -> None:
    text = CVRP.replace("EUC_2D", "EXPLICIT\nEDGE_WEIGHT_FORMAT : LOWER_ROW").replace(
        "NODE_COORD_SECTION\n1 0 0\n2 3 4\n3 1 1", "EDGE_WEIGHT_SECTION\n7\n8 9"
    )
    (tmp_path / "e.vrp").write_text(text)
    assert read_instance(tmp_path / "e.vrp").distance.tolist() == [[0, 7, 8], [7, 0, 9], [8, 9, 0]]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.txt", "nothing here", "no customers"),
        ("a.txt", SOLOMON.replace("90           5", "90"), "7 numbers"),
        ("a.txt", SOLOMON.replace("  3          4", "  3          x"), "'x' is no number"),
        ("a.vrp", CVRP.replace("DIMENSION : 3", "DIMENSION : three"), "DIMENSION"),
        ("a.vrp", CVRP.replace("EUC_2D", "GEO"), "EDGE_WEIGHT_TYPE"),
        ("a.vrp", CVRP.replace("3 7\n", ""), "DEMAND_SECTION has 2 rows"),
        ("a.vrp", CVRP.replace("1 0\n2 6", "1 4\n2 6"), "demand 0"),
    ],
)
def test_a_bad_file_is_named_with_what_is_wrong(tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=words):
        read_instance(tmp_path / name)


def test_an_empty_folder_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\.vrp"):
        read_folder(tmp_path)


@pytest.mark.skipif(not X_SET.is_file(), reason=f"{X_SET} is not there; CVRPLIB has the X set")
def test_a_published_plan_costs_what_its_file_says(tmp_path: Path) -> None:
    """X-n106-k14: the best known routes, timed as a problem of ours, cost the number in the .sol."""
    with tarfile.open(X_SET) as packed:
        packed.extractall(tmp_path, filter="data", members=[m for m in packed.getmembers() if "X-n106-k14" in m.name])
    path = tmp_path / "cvrp_x" / "X-n106-k14.vrp"
    instance, routes = read_instance(path), read_solution(path.with_suffix(".sol"))
    problem = problem_of(instance, "distance")
    orders = [[stop - 1 for stop in route] for route in routes]
    plan = timed(problem, [*orders, *([[]] * (instance.vehicles - len(orders)))])
    assert not plan.dropped
    assert plan.routes_cost == instance.best
    assert np.all(np.diagonal(instance.distance) == 0)
