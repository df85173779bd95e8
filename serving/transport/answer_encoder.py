"""Answers of Recommend, RecommendPage and Rerank to bytes.

Building twenty messages from Python attributes costs several times the whole pipeline's share of a request, so the wire
format [1] is put together from parts that stay the same: the results by a kernel (result_parts.py), the rest here.
Fields of a message may stand in any order. A property test compares every answer with what the generated classes give.
[1] https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from serving.core.catalogue import Item
from serving.decisions.recommend.contract import PLACEMENTS, Answer, PageAnswer
from serving.kernels.answers import Columns, Kept, write_wire
from serving.transport.checks import wire
from serving.transport.page_tokens import page_token
from serving.transport.result_parts import Bytes, ResultParts, Serials
from serving.transport.trace_codec import encode_trace
from storegate.v1 import recommendation_pb2 as pb
from storegate.v1.common_pb2 import Money

Sign = Callable[[str, int, int], str]

ARMS_MAX: Final = 8
"""Releases of a traffic split whose parts are kept apart: they have other rows."""
STAGES_MAX: Final = 4096
"""Stages, each with a number of microseconds, whose bytes are kept."""
INDEX: Final = "index"
"""The key of Answer.versions that stands in index_version instead of model_versions."""

_SERVING_INFO = b"\x1a"  # field 3 of the response
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


class WireParts:
    """The Spelling of the wire format."""

    def write(self, columns: Columns, serials: Serials, kept: Kept, out: Bytes) -> int:
        size: int = write_wire(columns, serials, kept, out)
        return size

    def source(self, name: str) -> bytes:
        return wire(pb.RecommendResult(source=name))

    def code(self, name: str) -> bytes:
        return wire(pb.Reason(code=name))

    def words(self, text: str) -> bytes:
        return text.encode()

    def item(self, item: Item) -> bytes:
        return wire(pb.RecommendResult(item_id=item.item_id, title=item.title))

    def currency(self, item: Item) -> bytes:
        return wire(Money(currency_code=item.currency))

    def related(self, item: Item) -> bytes:
        return wire(pb.Reason(related_item_id=item.item_id))


class AnswerEncoder:
    """Bytes of RecommendResponse, which RerankResponse equals field by field. Works from any thread."""

    def __init__(self, sign: Sign | None = None) -> None:
        """sign: (decision id, epoch seconds, placement's number) -> attribution token; None = answers carry none."""
        self._sign = sign
        self._arms: dict[str, AnswerEncoder] = {}
        self._parts = ResultParts(WireParts())
        # Both are the same objects for many answers: looked up by identity, held so that an id is not used again.
        self._versions: tuple[dict[str, str], bytes] = ({}, b"")
        self._stages: tuple[tuple[tuple[str, int], ...], bytes] = ((), b"")

    def encode(self, answer: Answer) -> bytes:
        """The serialised response."""
        encoder = self._of_arm(answer.arm) if answer.arm else self
        return b"".join(encoder._fields(answer))

    def _of_arm(self, arm: str) -> AnswerEncoder:
        """An encoder for one release's answers alone, whose caches those of another would empty."""
        found = self._arms.get(arm)
        if found is None:
            if len(self._arms) >= ARMS_MAX:
                self._arms.clear()
            found = self._arms[arm] = AnswerEncoder(self._sign)
        return found

    def _fields(self, answer: Answer) -> list[bytes]:
        parts = [self._parts.results(answer)]
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
    return b"".join(map(_encoded_stage, stages))


@lru_cache(STAGES_MAX)
def _encoded_stage(stage: tuple[str, int]) -> bytes:
    """A lone request has stages of its own, but takes as many microseconds for them as many others."""
    name, micros = stage
    one = _text(_STAGE_NAME, name) + (_STAGE_MICROS + _length(micros) if micros else b"")
    return _STAGES + _length(len(one)) + one


def _text(tag: bytes, value: str) -> bytes:
    """A string field."""
    data = value.encode()
    return tag + _length(len(data)) + data
