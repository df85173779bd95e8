"""Pictures of plans: well-formed, complete, and safe to open whatever the ids are."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from towns import GLOBE, LINE, changed, message

from serving.cli.route_drawing import GAP_PCT_MAX, Picture, clock, gap, html, svg
from storegate.v1 import routing_pb2 as pb

SVG = "{http://www.w3.org/2000/svg}"


def driven(*stops: str, dropped: tuple[str, ...] = ()) -> Any:
    visits = [
        pb.RouteVisit(stop_id=stop, arrival_s=600 * i, begin_s=600 * i + 60, departure_s=600 * i + 300)
        for i, stop in enumerate(stops, 1)
    ]
    route = pb.VehicleRoute(vehicle_id="van", visits=visits, leaves_s=0, ends_s=600 * len(stops) + 600, done=1)
    return pb.RoutePlan(routes=[route], dropped=[pb.DroppedStop(stop_id=stop, reason="x") for stop in dropped])


def drawn(town: dict[str, Any], plan: Any) -> ElementTree.Element:
    return ElementTree.fromstring(svg(Picture(message(town), plan)))


def test_every_stop_and_depot_is_on_the_map() -> None:
    picture = drawn(GLOBE, driven("b", dropped=("a",)))
    circles, crosses = list(picture.iter(f"{SVG}circle")), [p for p in picture.iter(f"{SVG}path") if len(p)]
    assert [circle[0].text for circle in circles] == ["b: 1. of van, 00:11"]
    assert [cross[0].text for cross in crosses] == ["a: left out, x"]
    (way,) = picture.iter(f"{SVG}polyline")
    points = [tuple(map(float, point.split(","))) for point in way.get("points", "").split()]
    assert len(points) == 3
    assert points[0] == points[2], "there and back"
    assert points[1][0] > points[0][0], "east is right"
    for x, y in points:
        assert 0 <= x <= 960
        assert 0 <= y <= 600


def test_without_coordinates_the_day_is_drawn_alone() -> None:
    """A bar for each service and each wait."""
    picture = drawn(LINE, driven("a", "b"))
    assert not list(picture.iter(f"{SVG}circle"))
    assert [bar[0].text for bar in picture.iter(f"{SVG}rect") if len(bar)] == [
        "a: 00:10, 00:11-00:15",
        "b: 00:20, 00:21-00:25",
    ]


def test_what_a_caller_names_is_no_markup() -> None:
    bad = '<script>alert("x")</script>'
    town = changed(GLOBE, "stops.0.stopId", bad)
    page = html(Picture(message(town), driven(bad, dropped=(bad,))))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    drawn(town, driven(bad))


@pytest.mark.parametrize("plan", [pb.RoutePlan(), driven()])
def test_a_plan_of_nothing_can_be_drawn(plan: Any) -> None:
    drawn(GLOBE, plan)
    drawn(changed(GLOBE, "stops", GLOBE["stops"][:1]) | {"depots": [{"depotId": "hub"}]}, plan)


def test_nothing_is_loaded_from_elsewhere() -> None:
    page = html(Picture(message(GLOBE), driven("a", "b")))
    assert page.count("http") == page.count("http://www.w3.org/2000/svg")


@pytest.mark.parametrize(("seconds", "shown"), [(0, "00:00"), (34_260, "09:31"), (86_400 + 60, "00:01 +1d")])
def test_times_of_day(seconds: int, shown: str) -> None:
    assert clock(seconds) == shown


def test_a_bound_is_told_where_it_says_something() -> None:
    """Not known, far below, near, and reached."""
    assert gap(pb.RoutePlan()) == gap(pb.RoutePlan(gap_pct=GAP_PCT_MAX + 0.1)) == ""
    assert gap(pb.RoutePlan(gap_pct=GAP_PCT_MAX)) == f", at most {GAP_PCT_MAX:.2f} % above the cheapest there is"
    assert gap(pb.RoutePlan(gap_pct=0.0)) == ", none is cheaper"
    page = html(Picture(message(LINE), pb.RoutePlan(gap_pct=221.0, cost=5)))
    assert "221" not in page
