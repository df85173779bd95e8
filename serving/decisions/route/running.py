"""Plans that callers send: by the indices of a problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, pairwise

from serving.core.errors import InvalidInput
from serving.decisions.route.contract import ReplanQuery, RouteRows
from serving.decisions.route.problem import TIME_MAX, Dropped, Plan, Problem, Reason, Route

ASCENDING = "times as PlanRoutes answered them: arrival_s, begin_s and departure_s of each visit, ascending"


def what_fits(problem: Problem, rows: Sequence[RouteRows]) -> list[list[int]]:
    """Stops by vehicle, of a plan to start from; unknown vehicles and stops, and repeated ones, are left away."""
    vehicles, stops = numbers(problem.vehicles.ids), numbers(problem.stops.ids)
    routes: list[list[int]] = [[] for _ in vehicles]
    for row in rows:
        v = vehicles.pop(row.vehicle, None)
        if v is not None:
            routes[v] = [stop for name in row.stops if (stop := stops.pop(name, None)) is not None]
    return routes


def running_plan(problem: Problem, query: ReplanQuery) -> Plan:
    """The plan that runs, as it came. Raises InvalidInput for what is no plan of this problem."""
    vehicles = numbers(problem.vehicles.ids)
    stops = numbers(problem.stops.ids)
    routes: list[Route] = []
    for number, row in enumerate(query.plan):
        field = f"plan.routes[{number}]"
        v = vehicles.pop(row.vehicle, None)
        if v is None:
            raise InvalidInput(
                f"{field}.vehicle_id", row.vehicle, "a vehicle of the problem, each once", reason="UNKNOWN_ID"
            )
        # each once: who is found is no longer there
        visited = tuple([stops.pop(name, -1) for name in row.stops])
        if -1 in visited:
            place = visited.index(-1)
            raise InvalidInput(
                f"{field}.visits[{place}].stop_id", row.stops[place], "a stop of the problem, each once",
                reason="UNKNOWN_ID",
            )  # fmt: skip
        _check_times(field, row)
        routes.append(Route(v, visited, row.arrivals, row.begins, row.departures, row.leaves, row.ends, 0, 0, (), 0.0))
    dropped = []
    for number, name in enumerate(query.dropped):
        stop = stops.pop(name, -1)
        if stop < 0:
            raise InvalidInput(
                f"plan.dropped[{number}].stop_id", name, "a stop of the problem that no route visits",
                reason="UNKNOWN_ID",
            )  # fmt: skip
        dropped.append(Dropped(stop, Reason.NOT_FOUND))
    routes.sort(key=lambda route: route.vehicle)
    return Plan(tuple(routes), tuple(dropped), 0.0, 0.0)


def numbers(ids: Sequence[str]) -> dict[str, int]:
    """Id -> index."""
    return dict(zip(ids, range(len(ids)), strict=True))


def known_vehicle(vehicles: Mapping[str, int], field: str, name: str) -> int:
    """Its index. Raises InvalidInput."""
    found = vehicles.get(name)
    if found is None:
        raise InvalidInput(field, name, "the id of one of the vehicles", reason="UNKNOWN_ID")
    return found


def _check_times(field: str, row: RouteRows) -> None:
    visits = zip(row.arrivals, row.begins, row.departures, strict=True)
    times = [row.leaves, *chain.from_iterable(visits), row.ends]
    if times[0] < 0:
        raise InvalidInput(f"{field}.leaves_s", row.leaves, f"0 to {TIME_MAX}")
    if times[-1] > TIME_MAX:
        raise InvalidInput(f"{field}.ends_s", row.ends, f"0 to {TIME_MAX}")
    if times != sorted(times):
        wrong = next(i for i, (a, b) in enumerate(pairwise(times)) if b < a)
        place, part = divmod(wrong, 3)
        name = ("arrival_s", "begin_s", "departure_s")[part]
        where = f"{field}.visits[{place}].{name}" if place < len(row.stops) else f"{field}.ends_s"
        raise InvalidInput(where, times[wrong + 1], ASCENDING)
