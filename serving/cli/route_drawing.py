"""A plan as a picture: a map of the routes and a time line of the vehicles, as one SVG or an HTML page.

Nothing is loaded from elsewhere; whatever the caller named is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

WIDTH: Final = 960
MAP_HEIGHT: Final = 600
MARGIN: Final = 28
NAMES_WIDTH: Final = 150
ROW: Final = 22
GOLDEN_DEGREES: Final = 137.508
"""Between the hues of two vehicles: no two of a few are alike."""
GREY: Final = "#8a8f98"
GAP_PCT_MAX: Final = 20.0
"""A bound that is farther below a plan says more of itself than of the plan."""
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
TICKS_MAX: Final = 14
STYLE: Final = (
    "text{font:12px system-ui,sans-serif;fill:#24292f}.small{font-size:10px;fill:#57606a}"
    ".frame{fill:#fff;stroke:#d0d7de}.grid{stroke:#eaeef2}"
)

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Picture:
    """What there is to draw. request: PlanRoutesRequest, plan: RoutePlan, both messages of storegate.v1."""

    request: Any
    plan: Any

    @property
    def places(self) -> dict[str, Point]:
        """(longitude, latitude) by id, of depots and stops with coordinates."""
        named = [(one.depot_id, one) for one in self.request.depots] + [
            (one.stop_id, one) for one in self.request.stops
        ]
        return {name: (one.point.longitude, one.point.latitude) for name, one in named if one.HasField("point")}

    @property
    def stops(self) -> dict[str, Any]:
        return {one.stop_id: one for one in self.request.stops}

    @property
    def vehicles(self) -> dict[str, Any]:
        return {one.vehicle_id: one for one in self.request.vehicles}


def svg(picture: Picture) -> str:
    """The whole drawing, one <svg> element."""
    parts, top = [], 0
    if picture.places:
        parts.append(_map(picture))
        top = MAP_HEIGHT + 16
    rows, height = _time_line(picture, top)
    parts.append(rows)
    total = top + height
    title = escape(_title(picture.plan))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {total}" width="{WIDTH}" height="{total}" '
        f'role="img"><title>{title}</title><style>{STYLE}</style>'
        f'<rect width="{WIDTH}" height="{total}" fill="#fff"/>{"".join(parts)}</svg>'
    )


def html(picture: Picture) -> str:
    """A page with the drawing, the routes and what was left out."""
    plan = picture.plan
    routes = [
        (one.vehicle_id, len(one.visits), f"{one.distance_m / 1000:,.1f}", clock(one.leaves_s), clock(one.ends_s),
         f"{one.waiting_s // MINUTE_S:,}", f"{one.cost:,.2f}")
        for one in plan.routes
    ]  # fmt: skip
    dropped = [(one.stop_id, one.reason, one.detail) for one in plan.dropped]
    tables = _table(("vehicle", "stops", "km", "leaves", "ends", "waits, min", "cost"), routes)
    if dropped:
        tables += "<h2>Left out</h2>" + _table(("stop", "reason", "detail"), dropped)
    title = escape(_title(plan))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>'
        "body{font:14px system-ui,sans-serif;margin:24px;max-width:960px}table{border-collapse:collapse}"
        "td,th{padding:2px 12px 2px 0;text-align:left}</style>"
        f"<h1>{title}</h1>{svg(picture)}<h2>Routes</h2>{tables}</html>\n"
    )


def clock(seconds: int) -> str:
    """Seconds after midnight as hours and minutes; with the day from the second on."""
    days, rest = divmod(seconds, DAY_S)
    shown = f"{rest // HOUR_S:02d}:{rest % HOUR_S // MINUTE_S:02d}"
    return f"{shown} +{days}d" if days else shown


def gap(plan: Any) -> str:
    """What a lower bound proves of a plan; nothing where it is too far below to say much. plan: RoutePlan message."""
    if not plan.HasField("gap_pct") or plan.gap_pct > GAP_PCT_MAX:
        return ""
    return f", at most {plan.gap_pct:.2f} % above the cheapest there is" if plan.gap_pct else ", none is cheaper"


def _title(plan: Any) -> str:
    left = f", {len(plan.dropped)} left out" if plan.dropped else ""
    return f"{len(plan.routes)} routes, {plan.distance_m / 1000:,.1f} km, cost {plan.cost:,.2f}{gap(plan)}{left}"


def colour(number: int) -> str:
    """Of a vehicle."""
    return f"hsl({number * GOLDEN_DEGREES % 360:.0f},65%,42%)"


def _map(picture: Picture) -> str:
    places, plan = picture.places, picture.plan
    at = _projected(places)
    parts = [f'<rect class="frame" x="0.5" y="0.5" width="{WIDTH - 1}" height="{MAP_HEIGHT - 1}"/>']
    for number, route in enumerate(plan.routes):
        way = [at[name] for name in _way(picture, route) if name in at]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in way)
        tip = escape(f"{route.vehicle_id}: {len(route.visits)} stops, {route.distance_m / 1000:,.1f} km")
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour(number)}" stroke-width="2" '
            f'stroke-linejoin="round"><title>{tip}</title></polyline>'
        )
    for number, route in enumerate(plan.routes):
        for place, visit in enumerate(route.visits):
            if visit.stop_id in at:
                x, y = at[visit.stop_id]
                done = ' fill-opacity="0.35"' if place < route.done else ""
                tip = escape(f"{visit.stop_id}: {place + 1}. of {route.vehicle_id}, {clock(visit.begin_s)}")
                parts.append(
                    f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{colour(number)}"{done} stroke="#fff">'
                    f"<title>{tip}</title></circle>"
                )
    for one in plan.dropped:
        if one.stop_id in at:
            x, y = at[one.stop_id]
            tip = escape(f"{one.stop_id}: left out, {one.reason}")
            parts.append(
                f'<path d="M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8" stroke="{GREY}" stroke-width="2">'
                f"<title>{tip}</title></path>"
            )
    for depot in picture.request.depots:
        if depot.depot_id in at:
            x, y = at[depot.depot_id]
            parts.append(
                f'<rect x="{x - 6:.1f}" y="{y - 6:.1f}" width="12" height="12" fill="#24292f" stroke="#fff">'
                f"<title>{escape(depot.depot_id)}</title></rect>"
            )
    return "".join(parts)


def _way(picture: Picture, route: Any) -> list[str]:
    """Ids from start to end."""
    vehicle = picture.vehicles.get(route.vehicle_id)
    first = picture.request.depots[0].depot_id if picture.request.depots else ""
    start = (vehicle.start_depot_id if vehicle else "") or first
    end = [] if vehicle and vehicle.ends_anywhere else [(vehicle.end_depot_id if vehicle else "") or start]
    return [start, *(visit.stop_id for visit in route.visits), *end]


def _projected(places: Mapping[str, Point]) -> dict[str, Point]:
    """Into the frame: equirectangular about the middle, as wide as it is high in metres."""
    lons, lats = zip(*places.values(), strict=True)
    squeeze = max(math.cos(math.radians((min(lats) + max(lats)) / 2)), 1e-6)
    wide = max((max(lons) - min(lons)) * squeeze, 1e-9)
    high = max(max(lats) - min(lats), 1e-9)
    scale = min((WIDTH - 2 * MARGIN) / wide, (MAP_HEIGHT - 2 * MARGIN) / high)
    left, top = (WIDTH - wide * scale) / 2, (MAP_HEIGHT - high * scale) / 2
    return {
        name: (left + (lon - min(lons)) * squeeze * scale, top + (max(lats) - lat) * scale)
        for name, (lon, lat) in places.items()
    }


def _time_line(picture: Picture, top: int) -> tuple[str, int]:
    """(the vehicles' days, their height): a line where they drive, pale where they wait, full where they serve."""
    routes = picture.plan.routes
    if not routes:
        return f'<text x="{MARGIN}" y="{top + 20}">no route</text>', 40
    begin = min(route.leaves_s for route in routes)
    end = max([begin + 1, *(route.ends_s for route in routes)])
    per_s = (WIDTH - NAMES_WIDTH - MARGIN) / (end - begin)

    def x(seconds: int) -> float:
        return NAMES_WIDTH + (seconds - begin) * per_s

    height = ROW * len(routes) + 44
    parts = [_axis(begin, end, x, top, height)]
    for number, route in enumerate(routes):
        y = top + 30 + number * ROW
        paint = colour(number)
        name = route.vehicle_id if len(route.vehicle_id) <= 20 else route.vehicle_id[:19] + "…"
        parts.append(f'<text x="4" y="{y + 4}">{escape(name)}</text>')
        parts.append(
            f'<path d="M{x(route.leaves_s):.1f} {y}H{x(route.ends_s):.1f}" stroke="{paint}" stroke-width="2"/>'
        )
        for visit in route.visits:
            tip = escape(
                f"{visit.stop_id}: {clock(visit.arrival_s)}, {clock(visit.begin_s)}-{clock(visit.departure_s)}"
            )
            if visit.begin_s > visit.arrival_s:
                parts.append(_bar(x(visit.arrival_s), x(visit.begin_s), y, paint, 0.25, ""))
            parts.append(_bar(x(visit.begin_s), x(visit.departure_s), y, paint, 1.0, tip))
    return "".join(parts), height


def _bar(left: float, right: float, y: int, paint: str, opacity: float, tip: str) -> str:
    title = f"<title>{tip}</title>" if tip else ""
    return (
        f'<rect x="{left:.1f}" y="{y - 6}" width="{max(right - left, 2.0):.1f}" height="12" fill="{paint}" '
        f'fill-opacity="{opacity:g}">{title}</rect>'
    )


def _axis(begin: int, end: int, x: Any, top: int, height: int) -> str:
    steps = (1, 5, 15, 30, 60, 120, 240, 480, 1440, 10_080)
    step = next((each * MINUTE_S for each in steps if (end - begin) / (each * MINUTE_S) <= TICKS_MAX),
                (end - begin) // TICKS_MAX + 1)  # fmt: skip
    parts = []
    for at in range(-(-begin // step) * step, end + 1, step):
        parts.append(f'<path class="grid" d="M{x(at):.1f} {top + 18}V{top + height - 12}"/>')
        parts.append(f'<text class="small" x="{x(at):.1f}" y="{top + 12}" text-anchor="middle">{clock(at)}</text>')
    return "".join(parts)


def _table(names: Iterable[str], rows: Sequence[Sequence[object]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"
