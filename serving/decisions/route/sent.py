"""What changes bring stands last in the problem that is planned anew; errors call it by its place in the request.

Names are looked for only where there is an error: who changes a plan within milliseconds pays nothing for them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from serving.core.errors import InvalidInput
from serving.decisions.route.contract import ReplanQuery

Brought = tuple[int, Sequence[str]]
"""How many the problem has of its own, and the fields of the request that brought the others."""
PLACE: Final = re.compile(r"\b(stops|closed_roads)\[(\d+)\]")


def as_sent(error: InvalidInput, stops: Brought, roads: Brought) -> InvalidInput:
    """The error, with the field that its caller knows."""
    brought = {"stops": stops, "closed_roads": roads}

    def name(found: re.Match[str]) -> str:
        own, fields = brought[found[1]]
        place = int(found[2]) - own
        return fields[place] if 0 <= place < len(fields) else found[0]

    return error.about(PLACE.sub(name, error.field))


def of_change(error: InvalidInput, query: ReplanQuery) -> InvalidInput:
    """Likewise, of an error about the problem of `query`."""
    problem = query.query
    stops = len(problem.stops.ids) - len(query.new_stops)
    if error.field.endswith(".capacities"):
        error = _too_wide(query, stops) or error
    return as_sent(error, (stops, query.new_stops), (len(problem.closed) - len(query.new_roads), query.new_roads))


def _too_wide(query: ReplanQuery, own: int) -> InvalidInput | None:
    """Of the first new stop with more dimensions of load than all else has: it is not the vehicles that are wrong."""
    rows, problem = query.query.stops, query.query
    counts = {"deliveries": rows.deliveries[1], "pickups": rows.pickups[1]}
    width = max(
        1,
        *(int(many) for each in counts.values() for many in each[:own]),
        *(len(one.capacities) for one in problem.vehicles),
        *(len(one.loads) for one in problem.shipments),
    )
    for stop in range(own, len(rows.ids)):
        for name, each in counts.items():
            if each[stop] > width:
                return InvalidInput(
                    f"stops[{stop}].{name}", f"{each[stop]} numbers", f"at most {width}, one a dimension of load"
                )
    return None
