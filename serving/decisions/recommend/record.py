"""A decision as it is kept: what was asked, with which inputs and versions, and what was answered.

It holds all that an answer depends on, so that it can be computed again (adapters/replay.py), and the propensities that
off-policy estimates need. Where a visitor has not consented, it holds nothing of the visitor.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import zip_longest
from typing import Any, Final

from serving.decisions.recommend.contract import SOURCE_NAMES, Answer, Query, ReasonCode
from serving.decisions.recommend.params import Params
from serving.events.contract import Outcome

SCORE_REL_TOLERANCE: Final = 1e-5
"""Of the larger of two scores: a model that ranks another number of rows in one run may add up in another order, which
changes the last bits of float32. Everything else must be equal."""
SCORE_ABS_TOLERANCE: Final = 1e-6
"""The same for scores near 0, where what was added up is larger than the sum."""

_PARAMS: Final = tuple(field.name for field in fields(Params))


@dataclass(frozen=True, slots=True)
class Result:
    """One result; the fields are those of Answer, with item ids for rows and with the price's currency."""

    item_id: str
    score: float
    source: int
    reason: int
    related: str
    """'' = none."""
    weight: float
    price: int
    currency: str
    propensity: float


@dataclass(frozen=True, slots=True)
class Decision:
    """One logged decision. decision_id: 32 hexadecimal digits. wall: epoch seconds, the clock the pipeline used."""

    decision_id: str
    wall: float
    query: Query
    """With its decision_id. `personal` is never None: the store's default of that day stands in it."""
    blob: bytes
    """The stored records of the visitor, see serving/events/records.py."""
    params: Mapping[str, Any]
    """The fields of Params."""
    release: str
    versions: Mapping[str, str]
    """part -> version."""
    catalogue_version: int
    results: tuple[Result, ...]
    degraded: tuple[tuple[str, str], ...] = ()
    missing: tuple[str, ...] = ()
    next_offset: int = 0
    before: tuple[Query, ...] = ()
    """The placements of the shop page that chose before this one, likewise."""
    priced_by: str = ""
    """As in Answer; '' also where a record does not say it."""


@dataclass(frozen=True, slots=True)
class Logged:
    """A decision with what came of it, by time."""

    decision: Decision
    outcomes: tuple[Outcome, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a replay came out otherwise. field: for example "results[3].item_id"; '' = it is not there."""

    field: str
    logged: str
    replayed: str


@dataclass(frozen=True, slots=True)
class Replayed:
    """A decision that was computed again; without differences the answer was identical."""

    logged: Logged
    differences: tuple[Difference, ...]


def decision_of(
    release: str, params: Params, query: Query, blob: bytes, wall: float, answer: Answer, before: Sequence[Query] = ()
) -> Decision:
    """The record of an answer that `release` gave with `params` at `wall`. before: see Decision, with decision_ids."""
    asked = _as_read(replace(query, decision_id=answer.decision_id), params)
    return Decision(
        answer.decision_id,
        wall,
        asked,
        blob if asked.personal else b"",
        {name: getattr(params, name) for name in _PARAMS},
        release,
        answer.versions,
        answer.catalogue.version,
        _results(answer),
        answer.degraded,
        answer.missing,
        answer.next_offset,
        tuple(_as_read(each, params) for each in before),
        answer.priced_by,
    )


def _as_read(query: Query, params: Params) -> Query:
    """The query with what the pipeline has read of it: without consent nothing of the visitor."""
    if params.personalization if query.personal is None else query.personal:
        return query if query.personal else replace(query, personal=True)
    return replace(query, personal=False, user_id="", visitor_id="", session=(), request_id="")


def params_of(logged: Mapping[str, Any]) -> Params:
    """The parameters a decision was made with; those of its time that are known no more are left out."""
    return Params(**{name: value for name, value in logged.items() if name in _PARAMS})


def differences(logged: Decision, replayed: Decision) -> list[Difference]:
    """Field by field: versions first, for they explain the rest. Scores are compared within SCORE_REL_TOLERANCE.

    Parameters that came after the decision was logged are not compared.
    """
    return [
        Difference(field, _shown(field, one), _shown(field, other))
        for field, one, other in _pairs(logged, replayed)
        if not (_close(one, other) if field.endswith("].score") else one == other)
    ]


def _pairs(logged: Decision, replayed: Decision) -> Iterator[tuple[str, Any, Any]]:
    """(field, its value in one, in the other). Of a result that only one of them has, the item alone."""
    yield "release", logged.release, replayed.release
    for part in sorted(logged.versions.keys() | replayed.versions.keys()):
        yield f"versions[{part}]", logged.versions.get(part, ""), replayed.versions.get(part, "")
    yield "catalogue_version", logged.catalogue_version, replayed.catalogue_version
    for name, value in logged.params.items():
        yield f"params.{name}", value, replayed.params.get(name, "")
    yield "degraded", logged.degraded, replayed.degraded
    yield "missing_item_ids", logged.missing, replayed.missing
    yield "next_offset", logged.next_offset, replayed.next_offset
    for place, (one, other) in enumerate(zip_longest(logged.results, replayed.results)):
        if one is None or other is None:
            yield f"results[{place}].item_id", one.item_id if one else "", other.item_id if other else ""
            continue
        for field in fields(Result):
            yield f"results[{place}].{field.name}", getattr(one, field.name), getattr(other, field.name)


def _results(answer: Answer) -> tuple[Result, ...]:
    items = answer.catalogue.items
    columns = zip(
        answer.rows.tolist(),
        answer.scores.tolist(),
        answer.sources.tolist(),
        answer.reasons.tolist(),
        answer.related.tolist(),
        answer.weights.tolist(),
        answer.prices.tolist(),
        answer.propensities.tolist(),
        strict=True,
    )
    return tuple(
        Result(
            items[row].item_id, score, source, reason, items[related].item_id if related >= 0 else "", weight,
            price, items[row].currency, propensity,
        )
        for row, score, source, reason, related, weight, price, propensity in columns
    )  # fmt: skip


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=SCORE_REL_TOLERANCE, abs_tol=SCORE_ABS_TOLERANCE)


def _shown(field: str, value: Any) -> str:
    """For people: codes by their names."""
    if field.endswith("].source"):
        return str(SOURCE_NAMES[value])
    if field.endswith("].reason"):
        return ReasonCode(value).name
    return str(value)
