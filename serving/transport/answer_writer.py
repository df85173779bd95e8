"""Answers of Recommend, RecommendPage and Rerank to JSON, as answer_encoder.py makes them to bytes.

What stands in the text is what protobuf's JSON mapping gives for the message (a property test compares), except that
the fields of a result stand in another order.
"""

from __future__ import annotations

import json
import time
from typing import Final

import numpy as np

from serving.core.catalogue import Item
from serving.decisions.recommend.contract import PLACEMENTS, Answer, PageAnswer
from serving.kernels.answers import Columns, Kept, write_json
from serving.transport.answer_encoder import ARMS_MAX, INDEX, Sign
from serving.transport.json_writer import to_json
from serving.transport.page_tokens import page_token
from serving.transport.result_parts import Bytes, ResultParts, Serials
from serving.transport.trace_codec import encode_trace
from storegate.v1 import recommendation_pb2 as pb

_quoted: Final = json.encoder.encode_basestring_ascii
_POWERS: Final = np.array([float(f"1e{exponent}") for exponent in range(60)])


class JsonParts:
    """The Spelling of JSON."""

    def write(self, columns: Columns, serials: Serials, kept: Kept, out: Bytes) -> int:
        size: int = write_json(columns, serials, kept, _POWERS, out)
        return size

    def source(self, name: str) -> bytes:
        return f',"source":{_quoted(name)}'.encode()

    def code(self, name: str) -> bytes:
        return f',"reasons":[{{"code":{_quoted(name)}'.encode()

    def words(self, text: str) -> bytes:
        return _quoted(text)[1:-1].encode()

    def item(self, item: Item) -> bytes:
        title = f',"title":{_quoted(item.title)}' if item.title else ""
        return f'{{"itemId":{_quoted(item.item_id)}{title}'.encode()

    def currency(self, item: Item) -> bytes:
        return f'"currencyCode":{_quoted(item.currency)}'.encode() if item.currency else b""

    def related(self, item: Item) -> bytes:
        return f',"relatedItemId":{_quoted(item.item_id)}'.encode()


class AnswerWriter:
    """JSON of RecommendResponse, which RerankResponse equals field by field. Works from any thread."""

    def __init__(self, sign: Sign | None = None) -> None:
        """sign: as in AnswerEncoder."""
        self._sign = sign
        self._arms: dict[str, AnswerWriter] = {}
        self._parts = ResultParts(JsonParts())
        # As in AnswerEncoder: the same objects for many answers.
        self._versions: tuple[dict[str, str], list[str]] = ({}, [])
        self._stages: tuple[tuple[tuple[str, int], ...], str] = ((), "")

    def write(self, answer: Answer) -> bytes:
        """The response as JSON."""
        fields = self._fields(answer)
        if not len(answer.rows):
            return f"{{{','.join(fields)}}}".encode()
        parts = self._of_arm(answer.arm)._parts if answer.arm else self._parts
        return b'{"results":[' + parts.results(answer) + f"],{','.join(fields)}}}".encode()

    def _of_arm(self, arm: str) -> AnswerWriter:
        """A writer for one release's answers alone, as in AnswerEncoder."""
        found = self._arms.get(arm)
        if found is None:
            if len(self._arms) >= ARMS_MAX:
                self._arms.clear()
            found = self._arms[arm] = AnswerWriter(self._sign)
        return found

    def write_page(self, page: PageAnswer) -> bytes:
        """The RecommendPageResponse as JSON."""
        sections = [
            f'{{"placement":{_quoted(answer.placement)},"response":'.encode() + self.write(answer) + b"}"
            for answer in page.answers
        ]
        parts = [b'"sections":[' + b",".join(sections) + b"]"] if sections else []
        if page.request_id:
            parts.append(f'"requestId":{_quoted(page.request_id)}'.encode())
        return b"{" + b",".join(parts) + b"}"

    def _fields(self, answer: Answer) -> list[str]:
        """All but the results."""
        fields = ['"servingInfo":{' + ",".join(self._info(answer)) + "}"]
        if answer.request_id:
            fields.append(f'"requestId":{_quoted(answer.request_id)}')
        if answer.decision_id:
            fields.append(f'"decisionId":{_quoted(answer.decision_id)}')
            if self._sign is not None:
                token = self._sign(answer.decision_id, answer.made_s, PLACEMENTS.index(answer.placement))
                fields.append(f'"attributionToken":{_quoted(token)}')
        if answer.next_offset:
            fields.append(f'"nextPageToken":{_quoted(page_token(answer.next_offset))}')
        if answer.missing or answer.trace is not None:
            rare = pb.RecommendResponse(missing_item_ids=answer.missing)
            if answer.trace is not None:
                encode_trace(answer.trace, rare.trace)
            if text := _inside(rare):
                fields.append(text)
        return fields

    def _info(self, answer: Answer) -> list[str]:
        """Fields of ServingInfo."""
        versions, stages = self._versions, self._stages
        if versions[0] is not answer.versions:
            versions = self._versions = (answer.versions, _versions(answer.versions))
        if stages[0] is not answer.stages:
            stages = self._stages = (answer.stages, _stages(answer.stages))
        fields = versions[1].copy()
        if stages[1]:
            fields.append(stages[1])
        if answer.batch_size:
            fields.append(f'"batchSize":{answer.batch_size}')
        if answer.catalogue.version:
            fields.append(f'"catalogueVersion":"{answer.catalogue.version}"')
        if answer.applied_through_s:
            when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(answer.applied_through_s))
            fields.append(f'"eventsAppliedThrough":"{when}"')
        if answer.arm:
            fields.append(f'"experimentArm":{_quoted(answer.arm)}')
        if answer.degraded:
            fell_back = [pb.Degraded(stage=stage, cause=cause) for stage, cause in answer.degraded]
            fields.append(_inside(pb.ServingInfo(degraded=fell_back)))
        return fields


def _inside(message: object) -> str:
    """The fields of a message, without the braces."""
    return to_json(message)[1:-1].decode()


def _versions(versions: dict[str, str]) -> list[str]:
    fields = []
    models = {name: version for name, version in versions.items() if name != INDEX}
    if models:
        fields.append('"modelVersions":{' + ",".join(f"{_quoted(n)}:{_quoted(v)}" for n, v in models.items()) + "}")
    if versions.get(INDEX):
        fields.append(f'"indexVersion":{_quoted(versions[INDEX])}')
    return fields


def _stages(stages: tuple[tuple[str, int], ...]) -> str:
    if not stages:
        return ""
    return '"stages":[' + ",".join(_inside_stage(name, micros) for name, micros in stages) + "]"


def _inside_stage(name: str, micros: int) -> str:
    fields = [f'"name":{_quoted(name)}'] if name else []
    if micros:
        fields.append(f'"micros":{micros}')
    return "{" + ",".join(fields) + "}"
