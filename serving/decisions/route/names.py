"""Ids and skills of a request: which node or bit each of them is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from serving.core.errors import InvalidInput
from serving.core.ids import ID_BYTES_MAX, check_id
from serving.decisions.route.contract import Depots, PlanQuery, StopRows
from serving.decisions.route.problem import SKILLS_MAX, Ints


def known_nodes(depots: Depots, rows: StopRows) -> dict[str, int]:
    """Id -> node, each once. Raises InvalidInput."""
    every = (*depots.ids, *rows.ids)
    known = dict(zip(every, range(len(every)), strict=True))
    whole = "".join(every)
    usual = all(every) and max(map(len, every)) <= ID_BYTES_MAX and whole.isascii() and whole.isprintable()
    if usual and len(known) == len(every):
        return known
    seen: set[str] = set()
    for kind, ids in (("depots", depots.ids), ("stops", rows.ids)):
        name = f"{kind[:-1]}_id"
        for number, value in enumerate(ids):
            check_name(f"{kind}[{number}].{name}", value)
            if value in seen:
                raise InvalidInput(f"{kind}[{number}].{name}", value, "each depot and stop once", reason="REPEATED_ID")
            seen.add(value)
    return known


def check_name(field: str, value: str) -> str:
    """The id. Raises InvalidInput naming `field`."""
    if not value:
        raise InvalidInput(field, value, f"an id of 1 to {ID_BYTES_MAX} bytes")
    return check_id(field, value)


def skill_bits(query: PlanQuery) -> dict[str, int]:
    """Skill -> bit. Raises InvalidInput."""
    words: dict[str, int] = {}
    for owner, columns in (("vehicles", [each.skills for each in query.vehicles]), ("stops", query.stops.skills)):
        for number, column in enumerate(columns):
            for place, word in enumerate(column):
                field = f"{owner}[{number}].skills[{place}]"
                words.setdefault(check_name(field, word), len(words))
                if len(words) > SKILLS_MAX:
                    raise InvalidInput(field, word, f"at most {SKILLS_MAX} different skills in a request")
    return words


def bits_of(columns: Iterable[Sequence[str]], words: dict[str, int]) -> Ints:
    """(n,) skills of n owners. words: skill -> bit."""
    return np.array([sum(1 << words[word] for word in set(column)) for column in columns], np.int64)
