"""The results of an answer put together from parts that are kept: in protobuf's wire format, and as JSON.

A result is: what is said of the item, its source, price, score and propensity, and the reason. The words come from
`kept`, where transport/result_parts.py has put them; only numbers and lengths are made here, as [1] has them.
[1] https://protobuf.dev/programming-guides/encoding/ and https://protobuf.dev/programming-guides/json/
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

ITEM, CURRENCY, RELATED, NAME = 0, 1, 2, 3
"""Parts of a row, in this order: fields of the item itself; the field of its price that names the currency; the field
of a reason that names it; its title inside a sentence."""
SOURCE, CODE, ALONE, WITH_ITEM = 0, 1, 2, 3
"""Kinds of fixed parts, by source or reason code: the source; the code; the sentence without an item; the beginning of
the sentence that ends with an item's name, of length -1 where there is none."""
NUMBERS_MAX = 160
"""Bytes of a result beside its parts: numbers, lengths, tags, names of fields."""
TOO_SMALL = np.iinfo(np.int64).min
"""What the kernels return when the answer may not fit into `out`."""


class Kept(NamedTuple):
    """bytes (m,) uint8: all parts. fixed (4, 16, 2) int64: start and length by kind and number.

    n = rows of the catalogue or more: serial (n,) int64 is that of the row when its parts were made, 0 = there are
    none; start (n,) int64 and sizes (n, 4) int32: the parts follow one another.
    """

    bytes: npt.NDArray[np.uint8]
    fixed: npt.NDArray[np.int64]
    serial: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int32]


class Columns(NamedTuple):
    """Of an answer with k results, as in decisions/recommend/contract.py: all (k,)."""

    rows: npt.NDArray[np.int32]
    sources: npt.NDArray[np.uint8]
    reasons: npt.NDArray[np.uint8]
    related: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]
    prices: npt.NDArray[np.int64]
    """0 or more."""
    propensities: npt.NDArray[np.float32]


@njit(cache=True, nogil=True)
def write_wire(columns, serials, kept, out):
    """Field 1 of the response, once a result, into `out` (uint8); the number of bytes.

    serials (n,) int64: of the catalogue. When the parts of a row are wanting, -1 - row; TOO_SMALL when `out` is.
    """
    wanting = _wanting(columns, serials, kept, len(out))
    if wanting < 0:
        return wanting
    score, weight = columns.scores.view(np.uint8), columns.weights.view(np.uint8)
    propensity = columns.propensities.view(np.uint8)
    at = 0
    for i in range(len(columns.rows)):
        row, source, code, other = columns.rows[i], columns.sources[i], columns.reasons[i], columns.related[i]
        reason, sentence = 0, 0
        if code:
            sentence = _sentence_size(code, other, kept)
            reason = kept.fixed[CODE, code, 1] + 5 + 1 + _varint_size(sentence) + sentence
            if other >= 0:
                reason += kept.sizes[other, RELATED]
        price, currency = columns.prices[i], kept.sizes[row, CURRENCY]
        money = (1 + _varint_size(price) if price else 0) + currency
        size = kept.sizes[row, ITEM] + kept.fixed[SOURCE, source, 1] + 10
        if money:
            size += 1 + _varint_size(money) + money
        if code:
            size += 1 + _varint_size(reason) + reason
        out[at] = 0x0A  # results
        at = _varint(out, at + 1, size)
        at = _part(out, at, kept, row, ITEM)
        at = _fixed(out, at, kept, SOURCE, source)
        if money:
            out[at] = 0x1A  # price
            at = _varint(out, at + 1, money)
        if price:
            out[at] = 0x08  # amount_minor
            at = _varint(out, at + 1, price)
        at = _part(out, at, kept, row, CURRENCY)
        at = _four(out, at, 0x25, score, i)
        at = _four(out, at, 0x3D, propensity, i)
        if code:
            out[at] = 0x2A  # reasons
            at = _varint(out, at + 1, reason)
            at = _fixed(out, at, kept, CODE, code)
            at = _four(out, at, 0x15, weight, i)
            if other >= 0:
                at = _part(out, at, kept, other, RELATED)
            out[at] = 0x22  # text
            at = _varint(out, at + 1, sentence)
            at = _sentence(out, at, kept, code, other)
    return at


@njit(cache=True, nogil=True)
def write_json(columns, serials, kept, powers, out):
    """The results as JSON objects with commas between them; else as `write_wire`. powers (m,) float64: of ten."""
    wanting = _wanting(columns, serials, kept, len(out))
    if wanting < 0:
        return wanting
    at = 0
    for i in range(len(columns.rows)):
        row, code, other = columns.rows[i], columns.reasons[i], columns.related[i]
        if i:
            out[at] = 44  # ,
            at += 1
        at = _part(out, at, kept, row, ITEM)
        at = _fixed(out, at, kept, SOURCE, columns.sources[i])
        if columns.prices[i] or kept.sizes[row, CURRENCY]:
            at = _price(out, at, kept, row, columns.prices[i])
        at = _number(out, at, b',"score":', columns.scores[i], powers)
        at = _number(out, at, b',"propensity":', columns.propensities[i], powers)
        if code:
            at = _fixed(out, at, kept, CODE, code)
            at = _number(out, at, b',"weight":', columns.weights[i], powers)
            if other >= 0:
                at = _part(out, at, kept, other, RELATED)
            at = _text(out, at, b',"text":"')
            at = _sentence(out, at, kept, code, other)
            at = _text(out, at, b'"}]')
        out[at] = 125  # }
        at += 1
    return at


@njit(cache=True, nogil=True)
def _wanting(columns, serials, kept, room):
    """What the writers return before they begin: 0 when everything is there and fits."""
    size = np.int64(0)
    for i in range(len(columns.rows)):
        row, code, other = columns.rows[i], columns.reasons[i], columns.related[i]
        if kept.serial[row] != serials[row]:
            return np.int64(-1 - row)
        size += (
            NUMBERS_MAX + kept.sizes[row, ITEM] + kept.sizes[row, CURRENCY] + kept.fixed[SOURCE, columns.sources[i], 1]
        )
        if code:
            size += kept.fixed[CODE, code, 1] + kept.fixed[ALONE, code, 1] + max(kept.fixed[WITH_ITEM, code, 1], 0)
            if other >= 0:
                if kept.serial[other] != serials[other]:
                    return np.int64(-1 - other)
                size += kept.sizes[other, RELATED] + kept.sizes[other, NAME]
    return np.int64(0) if size <= room else np.int64(TOO_SMALL)


@njit(cache=True, nogil=True)
def _sentence_size(code, other, kept):
    before = kept.fixed[WITH_ITEM, code, 1]
    return before + kept.sizes[other, NAME] if other >= 0 and before >= 0 else kept.fixed[ALONE, code, 1]


@njit(cache=True, nogil=True)
def _sentence(out, at, kept, code, other):
    """The reason in words."""
    if other < 0 or kept.fixed[WITH_ITEM, code, 1] < 0:
        return _fixed(out, at, kept, ALONE, code)
    return _part(out, _fixed(out, at, kept, WITH_ITEM, code), kept, other, NAME)


@njit(cache=True, nogil=True)
def _part(out, at, kept, row, part):
    """One of the parts of a row."""
    start = kept.start[row]
    for before in range(part):
        start += kept.sizes[row, before]
    return _copied(out, at, kept.bytes, start, kept.sizes[row, part])


@njit(cache=True, nogil=True)
def _price(out, at, kept, row, price):
    """The price in JSON, where int64 is a string."""
    at = _text(out, at, b',"price":{')
    if price:
        at = _text(out, at, b'"amountMinor":"')
        digits, rest = 1, price // 10
        while rest:
            rest //= 10
            digits += 1
        at = _text(out, _spread(out, at, price, digits, digits), b'"')
        if kept.sizes[row, CURRENCY]:
            out[at] = 44  # ,
            at += 1
    at = _part(out, at, kept, row, CURRENCY)
    out[at] = 125  # }
    return at + 1


@njit(cache=True, nogil=True)
def _fixed(out, at, kept, kind, number):
    return _copied(out, at, kept.bytes, kept.fixed[kind, number, 0], kept.fixed[kind, number, 1])


@njit(cache=True, nogil=True)
def _copied(out, at, data, start, size):
    to, source = np.uintp(at), np.uintp(start)  # numba looks at the sign of every other index
    for i in range(np.uintp(size)):
        out[to + i] = data[source + i]
    return at + size


@njit(cache=True, nogil=True)
def _text(out, at, text):
    for i in range(len(text)):
        out[at + i] = text[i]
    return at + len(text)


@njit(cache=True, nogil=True)
def _four(out, at, tag, values, i):
    """A field of four bytes, little-endian as the machines are that this runs on."""
    out[at] = tag
    for k in range(4):
        out[at + 1 + k] = values[4 * i + k]
    return at + 5


@njit(cache=True, nogil=True)
def _varint_size(value):
    size = 1
    while value > 127:
        value >>= 7
        size += 1
    return size


@njit(cache=True, nogil=True)
def _varint(out, at, value):
    while value > 127:
        out[at] = value & 127 | 128
        value >>= 7
        at += 1
    out[at] = value
    return at + 1


@njit(cache=True, nogil=True)
def _number(out, at, name, value, powers):
    """A field of a float32, left out where it is 0 (-0.0 is not the default)."""
    wide = np.float64(value)
    if wide == 0.0 and not np.signbit(wide):
        return at
    at = _text(out, at, name)
    if np.isnan(wide):
        return _text(out, at, b'"NaN"')
    if np.isinf(wide):
        return _text(out, at, b'"Infinity"') if wide > 0 else _text(out, at, b'"-Infinity"')
    if np.signbit(wide):
        out[at] = 45  # -
        at += 1
    return _digits(out, at, abs(wide), powers) if wide != 0.0 else _text(out, at, b"0.0")


@njit(cache=True, nogil=True)
def _digits(out, at, value, powers):
    """The fewest digits, six to nine less zeros at the end, that read back as the same float32. value: above 0."""
    exponent = np.int64(np.floor(np.log10(value)))
    whole = np.int64(0)
    for digits in range(6, 10):
        shift = digits - 1 - exponent
        whole = np.int64(np.rint(value * powers[shift] if shift >= 0 else value / powers[-shift]))
        near = whole / powers[shift] if shift >= 0 else whole * powers[-shift]
        if np.float32(near) == np.float32(value):
            break
    count = 0
    while whole % 10 == 0:
        whole //= 10
        shift -= 1
    rest = whole
    while rest:
        rest //= 10
        count += 1
    return _decimal(out, at, whole, count, count - 1 - shift)


@njit(cache=True, nogil=True)
def _decimal(out, at, whole, count, exponent):
    """`whole`, of `count` digits, with the first one standing for 10 ** exponent, as Python writes floats."""
    if exponent < -4 or exponent >= 16:
        at = _spread(out, at, whole, count, 1)
        out[at], out[at + 1] = 101, 45 if exponent < 0 else 43  # e-, e+
        exponent = abs(exponent)
        out[at + 2], out[at + 3] = 48 + exponent // 10, 48 + exponent % 10
        return at + 4
    if exponent < 0:
        out[at], out[at + 1] = 48, 46  # 0.
        for i in range(-exponent - 1):
            out[at + 2 + i] = 48
        return _spread(out, at + 1 - exponent, whole, count, count)
    at = _spread(out, at, whole, count, exponent + 1)
    for _ in range(exponent + 1 - count):
        out[at] = 48
        at += 1
    if count <= exponent + 1:
        at = _text(out, at, b".0")
    return at


@njit(cache=True, nogil=True)
def _spread(out, at, whole, count, before):
    """The digits, with a point after the first `before` where more follow."""
    point = before < count
    stop = at + count + point
    to = stop - 1
    for i in range(count - 1, -1, -1):
        out[to] = 48 + whole % 10
        whole //= 10
        to -= 1
        if point and i == before:
            out[to] = 46  # .
            to -= 1
    return stop
