"""The OpenAPI 3.1 description [1], built from the descriptors and the comments of the .proto files.

[1] https://spec.openapis.org/oas/v3.1.0
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor as Field

from serving.transport.contract import Method, comments, methods
from serving.transport.http_request import TIMEOUT_HEADER, TIMEOUT_MS_MAX
from serving.transport.priority import PRIORITY_KEY

TIMESTAMP: Final = "google.protobuf.Timestamp"
DURATION: Final = "google.protobuf.Duration"
_NUMBERS: Final[dict[int, dict[str, Any]]] = {
    Field.CPPTYPE_INT32: {"type": "integer", "format": "int32"},
    Field.CPPTYPE_UINT32: {"type": "integer", "format": "uint32"},
    Field.CPPTYPE_INT64: {"type": "string", "format": "int64"},
    Field.CPPTYPE_UINT64: {"type": "string", "format": "uint64"},
    Field.CPPTYPE_FLOAT: {"type": "number", "format": "float"},
    Field.CPPTYPE_DOUBLE: {"type": "number", "format": "double"},
    Field.CPPTYPE_BOOL: {"type": "boolean"},
    Field.CPPTYPE_STRING: {"type": "string"},
}
_AISLES: Final = {
    "aisles": {
        "aisles": [
            {"aisleId": "A", "xMetres": 0},
            {"aisleId": "B", "xMetres": 5},
            {"aisleId": "C", "xMetres": 10},
        ],
        "crossAisleYMetres": [0, 11],
        "depotXMetres": 0,
    }
}
_SLOTS: Final = [
    {"slotId": "A-03", "aisleId": "A", "yMetres": 3},
    {"slotId": "B-05", "aisleId": "B", "yMetres": 5},
    {"slotId": "C-08", "aisleId": "C", "yMetres": 8},
]
_ORDERS: Final = [
    {"orderId": "1001", "lines": [{"itemId": "22423", "quantity": "2"}, {"itemId": "47566"}]},
    {"orderId": "1002", "lines": [{"itemId": "85123A"}]},
    {"orderId": "1003", "lines": [{"itemId": "22423"}, {"itemId": "85123A", "quantity": "6"}]},
]
EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "Recommend": {"userId": "17850", "pageSize": 5},
    "RecommendPage": {
        "userId": "17850",
        "placements": [
            {"placement": "buy-it-again", "pageSize": 5},
            {"placement": "others-you-may-like", "itemIds": ["22423"], "filter": "price < 5000", "pageSize": 5},
        ],
    },
    "GetDecision": {"decision_id": "0123456789abcdef0000000000000001"},
    "ReplayDecision": {"decision_id": "0123456789abcdef0000000000000001"},
    "Rerank": {"userId": "17850", "itemIds": ["22423", "85123A", "47566"]},
    "WriteUserEvent": {
        "event": {
            "eventId": "order-1001",
            "eventType": "purchase-complete",
            "userId": "17850",
            "items": [{"itemId": "22423", "quantity": 2}],
        }
    },
    "ExportUser": {"userId": "17850"},
    "EraseUser": {"userId": "nobody", "requestId": "ticket-1001"},
    "UpsertItems": {
        "items": [
            {
                "itemId": "new-mug",
                "title": "Red enamel mug",
                "categoryPath": ["home", "kitchen", "mugs"],
                "price": {"amountMinor": "1250", "currencyCode": "GBP"},
                "stock": [{"location": "main", "onHand": 40}],
            }
        ],
        "validateOnly": True,
    },
    "DeleteItems": {"itemIds": ["new-mug"]},
    "ImportUserEvents": {"uri": "clicks/2026-11-*.csv", "validateOnly": True},
    "ImportItems": {"inlineJsonLines": '{"itemId": "new-mug", "title": "Red enamel mug"}', "validateOnly": True},
    "SetStock": {"updates": [{"itemId": "22423", "location": "main", "onHand": 12}]},
    "SetPrices": {"updates": [{"itemId": "22423", "price": {"amountMinor": "1095", "currencyCode": "GBP"}}]},
    "GetItem": {"item_id": "22423"},
    "ForecastDemand": {"itemIds": ["22423", "85123A"], "horizonDays": 14, "quantiles": [0.1, 0.5, 0.9]},
    "PlanReplenishment": {
        "items": [
            {"itemId": "22423", "leadTimeDays": 7, "pack": "6", "fillRate": 0.97},
            {
                "itemId": "85123A",
                "onHand": "40",
                "leadTimeDays": 14,
                "leadTimeSdDays": 3,
                "unitCost": {"amountMinor": "140", "currencyCode": "GBP"},
                "orderCost": {"amountMinor": "900", "currencyCode": "GBP"},
                "shortageCost": {"amountMinor": "155", "currencyCode": "GBP"},
                "dailyDemand": {"mean": 6.5, "sd": 5.1},
            },
        ]
    },
    "AllocateStock": {
        "items": [
            {
                "itemId": "22423",
                "sources": [{"locationId": "main", "quantity": "60"}],
                "destinations": [
                    {"locationId": "leeds", "onHand": "4", "dailyDemand": {"mean": 1.5, "sd": 2}},
                    {"locationId": "york", "onHand": "0", "minQuantity": "6", "dailyDemand": {"mean": 0.8, "sd": 1.2}},
                ],
            }
        ],
        "horizonDays": 14,
    },
    "BatchOrders": {
        "layout": _AISLES,
        "slots": _SLOTS,
        "items": [
            {"itemId": "22423", "slotId": "A-03", "volumeLitres": 2.5},
            {"itemId": "85123A", "slotId": "B-05", "volumeLitres": 0.4},
            {"itemId": "47566", "slotId": "C-08", "volumeLitres": 0.6},
        ],
        "orders": _ORDERS,
        "limits": {"maxOrders": 2, "maxVolumeLitres": 60},
        "searchSeconds": 0.2,
    },
    "PlanSlotting": {
        "layout": _AISLES,
        "slots": _SLOTS,
        "items": [{"itemId": "22423", "slotId": "C-08"}, {"itemId": "85123A", "slotId": "B-05"}, {"itemId": "47566"}],
        "orders": _ORDERS,
        "searchSeconds": 0.2,
    },
    "PlanRoutes": {
        "depots": [{"depotId": "hub", "point": {"latitude": 51.5072, "longitude": -0.1276}}],
        "vehicles": [
            {"vehicleId": "van-1", "capacities": ["40"], "shift": {"startS": 28800, "endS": 61200}},
            {"vehicleId": "van-2", "capacities": ["40"], "shift": {"startS": 28800, "endS": 61200}},
        ],
        "stops": [
            {
                "stopId": "camden",
                "point": {"latitude": 51.539, "longitude": -0.1426},
                "deliveries": ["25"],
                "windows": [{"startS": 32400, "endS": 39600}],
                "serviceS": 300,
            },
            {"stopId": "hackney", "point": {"latitude": 51.545, "longitude": -0.0553}, "deliveries": ["20"]},
        ],
        "profiles": [{"greatCircle": {"speedsKmh": [24], "detourFactor": 1.3}}],
        "timeLimitS": 0.2,
    },
    "ReplanRoutes": {
        "problem": {
            "depots": [{"depotId": "hub", "point": {"latitude": 51.5072, "longitude": -0.1276}}],
            "vehicles": [{"vehicleId": "van-1"}],
            "stops": [{"stopId": "camden", "point": {"latitude": 51.539, "longitude": -0.1426}}],
        },
        "plan": {
            "routes": [
                {
                    "vehicleId": "van-1",
                    "leavesS": 30000,
                    "visits": [{"stopId": "camden", "arrivalS": 30331, "beginS": 30331, "departureS": 30331}],
                    "endsS": 30662,
                }
            ]
        },
        "nowS": 28800,
        "changes": [
            {"newStop": {"stopId": "hackney", "point": {"latitude": 51.545, "longitude": -0.0553}, "serviceS": 240}}
        ],
    },
    "ListModels": {},
    "GetModel": {"name": "20261123T011500-0badcafe"},
    "PromoteModel": {"name": "20261123T011500-0badcafe", "validateOnly": True},
    "RollbackModel": {"expectedLive": "20261123T011500-0badcafe"},
    "SetShadow": {"name": "20261123T011500-0badcafe", "share": 0.05},
    "SetTrafficSplit": {"split": {"arms": [{"name": "20261123T011500-0badcafe", "share": 0.1}], "seed": "7"}},
    "BatchRecommend": {"requests": [{"userId": "17850", "pageSize": 5}, {"userId": "13047", "pageSize": 5}]},
    "BatchScore": {"model": "ranker.purchase", "inputUri": "rows.parquet", "outputUri": "scores"},
    "BatchForecast": {"requests": [{"itemIds": ["22423"]}, {"itemIds": ["85123A"], "horizonDays": 56}]},
    "QuotePrices": {"itemIds": ["22423", "85123A"]},
    "SimulatePrices": {"itemIds": ["22423"], "pricesMinor": ["995", "1095", "1195"]},
    "BatchQuotePrices": {"allItems": True, "pageSize": 100},
    "GetOperation": {"name": "20261126T221500-0badcafe"},
    "ListOperations": {},
    "CancelOperation": {"name": "20261126T221500-0badcafe"},
    "ResumeOperation": {"name": "20261126T221500-0badcafe"},
    "Ping": {},
}
"""What the page's "try it" starts with; a test checks that each is a request of its method."""


@cache
def openapi() -> dict[str, Any]:
    """The document."""
    schemas: dict[str, Any] = {"Problem": _PROBLEM}
    paths: dict[str, Any] = {}
    for method in methods():
        paths.setdefault(method.path, {})[method.verb.lower()] = _operation(method, schemas)
    tags = {method.service: comments().get(method.service, "") for method in methods()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "storegate",
            "version": "v1",
            "description": "The decision gateway for online shops. JSON follows protobuf's JSON mapping.",
        },
        "tags": [{"name": _short(name), "description": text} for name, text in tags.items()],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"bearer": []}],
    }


def _operation(method: Method, schemas: dict[str, Any]) -> dict[str, Any]:
    summary = comments().get(method.full_name[1:].replace("/", "."), "")
    _add_schema(method.response.DESCRIPTOR, schemas)
    operation: dict[str, Any] = {
        "operationId": method.name,
        "tags": [_short(method.service)],
        "summary": summary,
        "x-grpc-method": method.full_name,
        "parameters": [_TIMEOUT, _PRIORITY],
        "responses": {
            "200": _answer(method),
            "default": {
                "description": "What went wrong (RFC 9457).",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        },
    }
    example = dict(EXAMPLES[method.name])
    in_path = [field for field in method.request.DESCRIPTOR.fields if f"{{{field.name}}}" in method.path]
    operation["parameters"] = [
        {
            "name": field.name,
            "in": "path",
            "required": True,
            "schema": _one(field, schemas),
            "example": example.pop(field.name),
        }
        for field in in_path
    ] + operation["parameters"]
    if method.body:
        _add_schema(method.request.DESCRIPTOR, schemas)
        content = _json(method.request.DESCRIPTOR)
        content["application/json"]["example"] = example
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _answer(method: Method) -> dict[str, Any]:
    content = _json(method.response.DESCRIPTOR)
    if not method.streams:
        return {"description": "The answer.", "content": content}
    return {
        "description": "Answers, one a line, until the last.",
        "content": {"application/x-ndjson": content["application/json"]},
    }


def _json(descriptor: Any) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{descriptor.name}"}}}


def _short(full_name: str) -> str:
    return full_name.rpartition(".")[2]


def _add_schema(descriptor: Any, schemas: dict[str, Any]) -> None:
    """The schema of the message and of every message within it."""
    if descriptor.name in schemas:
        return
    schema: dict[str, Any] = {"type": "object", "properties": {}}
    if text := comments().get(descriptor.full_name):
        schema["description"] = text
    schemas[descriptor.name] = schema
    for field in descriptor.fields:
        schema["properties"][field.json_name] = _field(field, schemas)


def _field(field: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        values = _one(field.message_type.fields_by_name["value"], schemas)
        described: dict[str, Any] = {"type": "object", "additionalProperties": values}
    elif field.is_repeated:
        described = {"type": "array", "items": _one(field, schemas)}
    else:
        described = dict(_one(field, schemas))
    if text := comments().get(field.full_name):
        described["description"] = text
    return described


def _one(field: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """The schema of one value."""
    if field.message_type is not None:
        if field.message_type.full_name == TIMESTAMP:
            return {"type": "string", "format": "date-time"}
        if field.message_type.full_name == DURATION:
            return {"type": "string", "format": "duration"}
        _add_schema(field.message_type, schemas)
        return {"$ref": f"#/components/schemas/{field.message_type.name}"}
    if field.enum_type is not None:
        return {"type": "string", "enum": [value.name for value in field.enum_type.values]}
    return _NUMBERS[field.cpp_type]


_TIMEOUT: Final = {
    "name": TIMEOUT_HEADER,
    "in": "header",
    "schema": {"type": "integer", "minimum": 0, "maximum": TIMEOUT_MS_MAX},
    "description": "Milliseconds until the answer is of no use any more.",
}
_PRIORITY: Final = {
    "name": PRIORITY_KEY,
    "in": "header",
    "schema": {"type": "string", "enum": ["interactive", "bulk"]},
    "description": "Whether somebody waits for the answer; without it the size of the request decides.",
}
_PROBLEM: Final = {
    "type": "object",
    "description": "An error; its facts stand as further members, for example `field`.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What to try."},
        "reason": {"type": "string", "description": "A stable word that programs may compare."},
    },
}
