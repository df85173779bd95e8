"""Stops and visits of a routing request read from its bytes [1] into columns: no object a stop, none a visit.

Only what a protobuf library writes of fields that are known: each field once (but for repeated ones), numbers of 0 or
more in their shortest spelling, doubles that are numbers. At anything else a kernel stops, and the caller leaves the
request to the parser, which knows what is allowed besides, and what is wrong.
[1] https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""How a field's content is written: the lowest three bits of its key."""
NAMES, WORDS, DELIVERIES, PICKUPS, WINDOWS = 0, 1, 2, 3, 4
"""Of `StopColumns.used`."""
VEHICLES, STOPS, VISITS = 0, 1, 2
"""Of `RouteColumns.used`."""
INT32_MAX = 2**31 - 1
REFUSED = -1


class StopColumns(NamedTuple):
    """Of n stops. names, words (m,) uint8: ids, and skills, each with a 0 behind it. counts (4, n) int64: how many
    skills, deliveries, pickups, windows; deliveries, pickups (d,) int64, windows (w, 2) int64: one stop's after the
    other's. points (n, 2) float64: NaN = none; penalty (n,) float64: infinite = none; service, priority (n,) int64.
    used (5,) int64: how much of the arrays whose size is not n."""

    names: npt.NDArray[np.uint8]
    words: npt.NDArray[np.uint8]
    counts: npt.NDArray[np.int64]
    deliveries: npt.NDArray[np.int64]
    pickups: npt.NDArray[np.int64]
    windows: npt.NDArray[np.int64]
    points: npt.NDArray[np.float64]
    penalty: npt.NDArray[np.float64]
    service: npt.NDArray[np.int64]
    priority: npt.NDArray[np.int64]
    used: npt.NDArray[np.int64]


class RouteColumns(NamedTuple):
    """Of r routes with k visits. vehicles, stops (m,) uint8: ids, each with a 0 behind it. counts (r,) int64: visits;
    times (3, k) int64: arrivals, begins, departures; ends (2, r) int64: when each leaves and ends. used (3,) int64."""

    vehicles: npt.NDArray[np.uint8]
    stops: npt.NDArray[np.uint8]
    counts: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    used: npt.NDArray[np.int64]


@njit(cache=True, nogil=True)
def read_runs(wire, at, end, out):
    """The fields of the message wire[at:end] (uint8), neighbours of one number and kind as one run.

    Writes (number, kind, where it begins, where it ends, how many fields) of each run into out (m, 5) int64. Returns
    how many runs; REFUSED for what is no message, has groups, or has more runs.
    """
    found, last = 0, np.int64(0)
    while at < end:
        begin = at
        tag, at = _varint(wire, at, end)
        if at < 0 or tag < 8 or tag >= 1 << 32:
            return REFUSED
        at = _passed(wire, at, end, tag & 7)
        if at < 0:
            return REFUSED
        if tag != last:
            if found == len(out):
                return REFUSED
            last = tag
            out[found, 0], out[found, 1], out[found, 2], out[found, 4] = tag >> 3, tag & 7, begin, 0
            found += 1
        out[found - 1, 3] = at
        out[found - 1, 4] += 1
    return found


@njit(cache=True, nogil=True)
def read_stops(wire, at, end, first, columns):
    """The fields `stops` in wire[at:end] into the rows of `columns` from `first` on. Returns the row behind the last
    one, or REFUSED."""
    points, penalties = columns.points.view(np.uint64), columns.penalty.view(np.uint64)
    counts, used = columns.counts, columns.used
    row = first
    while at < end:
        if row == counts.shape[1] or wire[at] != 0x1A:
            return REFUSED
        at, stop = _part(wire, at + 1, end)
        if at < 0:
            return REFUSED
        name, size = np.int64(-1), np.int64(0)
        counts[0, row] = counts[1, row] = counts[2, row] = counts[3, row] = 0
        columns.service[row] = columns.priority[row] = 0
        columns.points[row, 0] = columns.points[row, 1] = np.nan
        columns.penalty[row] = np.inf
        placed, fined = False, False
        while at < stop:
            tag = wire[at]
            at += 1
            if tag == 0x0A and name < 0:  # stop_id
                name, at = _part(wire, at, stop)
                size = at - name
            elif tag == 0x12 and not placed:  # point
                placed = True
                at = _point(wire, at, stop, points, row)
                if at < 0 or np.isnan(columns.points[row, 0]) or np.isnan(columns.points[row, 1]):
                    return REFUSED
            elif tag == 0x1A:
                at, many = _numbers(wire, at, stop, columns.deliveries, used[DELIVERIES])
                used[DELIVERIES] += many
                counts[1, row] += many
            elif tag == 0x22:
                at, many = _numbers(wire, at, stop, columns.pickups, used[PICKUPS])
                used[PICKUPS] += many
                counts[2, row] += many
            elif tag == 0x2A:
                if used[WINDOWS] == len(columns.windows):
                    return REFUSED
                at = _window(wire, at, stop, columns.windows, used[WINDOWS])
                used[WINDOWS] += 1
                counts[3, row] += 1
            elif tag == 0x30:
                columns.service[row], at = _int32(wire, at, stop)
            elif tag == 0x3A:
                begin, at = _part(wire, at, stop)
                used[WORDS] = _copied(wire, begin, at, columns.words, used[WORDS])
                if used[WORDS] < 0:
                    return REFUSED
                counts[0, row] += 1
            elif tag == 0x41 and not fined:
                fined = True
                at = _fixed(wire, at, stop, penalties, row)
                if at < 0 or not np.isfinite(columns.penalty[row]):
                    return REFUSED
            elif tag == 0x48:
                columns.priority[row], at = _int32(wire, at, stop)
            else:
                return REFUSED
            if at < 0:
                return REFUSED
        used[NAMES] = _copied(wire, name, name + size, columns.names, used[NAMES])
        if used[NAMES] < 0:
            return REFUSED
        row += 1
    return row


@njit(cache=True, nogil=True)
def read_routes(wire, at, end, columns):
    """The fields `routes` of a plan in wire[at:end] into `columns`. Returns how many, or REFUSED."""
    counts, ends, used = columns.counts, columns.ends, columns.used
    row = 0
    while at < end:
        if row == len(counts) or wire[at] != 0x0A:
            return REFUSED
        at, stop = _part(wire, at + 1, end)
        if at < 0:
            return REFUSED
        name, size = np.int64(-1), np.int64(0)
        counts[row] = ends[0, row] = ends[1, row] = 0
        while at < stop:
            tag = wire[at]
            at += 1
            if tag == 0x12:
                at = _visit(wire, at, stop, columns)
                counts[row] += 1
            elif tag == 0x0A and name < 0:  # vehicle_id
                name, at = _part(wire, at, stop)
                size = at - name
            elif tag == 0x18:
                ends[0, row], at = _int32(wire, at, stop)
            elif tag == 0x20:
                ends[1, row], at = _int32(wire, at, stop)
            elif tag == 0x28 or tag == 0x30 or tag == 0x48:  # distance_m, waiting_s, done: nobody reads them
                _, at = _varint(wire, at, stop)
            elif tag == 0x3A:  # start_loads, likewise
                at, last = _part(wire, at, stop)
                while 0 <= at < last:
                    _, at = _varint(wire, at, last)
            elif tag == 0x41:  # cost, likewise
                at = _passed(wire, at, stop, FIXED64)
            else:
                return REFUSED
            if at < 0:
                return REFUSED
        used[VEHICLES] = _copied(wire, name, name + size, columns.vehicles, used[VEHICLES])
        if used[VEHICLES] < 0:
            return REFUSED
        row += 1
    return row


@njit(cache=True, nogil=True)
def _visit(wire, at, end, columns):
    """A visit, its length first. Returns where it ends, or REFUSED; of all below."""
    used, times = columns.used, columns.times
    at, stop = _part(wire, at, end)
    row = used[VISITS]
    if at < 0 or row == times.shape[1]:
        return np.int64(REFUSED)
    times[0, row] = times[1, row] = times[2, row] = 0
    name, size = np.int64(-1), np.int64(0)
    while at < stop:
        tag = wire[at]
        at += 1
        if tag == 0x0A and name < 0:  # stop_id
            name, at = _part(wire, at, stop)
            size = at - name
        elif tag == 0x10 or tag == 0x18 or tag == 0x20:
            times[(tag >> 3) - 2, row], at = _int32(wire, at, stop)
        else:
            return np.int64(REFUSED)
        if at < 0:
            return np.int64(REFUSED)
    used[STOPS] = _copied(wire, name, name + size, columns.stops, used[STOPS])
    used[VISITS] += 1
    return stop if used[STOPS] >= 0 else np.int64(REFUSED)


@njit(cache=True, nogil=True)
def _point(wire, at, end, points, row):
    """Latitude and longitude as bits, 0 where one is not given."""
    at, stop = _part(wire, at, end)
    if at < 0:
        return np.int64(REFUSED)
    points[row, 0] = points[row, 1] = 0
    while at < stop:
        tag = wire[at]
        if tag != 0x09 and tag != 0x11:
            return np.int64(REFUSED)
        at = _fixed(wire, at + 1, stop, points[row], (tag >> 3) - 1)
        if at < 0:
            return np.int64(REFUSED)
    return stop


@njit(cache=True, nogil=True)
def _window(wire, at, end, windows, row):
    at, stop = _part(wire, at, end)
    windows[row, 0] = windows[row, 1] = 0
    while 0 <= at < stop:
        tag = wire[at]
        if tag != 0x08 and tag != 0x10:
            return np.int64(REFUSED)
        windows[row, (tag >> 3) - 1], at = _int32(wire, at + 1, stop)
    return at


@njit(cache=True, nogil=True)
def _numbers(wire, at, end, out, used):
    """Packed numbers into out from `used` on: (where they end, how many)."""
    at, stop = _part(wire, at, end)
    to = used
    while 0 <= at < stop:
        if to == len(out):
            return np.int64(REFUSED), np.int64(0)
        out[to], at = _varint(wire, at, stop)
        to += 1
    return at, to - used


@njit(cache=True, nogil=True)
def _part(wire, at, end):
    """(where the content begins whose length stands here, where it ends), within end; both REFUSED."""
    size, at = _varint(wire, at, end)
    if at < 0 or size > end - at:
        return np.int64(REFUSED), np.int64(REFUSED)
    return at, at + size


@njit(cache=True, nogil=True)
def _passed(wire, at, end, kind):
    """Behind a field's content."""
    if kind == VARINT:
        return _varint(wire, at, end)[1]
    if kind == BYTES:
        return _part(wire, at, end)[1]
    if kind == FIXED64 and end - at >= 8:
        return at + 8
    if kind == FIXED32 and end - at >= 4:
        return at + 4
    return np.int64(REFUSED)


@njit(cache=True, nogil=True)
def _fixed(wire, at, end, out, row):
    """Eight bytes, little-endian, into out[row] (uint64)."""
    if end - at < 8:
        return np.int64(REFUSED)
    bits = np.uint64(0)
    for k in range(8):
        bits |= np.uint64(wire[at + k]) << np.uint64(8 * k)
    out[row] = bits
    return at + 8


@njit(cache=True, nogil=True)
def _int32(wire, at, end):
    value, at = _varint(wire, at, end)
    return value, at if value <= INT32_MAX else np.int64(REFUSED)


@njit(cache=True, nogil=True)
def _varint(wire, at, end):
    """(value, where it ends): of at most nine bytes, the last of which is not 0."""
    value, shift = np.int64(0), 0
    while at < end and shift < 63:
        byte = np.int64(wire[at])
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at if byte or not shift else np.int64(REFUSED)
        shift += 7
    return value, np.int64(REFUSED)


@njit(cache=True, nogil=True)
def _copied(wire, begin, end, out, to):
    """wire[begin:end] and a 0 into out from `to` on. Returns where they end; REFUSED where there is a 0 before."""
    if end - begin >= len(out) - to:
        return np.int64(REFUSED)
    for at in range(begin, end):
        byte = wire[at]
        if byte == 0:
            return np.int64(REFUSED)
        out[to] = byte
        to += 1
    out[to] = 0
    return to + 1
