"""The stops of a request as arrays, checked."""

from __future__ import annotations

import math

import numpy as np

from serving.core.errors import InvalidInput
from serving.decisions.route.contract import ALWAYS, Ragged, StopRows
from serving.decisions.route.names import bits_of
from serving.decisions.route.problem import COST_MAX, LOAD_MAX, PRIORITY_MAX, TIME_MAX, WINDOWS_MAX, Ints, Stops
from serving.decisions.route.ranges import check_column, check_window


def stops_of(rows: StopRows, width: int, words: dict[str, int]) -> Stops:
    """width: dimensions of load. words: skill -> bit. Shipments are not tied yet. Raises InvalidInput."""
    count = len(rows.ids)
    opens, closes = _windows(rows.windows)
    service, priority = np.asarray(rows.service, np.int64), np.asarray(rows.priority, np.int64)
    check_column("stops", "service_s", service, 0, TIME_MAX)
    check_column("stops", "priority", priority, 0, PRIORITY_MAX)
    if isinstance(rows.penalty, np.ndarray):
        penalty, given = rows.penalty, np.isfinite(rows.penalty)
    else:
        penalty = np.array([math.inf if each is None else each for each in rows.penalty], np.float64)
        given = np.array([each is not None for each in rows.penalty], bool)
    wrong = given & ~((penalty >= 0) & (penalty <= COST_MAX))
    if wrong.any():
        number = int(np.flatnonzero(wrong)[0])
        raise InvalidInput(f"stops[{number}].drop_penalty", penalty[number], f"0 to {COST_MAX:g}, or none")
    return Stops(
        ids=rows.ids,
        delivery=_loads("deliveries", rows.deliveries, width),
        pickup=_loads("pickups", rows.pickups, width),
        carried=np.zeros((count, width), np.int64),
        partner=np.full(count, -1, np.int64),
        opens=opens,
        closes=closes,
        service=service,
        penalty=penalty,
        priority=priority,
        skills=bits_of(rows.skills, words) if words else np.zeros(count, np.int64),
    )


def _loads(name: str, values: Ragged, width: int) -> Ints:
    """(n, k) of stops; what is not given is nothing."""
    out = _table(values, width)
    wrong = (out < 0) | (out > LOAD_MAX)
    if wrong.any():
        number, k = np.argwhere(wrong)[0]
        raise InvalidInput(f"stops[{number}].{name}[{k}]", int(out[number, k]), f"0 to {LOAD_MAX}")
    return out


def _windows(windows: Ragged) -> tuple[Ints, Ints]:
    """(opens, closes), (n, w); a stop with fewer repeats its last."""
    counts = np.asarray(windows[1], np.int64) // 2
    many = max(int(counts.max(initial=0)), 1)
    if many > WINDOWS_MAX:
        number = int(counts.argmax())
        raise InvalidInput(f"stops[{number}].windows", f"{counts[number]} windows", f"at most {WINDOWS_MAX}")
    pairs = _table(windows, 2 * many).reshape(len(counts), many, 2)
    pairs[counts == 0, 0] = ALWAYS
    last = np.maximum(counts, 1) - 1
    beyond = np.arange(many)[None, :] > last[:, None]
    pairs = np.where(beyond[:, :, None], pairs[np.arange(len(counts)), last][:, None, :], pairs)
    opens, closes = pairs[:, :, 0], pairs[:, :, 1]
    apart = (opens[:, 1:] > closes[:, :-1]) | beyond[:, 1:]
    if not (((opens >= 0) & (opens <= closes) & (closes <= TIME_MAX)).all() and apart.all()):
        _name_window(opens, closes, counts)
    return np.ascontiguousarray(opens), np.ascontiguousarray(closes)


def _name_window(opens: Ints, closes: Ints, counts: Ints) -> None:
    """Raises InvalidInput for the first window that is none."""
    for number, count in enumerate(counts.tolist()):
        before = -1
        for place in range(count):
            field = f"stops[{number}].windows[{place}]"
            start, end = check_window(field, (int(opens[number, place]), int(closes[number, place])))
            if start <= before:
                expected = f"later than the end of the window before it ({before}): ascending and apart"
                raise InvalidInput(f"{field}.start_s", start, expected)
            before = end


def _table(values: Ragged, width: int) -> Ints:
    """(n, width): each owner's values, then zeros."""
    flat, counts = values
    out = np.zeros((len(counts), width), np.int64)
    out[np.arange(width)[None, :] < np.asarray(counts, np.int64)[:, None]] = flat
    return out
