"""Answers of Recommend, RecommendPage and Rerank to bytes.

Building twenty messages from Python attributes costs several times the whole pipeline's share of a request, so the wire
format [1] is put together by hand from parts that stay the same: an item's fields are encoded (by protobuf) once per
item, price and source, a reason's once per code and related item; only score, propensity and weight are packed per
result. Fields of a
message may stand in any order. A property test compares every answer with what the generated classes give.
[1] https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from serving.core.catalogue import Item
from serving.decisions.recommend.contract import PLACEMENTS, SOURCE_NAMES, Answer, PageAnswer, ReasonCode
from serving.transport.checks import wire
from serving.transport.page_tokens import page_token
from serving.transport.reasons import reason_text
from serving.transport.trace_codec import encode_trace
from storegate.v1 import recommendation_pb2 as pb

Sign = Callable[[str, int, int], str]

ARMS_MAX: Final = 8
"""Releases of a traffic split whose parts are kept apart: they have other rows."""
CACHED_PARTS_MAX: Final = 150_000
"""Entries of each of the two caches of parts, about 350 bytes each in memory; a full one is emptied."""
INDEX: Final = "index"
"""The key of Answer.versions that stands in index_version instead of model_versions."""

_RESULTS, _SERVING_INFO = b"\x0a", b"\x1a"  # fields 1 and 3 of the response
_REASON, _SCORE_TAG, _WEIGHT = b"\x2a", 0x25, b"\x15"  # fields 5 and 4 of a result, field 2 of a reason
_PROPENSITY_TAG = 0x3D  # field 7
_pack_weight_score = struct.Struct("<fBfBf").pack
_pack_score = struct.Struct("<BfBf").pack
_WEIGHT_SCORE_BYTES, _SCORE_BYTES = 14, 10
_CODES_BITS = 4  # sources and reason codes are below 16
_REQUEST_ID, _DECISION_ID, _ATTRIBUTION_TOKEN, _NEXT_PAGE_TOKEN = b"\x22", b"\x2a", b"\x32", b"\x3a"  # fields 4 to 7
_CATALOGUE_VERSION, _STAGES, _BATCH_SIZE, _APPLIED_THROUGH, _EXPERIMENT_ARM = (
    b"\x18",
    b"\x22",
    b"\x30",
    b"\x3a",
    b"\x42",
)  # of ServingInfo: 3, 4, 6, 7, 8
_STAGE_NAME, _STAGE_MICROS, _SECONDS = b"\x0a", b"\x10", b"\x08"  # of StageTime: 1 and 2; of Timestamp: 1
_SECTIONS = b"\x0a"  # field 1 of the page's response
_SECTION_RESPONSE = b"\x12"  # field 2 of a section


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


_VARINTS: Final = tuple(_varint(value) for value in range(8192))


class AnswerEncoder:
    """Bytes of RecommendResponse, which RerankResponse equals field by field. Works from any thread."""

    def __init__(self, sign: Sign | None = None) -> None:
        """sign: (decision id, epoch seconds, placement's number) -> attribution token; None = answers carry none."""
        self._sign = sign
        self._arms: dict[str, AnswerEncoder] = {}
        self._items: dict[int, tuple[Item, int, bytes]] = {}
        self._reasons: dict[int, tuple[Item | None, bytes]] = {}
        # Both are the same objects for many answers: looked up by identity, held so that an id is not used again.
        self._versions: tuple[dict[str, str], bytes] = ({}, b"")
        self._stages: tuple[tuple[tuple[str, int], ...], bytes] = ((), b"")

    def encode(self, answer: Answer) -> bytes:
        """The serialised response."""
        parts = self._of_arm(answer.arm)._parts(answer) if answer.arm else self._parts(answer)
        return b"".join(parts)

    def _of_arm(self, arm: str) -> AnswerEncoder:
        """An encoder for one release's answers alone, whose caches those of another would empty."""
        found = self._arms.get(arm)
        if found is None:
            if len(self._arms) >= ARMS_MAX:
                self._arms.clear()
            found = self._arms[arm] = AnswerEncoder(self._sign)
        return found

    def _parts(self, answer: Answer) -> list[bytes]:
        parts = self._results(answer)
        if answer.decision_id:
            parts.append(_text(_DECISION_ID, answer.decision_id))
            if self._sign is not None:
                token = self._sign(answer.decision_id, answer.made_s, PLACEMENTS.index(answer.placement))
                parts.append(_text(_ATTRIBUTION_TOKEN, token))
        if answer.request_id:
            parts.append(_text(_REQUEST_ID, answer.request_id))
        if answer.next_offset:
            parts.append(_text(_NEXT_PAGE_TOKEN, page_token(answer.next_offset)))
        if answer.missing or answer.trace is not None:
            rare = pb.RecommendResponse(missing_item_ids=answer.missing)
            if answer.trace is not None:
                encode_trace(answer.trace, rare.trace)
            parts.append(wire(rare))
        info = self._info(answer)
        parts += (_SERVING_INFO, _length(len(info)), info)
        return parts

    def encode_page(self, page: PageAnswer) -> bytes:
        """The serialised RecommendPageResponse."""
        parts: list[bytes] = []
        for answer in page.answers:
            response = self.encode(answer)
            name = wire(pb.PageSection(placement=answer.placement))
            head = name + _SECTION_RESPONSE + _length(len(response))
            parts += (_SECTIONS, _length(len(head) + len(response)), head, response)
        parts.append(wire(pb.RecommendPageResponse(request_id=page.request_id)))
        return b"".join(parts)

    def _results(self, answer: Answer) -> list[bytes]:
        items, known, reasons = answer.catalogue.items, self._items, self._reasons
        rows, related = answer.rows.tolist(), answer.related.tolist()
        columns = zip(
            rows,
            answer.sources.tolist(),
            answer.reasons.tolist(),
            related,
            answer.scores.tolist(),
            answer.weights.tolist(),
            answer.prices.tolist(),
            answer.propensities.tolist(),
            strict=True,
        )
        parts: list[bytes] = []
        for row, source, code, other, score, weight, price, propensity in columns:
            found = known.get(row << _CODES_BITS | source)
            if found is None or found[0] is not items[row] or found[1] != price:
                found = self._item(row, source, items[row], price)
            head = found[2]
            if code:
                why = reasons.get((other + 1) << _CODES_BITS | code)
                if why is None or (other >= 0 and why[0] is not items[other]):
                    why = self._reason(other, code, items[other] if other >= 0 else None)
                reason = why[1]
                size = len(head) + len(reason) + _WEIGHT_SCORE_BYTES
                numbers = _pack_weight_score(weight, _SCORE_TAG, score, _PROPENSITY_TAG, propensity)
                parts += (_RESULTS, _VARINTS[size] if size < 8192 else _varint(size), head, reason, numbers)
            else:
                size = len(head) + _SCORE_BYTES
                parts += (_RESULTS, _length(size), head, _pack_score(_SCORE_TAG, score, _PROPENSITY_TAG, propensity))
        return parts

    def _item(self, row: int, source: int, item: Item, price: int) -> tuple[Item, int, bytes]:
        """Fields 1, 2, 3 and 6 of a result."""
        result = pb.RecommendResult(item_id=item.item_id, title=item.title, source=SOURCE_NAMES[source])
        if price or item.currency:
            result.price.amount_minor = price
            result.price.currency_code = item.currency
        if len(self._items) >= CACHED_PARTS_MAX:
            self._items.clear()
        entry = (item, price, wire(result))
        self._items[row << _CODES_BITS | source] = entry
        return entry

    def _reason(self, related: int, code: int, item: Item | None) -> tuple[Item | None, bytes]:
        """Field 5 of a result up to and with the tag of its last field, the weight, whose 4 bytes come next."""
        name = ReasonCode(code)
        text = reason_text(name, item)
        fixed = wire(pb.Reason(code=name.name, related_item_id=item.item_id if item else "", text=text))
        entry = (item, _REASON + _length(len(fixed) + 5) + fixed + _WEIGHT)
        if len(self._reasons) >= CACHED_PARTS_MAX:
            self._reasons.clear()
        self._reasons[(related + 1) << _CODES_BITS | code] = entry
        return entry

    def _info(self, answer: Answer) -> bytes:
        """ServingInfo; its constant parts are joined as bytes: the encoding of two messages in a row is their merge."""
        versions, stages = self._versions, self._stages
        if versions[0] is not answer.versions:
            versions = self._versions = (answer.versions, _encoded_versions(answer.versions))
        if stages[0] is not answer.stages:
            stages = self._stages = (answer.stages, _encoded_stages(answer.stages))
        info = versions[1] + stages[1] + _BATCH_SIZE + _length(answer.batch_size)
        if answer.catalogue.version:
            info += _CATALOGUE_VERSION + _length(answer.catalogue.version)
        if answer.applied_through_s:
            seconds = _SECONDS + _length(answer.applied_through_s)
            info += _APPLIED_THROUGH + _length(len(seconds)) + seconds
        if answer.arm:
            info += _text(_EXPERIMENT_ARM, answer.arm)
        if answer.degraded:
            fell_back = [pb.Degraded(stage=stage, cause=cause) for stage, cause in answer.degraded]
            info += wire(pb.ServingInfo(degraded=fell_back))
        return info


def _length(size: int) -> bytes:
    return _VARINTS[size] if size < len(_VARINTS) else _varint(size)


def _encoded_versions(versions: dict[str, str]) -> bytes:
    models = {name: version for name, version in versions.items() if name != INDEX}
    return wire(pb.ServingInfo(model_versions=models, index_version=versions.get(INDEX, "")))


def _encoded_stages(stages: tuple[tuple[str, int], ...]) -> bytes:
    parts: list[bytes] = []
    for name, micros in stages:
        one = _text(_STAGE_NAME, name) + (_STAGE_MICROS + _length(micros) if micros else b"")
        parts += (_STAGES, _length(len(one)), one)
    return b"".join(parts)


def _text(tag: bytes, value: str) -> bytes:
    """A string field."""
    data = value.encode()
    return tag + _length(len(data)) + data
