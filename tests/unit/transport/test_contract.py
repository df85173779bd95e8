"""The contract: generated code is current, every method is bound, described and served."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import json_format

from serving.core.clock import SystemClock
from serving.transport import docs
from serving.transport.codecs import codecs
from serving.transport.contract import comments, methods, services, streams
from serving.transport.event_stream import STREAM_USER_EVENTS
from serving.transport.openapi import EXAMPLES, openapi

PROTOS = Path(__file__).resolve().parents[3] / "protos"


def test_generated_code_is_what_the_protos_give(tmp_path: Path) -> None:
    """`python protos/generate.py` changes nothing."""
    subprocess.run([sys.executable, str(PROTOS / "generate.py"), str(tmp_path)], check=True, timeout=60)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert len(made) == 28
    for path, content in made.items():
        assert (PROTOS / path).read_bytes() == content, f"{path} is stale: run python protos/generate.py"


def test_every_method_has_a_codec_and_a_path_of_its_own() -> None:
    assert {method.full_name for method in methods()} == set(codecs(SystemClock()))
    assert len({(method.verb, method.path) for method in methods()}) == len(methods())
    assert len({method.name for method in methods()}) == len(methods()), "method names are unique over all services"
    assert {method.service for method in methods()} == set(services())
    assert streams() == (STREAM_USER_EVENTS,)


def test_comments_of_the_protos_are_found() -> None:
    """For every service, and for elements of all kinds."""
    told = comments()
    for service in services():
        assert told[service]
    assert told["storegate.v1.RecommendRequest.page_size"] == "0 = 10; at most 100."
    assert told["storegate.v1.Personalization.PERSONALIZATION_DENIED"].startswith("No profile")
    assert told["storegate.v1.UserEventService.WriteUserEvent"] == "Idempotent by event_id: safe to retry."


def test_openapi_describes_every_method() -> None:
    """Each reference leads somewhere; int64 is a string, as JSON has it; a comment stands with its field."""
    document = openapi()
    operations = {
        operation["x-grpc-method"]: (verb, path)
        for path, verbs in document["paths"].items()
        for verb, operation in verbs.items()
    }
    assert operations == {method.full_name: (method.verb.lower(), method.path) for method in methods()}
    for name in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)):
        assert name in document["components"]["schemas"]
    schemas = document["components"]["schemas"]
    assert schemas["Money"]["properties"]["amountMinor"] == {"type": "string", "format": "int64"}
    assert schemas["RecommendRequest"]["properties"]["pageSize"]["description"] == "0 = 10; at most 100."
    assert schemas["ServingInfo"]["properties"]["modelVersions"]["additionalProperties"] == {"type": "string"}
    assert schemas["UserEvent"]["properties"]["eventTime"]["format"] == "date-time"


def test_fields_of_a_path_are_parameters_and_not_in_the_body() -> None:
    """With a body and without: the page's "try it" puts them into the address."""
    paths = openapi()["paths"]
    for path, verb in (("/v1/decisions/{decision_id}", "get"), ("/v1/decisions/{decision_id}:replay", "post")):
        operation = paths[path][verb]
        (parameter,) = [one for one in operation["parameters"] if one["in"] == "path"]
        assert (parameter["name"], parameter["required"]) == ("decision_id", True)
        assert re.fullmatch("[0-9a-f]{32}", parameter["example"])
    replay = paths["/v1/decisions/{decision_id}:replay"]["post"]
    assert replay["requestBody"]["content"]["application/json"]["example"] == {}
    assert EXAMPLES["ReplayDecision"], "the examples themselves stay whole"
    page = paths["/v1/recommend:page"]["post"]["requestBody"]["content"]["application/json"]
    assert page["schema"] == {"$ref": "#/components/schemas/RecommendPageRequest"}
    assert len(page["example"]["placements"]) > 1


@pytest.mark.parametrize("method", methods(), ids=lambda method: method.name)
def test_every_example_is_a_request_that_its_codec_takes(method: object) -> None:
    message = json_format.ParseDict(EXAMPLES[method.name], method.request())  # type: ignore[attr-defined]
    codecs(SystemClock())[method.full_name].decode(message.SerializeToString())  # type: ignore[attr-defined]


def test_the_page_loads_nothing_from_outside() -> None:
    """No address but its own; the description cannot end the script it stands in."""
    page = docs.page().decode()
    assert "__OPENAPI__" not in page
    assert not re.search(r"""(src|href|url|import)\s*[=(]\s*["']?(https?:)?//""", page)
    embedded = re.search(r'<script type="application/json" id="openapi">(.*?)</script>', page, re.DOTALL)
    assert embedded is not None
    assert json.loads(embedded[1]) == openapi()
