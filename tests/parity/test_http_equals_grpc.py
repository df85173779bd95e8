"""One contract, two faces: the same questions over gRPC and over HTTP get equal answers and equally mapped errors.

The engine is a small one with the real codecs; tests/e2e asks a whole gateway.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import grpc
import httpx
import numpy as np
import pytest
from demand_models import PoissonDemand
from forecasters import weekday_rates
from google.protobuf import descriptor_pb2, json_format
from google.rpc import error_details_pb2, status_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from planners import planner
from towns import LINE, changed

from serving.adapters.min_cost_flow import min_cost_flow
from serving.adapters.slot_moves import choose_moves
from serving.catalogue.contract import DeleteItems, GetItem, Imported, ImportItems, ItemFound, Written
from serving.core.batch import (
    BatchSpec,
    CancelOperation,
    Column,
    GetOperation,
    InlineForecast,
    InlineRecommend,
    InlineScore,
    ListOperations,
    Operation,
    Progress,
    Responses,
    ResumeOperation,
    Scored,
    State,
)
from serving.core.catalogue import Catalogue, Item
from serving.core.clock import NEVER, SystemClock
from serving.core.errors import (
    FilesUnavailable,
    InvalidInput,
    ModelRefused,
    NotFound,
    NotInstalled,
    Overloaded,
    StoregateError,
    StoreUnavailable,
    UnknownMethod,
)
from serving.core.rollout import (
    Deal,
    GetRelease,
    Listed,
    ListReleases,
    Promote,
    RollBack,
    Rollout,
    Shade,
    Shadowing,
    Split,
    listed,
)
from serving.core.row_files import LineError
from serving.core.turn import Turn
from serving.decisions.forecast.contract import Query as ForecastQuery
from serving.decisions.forecast.pipeline import ForecastPipeline
from serving.decisions.place.calls import PlacementCalls
from serving.decisions.place.contract import BatchQuery, SlottingQuery
from serving.decisions.place.service import PlacementService
from serving.decisions.price import quoting
from serving.decisions.price.contract import AllQuery, QuoteQuery, SimulateQuery
from serving.decisions.price.rules import Params as PriceParams
from serving.decisions.price.table import Pricing
from serving.decisions.recommend.contract import (
    EXPLAIN_NONE,
    EXPLAIN_TRACE,
    Answer,
    PageAnswer,
    PageQuery,
    Query,
    Trace,
    TraceItem,
    TraceStage,
)
from serving.decisions.recommend.record import Decision, Difference, Logged, Replayed, Result
from serving.decisions.replenish.contract import AllocateQuery, PlanQuery
from serving.decisions.replenish.params import Params as ReplenishParams
from serving.decisions.replenish.service import InventoryService
from serving.decisions.route.contract import PlanQuery as RoutesQuery
from serving.decisions.route.contract import ReplanQuery
from serving.engine.calls import Call
from serving.events.contract import EventWritten, Outcome, WriteEvent
from serving.events.erasure import Erased, EraseUser, Erasure
from serving.events.erasure import State as ErasureState
from serving.events.export import ExportedEvent, ExportUser, Page, Place, ProfileRecord, Stage
from serving.events.import_contract import EventsImported, ImportEvents, RefusedRow
from serving.events.log import LoggedEvent
from serving.events.types import UserEvent
from serving.transport import codecs as wire
from serving.transport.aio_front import AioFront
from serving.transport.contract import Method, methods, services, streams
from serving.transport.front_params import FrontParams
from serving.transport.http_face import http_app
from serving.transport.http_server import HttpServer
from serving.transport.native_front import NativeFront
from serving.transport.page_tokens import page_token
from serving.transport.status import SPELLINGS
from serving.transport.user_codec import export_token

METHODS = {method.name: method for method in methods()}
CATALOGUE = Catalogue.build(
    [
        Item("22423", "Regency cakestand", price=1275, currency="GBP", stock={"main": (4, 0)}, category_path=("cake",)),
        Item("85123A", "White heart", price=295, currency="GBP"),
        Item("47566", brand="Acme"),
    ],
    version=7,
)


PRICES = Pricing(PriceParams()).table(CATALOGUE, None, 1_700_000_000.0)


DECIDED = "0123456789abcdef" * 2
LOGGED = Logged(
    Decision(
        DECIDED, 1_700_000_000.5, Query(user_id="17850", personal=True, decision_id=DECIDED), b"x" * 24, {}, "r1",
        {"ranker": "7"}, 7, (Result("22423", 0.5, 3, 6, "", 0.25, 1275, "GBP", 0.9),), (("scorer", "onnx"),),
    ),
    (Outcome(DECIDED, "22423", "purchase-complete", 1_700_000_060),),
)  # fmt: skip


PROOF = Erasure(
    "e" * 32, "5" * 32, 1_700_000_000_123, ErasureState.COMPLETE, 1_700_000_005_000, 3, 1, 7, 2, 4, ("a: b",)
)
EXPORTED = [
    ProfileRecord("add-to-cart", "22423", 1_700_000_000, 2),
    ExportedEvent(
        LoggedEvent(UserEvent("e", "search", "u", "v", 1_700_000_000, (("22423", 2),), "mug"), DECIDED, 3),
        1_700_000_000_123,
    ),
    LOGGED,
    PROOF,
]


@dataclass(frozen=True)
class Asked:
    """A decision that was asked for: both methods decode to its bare id."""

    method: str
    decision_id: str


ROLLOUT = Rollout(
    (Listed("r1", "LIVE", {"ranker": "7"}, 0.75), Listed("r2", "CANDIDATE", {"ranker": "8"}, 0.25, 0.05)),
    Split((("r2", 0.25),), 7),
    Shadowing("r2", 0.05),
    "r1",
    ("release r3: ranker: purchase.onnx: the checksum does not match",),
)


OPERATION = Operation(
    "20261126T221500-0badcafe", BatchSpec("recommend", "in.parquet", "s3://bucket/out"), State.FAILED,
    Progress(40, 150, 1, 4, 0.5), 1_700_000_000, 1_700_000_009, {"versions": {"ranker": "7"}}, "BAD_DATA", "cut short",
)  # fmt: skip


INVENTORY = InventoryService(PoissonDemand, lambda: CATALOGUE, min_cost_flow, ReplenishParams())
PLACEMENT = PlacementService(choose_moves)
WALKS = PlacementCalls(PLACEMENT, SystemClock(), 10.0)
TURN = Turn(0.0, 0.0, 1.0)
FORECASTS = ForecastPipeline(weekday_rates(locations=("main",)), lambda: CATALOGUE)


def answer(query: Query) -> Answer:
    """Up to three items; a trace when one is asked for."""
    k = min(query.page_size, 3)
    trace = Trace(
        (TraceStage("rules", 3, {"out of stock or deleted": 1}),),
        (TraceItem("22423", True, 1, 1.1, ("trending",), "", {"buys": 0.5}),),
    )
    return Answer(
        catalogue=CATALOGUE,
        rows=np.arange(k, dtype=np.int32),
        scores=np.linspace(1.1, -0.3, k, dtype=np.float32),
        sources=np.arange(k, dtype=np.uint8),
        reasons=np.zeros(k, np.uint8) if query.explain == EXPLAIN_NONE else np.arange(k, dtype=np.uint8),
        related=np.zeros(k, np.int32),
        weights=np.full(k, 0.1, np.float32),
        prices=CATALOGUE.price[:k],
        propensities=np.full(k, 0.7, np.float32),
        missing=tuple(item for item in query.item_ids if item not in CATALOGUE.row_of),
        degraded=(("profile", "redis: timeout"),),
        stages=(("candidates", 41), ("score", 9)),
        versions={"ranker": "20260101-1", "index": "20260101-2"},
        applied_through_s=1_700_000_000,
        request_id=query.request_id,
        decision_id="" if query.validate_only else DECIDED,
        made_s=1_700_000_000,
        placement=query.placement,
        next_offset=query.offset + query.page_size if query.given is None else 0,
        trace=trace if query.explain == EXPLAIN_TRACE else None,
        arm="r2" if query.user_id else "",
    )


def signed(decision_id: str, made_s: int, placement: int) -> str:
    """A token that shows what was signed."""
    return f"{decision_id}.{made_s}.{placement}"


def computed(query: Any) -> Any:
    """An answer, or an error, that depends on nothing but the query."""
    match query:
        case Query(user_id="flood"):
            return Overloaded("the queue is full", 0.25)
        case Query():
            return answer(query)
        case PageQuery(queries=queries, request_id=request_id):
            return PageAnswer(tuple(answer(each) for each in queries), request_id)
        case Asked(decision_id=decision_id) if decision_id != DECIDED:
            return NotFound("decision", decision_id)
        case Asked(method=wire.GET_DECISION):
            return LOGGED
        case Asked():
            return Replayed(LOGGED, (Difference("results[0].score", "0.5", "0.25"),))
        case WriteEvent(event=event) if event.event_id == "down":
            return StoreUnavailable("redis: connection refused")
        case WriteEvent():
            return EventWritten(True, ("x",))
        case ImportEvents(uri="away.csv"):
            return FilesUnavailable("s3://bucket/away.csv", "no connection")
        case ImportEvents(uri="gs://bucket/a.csv"):
            return NotInstalled("gs:// URIs", "a pyarrow with Google Cloud Storage", "pip install pyarrow")
        case ImportEvents(uri="b.csv"):
            return InvalidInput("uri", "b.csv: no column itemId", "the schema of a.csv", reason="SCHEMA_CHANGED")
        case ImportEvents(skip_rows=skipped):
            refused = RefusedRow("a.csv", 2, 3, "e2", "event.items", "MISSING_ITEM", "event.items: ...")
            return EventsImported(2**40, 3, 2, 1, [refused], {"x"}, 2, 1, "b.csv", skipped + 7)
        case EraseUser(request_id="other"):
            return InvalidInput("request_id", "other", "one that has not been used for somebody else")
        case EraseUser(user_id=user_id, request_id=request_id):
            return Erased(
                request_id, PROOF if user_id == "u" else replace(PROOF, state=ErasureState.RUNNING, completed_ms=0)
            )
        case ExportUser(place=None, page_size=size):
            return Page(EXPORTED[:size], Place(Stage.ARCHIVE, 5, 7, "2026-11-26", 3), query.profile_key)
        case ExportUser():
            return Page([], None, query.profile_key)
        case GetItem(item_id=item_id):
            item = CATALOGUE.item(item_id)
            return NotFound("item", item_id) if item is None else ItemFound(item, True)
        case RoutesQuery():
            return planner().run_plan([query], Turn(0.0, 0.0, NEVER))[0]
        case ReplanQuery():
            return planner().run_replan([query], Turn(0.0, 0.0, NEVER))[0]
        case PlanQuery():
            return INVENTORY.run_plan([query], TURN)[0]
        case AllocateQuery():
            return INVENTORY.run_allocate([query], TURN)[0]
        case BatchQuery() | SlottingQuery():
            run: Any = WALKS.run_batch if isinstance(query, BatchQuery) else WALKS.run_slotting
            (done,) = run([query], Turn(SystemClock().monotonic(), 0.0, NEVER))
            return done if isinstance(done, StoregateError) else replace(done, answer=replace(done.answer, seconds=0.5))
        case ForecastQuery():
            return FORECASTS.run([query], Turn(0.0, 0.0, NEVER))[0]
        case ImportItems():
            return Imported(1, 1, (LineError(2, "price", "negative"),), 8)
        case DeleteItems(item_ids=ids):
            return Written(len(ids), (), 8)
        case GetRelease(name=name):
            return listed(ROLLOUT, name) or NotFound("model", name)
        case Promote(name="bad"):
            return ModelRefused("ranker: purchase.onnx", "golden-rows", "3 of 64 golden rows come out otherwise")
        case ListReleases() | Promote() | RollBack():
            return ROLLOUT
        case Shade(shadow=shadow):
            return replace(ROLLOUT, shadow=shadow)
        case Deal(split=split):
            return replace(ROLLOUT, split=split)
        case InlineRecommend(requests=requests):
            codec = wire.codecs(SystemClock(), signed)[wire.RECOMMEND]
            return Responses(tuple(codec.encode(answer(codec.decode(one))) for one in requests))
        case InlineForecast(requests=requests):
            codec = wire.codecs(SystemClock())[wire.FORECAST_DEMAND]
            return Responses(tuple(codec.encode(computed(codec.decode(one))) for one in requests))
        case InlineScore(model="absent"):
            return NotFound("model", "absent")
        case InlineScore(model=model, columns=columns):
            return Scored(model, "3", (*columns, Column("texts", 2, texts=("a", "ä"))))
        case QuoteQuery():
            return quoting.quote(PRICES, query)
        case AllQuery():
            return quoting.page(PRICES, query)
        case SimulateQuery():
            return quoting.simulate(PRICES, query)
        case BatchSpec(output_uri="there"):
            return InvalidInput("output_uri", "there", "a folder that is empty", reason="OUTPUT_EXISTS")
        case BatchSpec():
            return replace(OPERATION, spec=query, state=State.PENDING)
        case GetOperation(name=name) | CancelOperation(name=name) | ResumeOperation(name=name):
            return replace(OPERATION, cancelling=True) if name == OPERATION.name else NotFound("operation", name)
        case ListOperations():
            return [OPERATION, replace(OPERATION, state=State.RUNNING)]
        case None:
            return None
        case _:
            return Written(len(getattr(query, "updates", ()) or query.items), ("x",), 8)


class Engine:
    """An Intake that computes every call at once, with the real codecs."""

    def __init__(self) -> None:
        self.codecs = wire.codecs(SystemClock(), signed)

    def submit(self, calls: Sequence[Call], returning: bool = False) -> bool:
        for call in calls:
            codec = self.codecs.get(call.method)
            try:
                if codec is None:
                    raise UnknownMethod(f"there is no method {call.method}")
                query = codec.decode(call.payload)
                found = computed(Asked(call.method, query) if isinstance(query, str) else query)
                if isinstance(found, StoregateError):
                    raise found
                encode = codec.encode_json if call.json else codec.encode
                call.responder.respond(call.call_id, encode(found))
            except StoregateError as error:
                call.responder.fail(call.call_id, error)
        return False

    def cancel(self, responder: object, call_id: int) -> None:
        """Nothing waits here."""


@dataclass
class Faces:
    channel: grpc.Channel
    http: httpx.Client


@pytest.fixture(scope="module", params=[NativeFront, AioFront])
def faces(request: pytest.FixtureRequest) -> Iterator[Faces]:
    engine = Engine()
    INVENTORY.warm()
    PLACEMENT.warm()
    planner()
    front = request.param(FrontParams(), [method.full_name for method in methods()], services())
    server = HttpServer(http_app(engine))
    front.start(engine)
    server.start()
    with (
        grpc.insecure_channel(f"127.0.0.1:{front.port}") as channel,
        httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=10.0) as http,
    ):
        yield Faces(channel, http)
    front.close(0.0)
    server.close(0.0)


def over_http(faces: Faces, method: Method, body: dict[str, Any]) -> httpx.Response:
    rest = {name: value for name, value in body.items() if f"{{{name}}}" not in method.path}
    return faces.http.request(method.verb, method.path.format(**body), json=rest if method.body else None)


def over_grpc(faces: Faces, method: Method, body: dict[str, Any]) -> Any:
    """The answer message, the last one of several. Raises grpc.RpcError."""
    if method.streams:
        call = faces.channel.unary_stream(method.full_name, response_deserializer=method.response.FromString)
        *_, last = call(json_format.ParseDict(body, method.request()).SerializeToString(), timeout=10.0)
        return timeless(last)
    call = faces.channel.unary_unary(method.full_name, response_deserializer=method.response.FromString)
    return call(json_format.ParseDict(body, method.request()).SerializeToString(), timeout=10.0)


def read(method: Method, response: httpx.Response) -> Any:
    """The answer message, the last one of several."""
    if method.streams:
        lines = response.content.splitlines()
        return timeless(json_format.Parse(lines[-1], method.response()))
    return json_format.Parse(response.content, method.response())


def timeless(message: Any) -> Any:
    """Without the time that it took."""
    message.ClearField("elapsed_s")
    return message


GBP = {"amountMinor": "5", "currencyCode": "GBP"}
EUR = {"amountMinor": "5", "currencyCode": "EUR"}
AISLES = {
    "aisles": {
        "aisles": [{"aisleId": "A", "xMetres": 0}, {"aisleId": "ä", "xMetres": 5}],
        "crossAisleYMetres": [0, 11],
        "depotXMetres": 0,
        "endXMetres": 5,
    }
}
BETWEEN = [0, 4, 7, 4, 0, 5, 7, 5, 0]
DISTANCES = {"distances": {"points": 3, "metres": BETWEEN, "depot": 0, "end": 0}}
SHELVES: dict[str, Any] = {
    "layout": AISLES,
    "slots": [
        {"slotId": "A3", "aisleId": "A", "yMetres": 3, "zone": "chilled", "volumeLitres": 9},
        {"slotId": "ä8", "aisleId": "ä", "yMetres": 8, "weightKg": 40},
        {"slotId": "ä9", "aisleId": "ä", "yMetres": 9},
    ],
    "items": [
        {"itemId": "milk", "slotId": "A3", "volumeLitres": 1, "weightKg": 1.03, "zone": "chilled", "units": "9"},
        {"itemId": "22423", "slotId": "ä9", "weightKg": 0.5},
    ],
    "orders": [
        {"orderId": "1", "lines": [{"itemId": "milk", "quantity": "2"}, {"itemId": "22423"}]},
        {"orderId": "2", "lines": [{"itemId": "22423", "quantity": "3"}, {"itemId": "22423"}]},
    ],
    "searchSeconds": 1e-6,
}
"""Searched for no time at all, both methods' answers depend on nothing but the question."""
POINTS: dict[str, Any] = SHELVES | {
    "layout": DISTANCES,
    "slots": [{"slotId": name, "point": 2} for name in ("A3", "ä9")],
}
PLAN = {"itemId": "i2", "leadTimeDays": 7, "onHand": "3"}
EVENT = {"eventId": "e", "eventType": "add-to-cart", "userId": "u", "items": [{"itemId": "22423", "quantity": 2}]}
RUNNING = {
    "problem": LINE,
    "plan": {
        "routes": [
            {
                "vehicleId": "van",
                "visits": [
                    {"stopId": "a", "arrivalS": 10, "beginS": 10, "departureS": 70},
                    {"stopId": "b", "arrivalS": 80, "beginS": 80, "departureS": 140},
                ],
                "endsS": 160,
            }
        ],
        "dropped": [{"stopId": "c"}],
    },
    "nowS": 20,
    "changes": [{"cancelledStopId": "b"}],
    "requestId": "ä",
}
ANSWERED = [
    ("Recommend", {}),
    ("Recommend", {"userId": "17850", "pageSize": 2, "requestId": "ä", "explain": "EXPLAIN_NONE"}),
    ("Recommend", {"placement": "others-you-may-like", "itemIds": ["22423", "gone"], "diversity": 0.5}),
    ("Recommend", {"filter": 'price < 5000 AND NOT category:"gift"', "objective": "margin", "objectiveWeight": 0.5}),
    ("Recommend", {"explain": "EXPLAIN_TRACE", "traceItemIds": ["47566"], "pageToken": page_token(20)}),
    (
        "Recommend",
        {
            "constraints": {"minMargin": 0.25, "pins": [{"itemId": "22423", "position": 2}], "excludeBought": True},
            "deliverTo": {"location": "main", "needBy": "2027-01-01T00:00:00Z"},
        },
    ),
    (
        "RecommendPage",
        {
            "placements": [
                {"placement": "buy-it-again", "pageSize": 2},
                {"placement": "similar-items", "itemIds": ["22423", "gone"], "filter": "on_sale"},
            ],
            "filter": "brand:Acme",
            "explain": "EXPLAIN_TRACE",
            "requestId": "ä",
        },
    ),
    ("GetDecision", {"decision_id": DECIDED}),
    ("ReplayDecision", {"decision_id": DECIDED}),
    ("Rerank", {"itemIds": ["85123A", "22423"], "userId": "u", "personalization": "PERSONALIZATION_DENIED"}),
    ("WriteUserEvent", {"event": EVENT}),
    ("WriteUserEvent", {"event": EVENT | {"eventTime": "2024-05-01T12:00:00Z"}, "validateOnly": True}),
    ("ImportUserEvents", {"uri": "clicks/*.csv"}),
    (
        "ImportUserEvents",
        {"uri": "a", "startFile": "a/b.csv", "skipRows": "9007199254740991", "acknowledgement": "DURABLE"},
    ),
    ("EraseUser", {"userId": "u", "requestId": "ä"}),
    ("EraseUser", {"visitorId": "v"}),
    ("ExportUser", {"userId": "u"}),
    ("ExportUser", {"visitorId": "v", "pageSize": 2}),
    ("ExportUser", {"userId": "u", "pageToken": export_token(Place(Stage.WAITING, 5, 7, "", 2), "u:u")}),
    ("UpsertItems", {"items": [{"itemId": "new", "title": "New", "price": GBP}]}),
    ("DeleteItems", {"itemIds": ["22423"]}),
    ("ImportItems", {"inlineJsonLines": "{}"}),
    ("GetItem", {"item_id": "22423"}),
    ("SetStock", {"updates": [{"itemId": "22423", "location": "main", "onHand": 3}]}),
    ("SetPrices", {"updates": [{"itemId": "22423", "price": GBP}]}),
    ("ForecastDemand", {"itemIds": ["i3", "gone", "i1"], "requestId": "ä"}),
    ("PlanRoutes", LINE | {"timeLimitS": 0.05, "requestId": "ä"}),
    ("ReplanRoutes", RUNNING),
    ("PlanReplenishment", {"items": [PLAN, PLAN | {"itemId": "gone"}], "firstDay": "2011-12-12", "requestId": "ä"}),
    (
        "PlanReplenishment",
        {
            "items": [
                {
                    "itemId": "22423",
                    "leadTimeDays": 2.5,
                    "leadTimeSdDays": 1,
                    "reviewPeriodDays": 1,
                    "pack": "6",
                    "minQuantity": "12",
                    "maxQuantity": "48",
                    "unitCost": GBP,
                    "orderCost": GBP,
                    "shortageCost": GBP,
                    "holdingRate": 0.3,
                    "unmetDemand": "UNMET_DEMAND_WAITS",
                    "dailyDemand": {"mean": 3, "sd": 2},
                    "onOrder": {"arrivals": [{"quantity": "2", "days": 1}]},
                },
                {
                    "itemId": "85123A",
                    "leadTimeDays": 3,
                    "cycleServiceLevel": 0.9,
                    "policy": "REPLENISHMENT_POLICY_BASE_STOCK",
                    "demandQuantiles": [{"quantile": 0.5, "units": [1, 2]}, {"quantile": 0.9, "units": [2, 4.5]}],
                },
            ]
        },
    ),
    (
        "AllocateStock",
        {
            "items": [
                {
                    "itemId": "22423",
                    "sources": [{"locationId": "main"}, {"locationId": "hub", "quantity": "9"}],
                    "destinations": [
                        {"locationId": "leeds", "dailyDemand": {"mean": 0.1, "sd": 0.4}, "minQuantity": "1"},
                        {
                            "locationId": "york",
                            "onHand": "1",
                            "unitValue": GBP,
                            "priority": 3,
                            "maxQuantity": "5",
                            "transportCosts": [{"sourceId": "hub", "cost": GBP}],
                            "demandQuantiles": [{"quantile": 0.5, "units": [1]}],
                        },
                    ],
                }
            ],
            "horizonDays": 7,
            "capacities": [{"locationId": "leeds", "units": "3"}],
        },
    ),
    (
        "ForecastDemand",
        {
            "itemIds": ["i1"],
            "locationIds": ["main", "moon"],
            "horizonDays": 14,
            "quantiles": [0.25, 0.975],
            "period": "FORECAST_PERIOD_WEEK",
            "firstDay": "2011-12-12",
            "plans": [{"itemId": "i1", "price": GBP, "promotionDays": ["2011-12-24"]}],
        },
    ),
    ("BatchOrders", SHELVES | {"limits": {"maxOrders": 1, "maxVolumeLitres": 2.5}, "seed": "7", "requestId": "ä"}),
    ("BatchOrders", SHELVES),
    ("BatchOrders", POINTS),
    ("PlanSlotting", SHELVES | {"maxMoves": 1, "requestId": "ä"}),
    ("PlanSlotting", SHELVES | {"items": [{"itemId": "milk"}, {"itemId": "22423"}]}),
    ("ListModels", {}),
    ("GetModel", {"name": "r2"}),
    ("PromoteModel", {"name": "r2", "validateOnly": True}),
    ("RollbackModel", {"expectedLive": "r1"}),
    ("SetShadow", {"name": "r2"}),
    ("SetShadow", {}),
    ("SetTrafficSplit", {"split": {"arms": [{"name": "r2", "share": 0.25}], "seed": "9007199254740993"}}),
    ("BatchRecommend", {"requests": [{"userId": "a", "pageSize": 2}, {"requestId": "ä", "diversity": 0.5}]}),
    (
        "BatchRecommend",
        {"inputUri": "in.parquet", "outputUri": "out", "each": {"placement": "similar-items"}, "model": "r2"},
    ),
    ("BatchScore", {"model": "m", "columns": [{"name": "x", "width": 2, "numbers": [1, 2.5, -1e300, "NaN"]}]}),
    ("BatchScore", {"model": "m", "version": "7", "outputs": ["y"], "inputUri": "s3://b/in", "outputUri": "s3://b/o"}),
    ("BatchForecast", {"requests": [{"itemIds": ["i1"]}, {"itemIds": ["gone"], "horizonDays": 7, "requestId": "ä"}]}),
    (
        "BatchForecast",
        {"inputUri": "in.parquet", "outputUri": "out", "each": {"horizonDays": 56, "quantiles": [0.5]}, "model": "r2"},
    ),
    ("QuotePrices", {"itemIds": ["22423", "gone", "47566"]}),
    ("QuotePrices", {"itemIds": ["22423"], "currencyCode": "EUR"}),
    ("SimulatePrices", {"itemIds": ["22423"], "pricesMinor": ["900", "1275"]}),
    ("SimulatePrices", {"itemIds": ["85123A"]}),
    ("BatchQuotePrices", {"allItems": True, "pageSize": 2}),
    ("BatchQuotePrices", {"inputUri": "items.parquet", "outputUri": "out", "currencyCode": "GBP"}),
    ("GetOperation", {"name": OPERATION.name}),
    ("ListOperations", {}),
    ("CancelOperation", {"name": OPERATION.name}),
    ("ResumeOperation", {"name": OPERATION.name}),
    ("Ping", {}),
]
REFUSED = [
    ("Recommend", {"pageSize": -1}, "INVALID_FIELD"),
    ("Recommend", {"pageSize": 101}, "INVALID_FIELD"),
    ("Recommend", {"userId": "x" * 257}, "INVALID_FIELD"),
    ("Recommend", {"userId": "a\nb"}, "INVALID_FIELD"),
    ("Recommend", {"placement": "homepage"}, "UNKNOWN_PLACEMENT"),
    ("Recommend", {"diversity": "NaN"}, "INVALID_FIELD"),
    ("Recommend", {"userId": "flood"}, "OVERLOADED"),
    ("Recommend", {"filter": "pirce < 5"}, "UNKNOWN_FIELD_IN_FILTER"),
    ("Recommend", {"filter": "price <"}, "INVALID_FILTER"),
    ("Recommend", {"objective": "profit"}, "UNKNOWN_OBJECTIVE"),
    ("Recommend", {"pageToken": "next"}, "INVALID_PAGE_TOKEN"),
    ("Recommend", {"constraints": {"pins": [{"itemId": "a"}]}}, "INVALID_FIELD"),
    ("RecommendPage", {}, "INVALID_FIELD"),
    ("RecommendPage", {"placements": [{}] * 13}, "INVALID_FIELD"),
    ("RecommendPage", {"placements": [{}, {"filter": "price <"}]}, "INVALID_FILTER"),
    ("GetDecision", {"decision_id": "yesterday"}, "INVALID_FIELD"),
    ("GetDecision", {"decision_id": "f" * 32}, "NOT_FOUND"),
    ("ReplayDecision", {"decision_id": "f" * 32}, "NOT_FOUND"),
    ("Rerank", {}, "INVALID_FIELD"),
    ("WriteUserEvent", {"event": EVENT | {"eventTime": "2999-01-01T00:00:00Z"}}, "INVALID_FIELD"),
    ("WriteUserEvent", {"event": EVENT | {"items": []}}, "MISSING_ITEM"),
    ("WriteUserEvent", {"event": EVENT | {"eventType": "click"}}, "UNKNOWN_EVENT_TYPE"),
    ("WriteUserEvent", {"event": EVENT | {"eventId": "down"}}, "STORE_UNAVAILABLE"),
    ("ImportUserEvents", {}, "INVALID_FIELD"),
    ("ImportUserEvents", {"uri": "a.csv", "skipRows": "-1"}, "INVALID_FIELD"),
    ("ImportUserEvents", {"uri": "away.csv"}, "FILES_UNAVAILABLE"),
    ("ImportUserEvents", {"uri": "gs://bucket/a.csv"}, "NOT_INSTALLED"),
    ("ImportUserEvents", {"uri": "b.csv"}, "SCHEMA_CHANGED"),
    ("EraseUser", {}, "INVALID_FIELD"),
    ("EraseUser", {"userId": "u", "visitorId": "v"}, "INVALID_FIELD"),
    ("EraseUser", {"userId": "x" * 257}, "INVALID_FIELD"),
    ("EraseUser", {"userId": "u", "requestId": "a\nb"}, "INVALID_FIELD"),
    ("EraseUser", {"userId": "u", "requestId": "other"}, "INVALID_FIELD"),
    ("ExportUser", {}, "INVALID_FIELD"),
    ("ExportUser", {"userId": "u", "pageSize": 1001}, "INVALID_FIELD"),
    ("ExportUser", {"userId": "u", "pageToken": "next"}, "INVALID_PAGE_TOKEN"),
    ("ExportUser", {"userId": "x", "pageToken": export_token(Place(Stage.WAITING, 5, 7), "u:u")}, "INVALID_PAGE_TOKEN"),
    ("GetItem", {"item_id": "nothing"}, "NOT_FOUND"),
    ("SetStock", {"updates": [{"itemId": "22423"}]}, "INVALID_FIELD"),
    ("ForecastDemand", {}, "INVALID_FIELD"),
    ("PlanReplenishment", {}, "INVALID_FIELD"),
    ("PlanReplenishment", {"items": [PLAN, PLAN]}, "REPEATED_ID"),
    ("PlanReplenishment", {"items": [PLAN | {"leadTimeDays": 0}]}, "INVALID_FIELD"),
    ("PlanReplenishment", {"items": [PLAN | {"leadTimeDays": "NaN"}]}, "INVALID_FIELD"),
    ("PlanReplenishment", {"items": [PLAN | {"onHand": "-1"}]}, "INVALID_FIELD"),
    ("PlanReplenishment", {"items": [PLAN | {"pack": "12", "maxQuantity": "11"}]}, "INVALID_FIELD"),
    ("PlanReplenishment", {"items": [PLAN], "firstDay": "2013-01-01"}, "BEYOND_THE_MODEL"),
    (
        "PlanReplenishment",
        {"items": [PLAN | {"itemId": "22423", "unitCost": EUR, "dailyDemand": {"mean": 1}}]},
        "CURRENCY_DIFFERS",
    ),
    ("AllocateStock", {"items": [{"itemId": "i1"}]}, "INVALID_FIELD"),
    (
        "AllocateStock",
        {
            "items": [
                {
                    "itemId": "22423",
                    "sources": [{"locationId": "main", "quantity": "3"}],
                    "destinations": [
                        {"locationId": "leeds", "minQuantity": "4", "dailyDemand": {"mean": 1}},
                    ],
                }
            ]
        },
        "CONTRADICTORY_BOUNDS",
    ),
    ("BatchOrders", {}, "MISSING_LAYOUT"),
    ("BatchOrders", SHELVES | {"orders": []}, "WRONG_COUNT"),
    ("BatchOrders", SHELVES | {"orders": SHELVES["orders"] * 2}, "REPEATED_ID"),
    ("BatchOrders", SHELVES | {"orders": [{"orderId": "1", "lines": [{"itemId": "gone"}]}]}, "UNKNOWN_ITEM"),
    ("BatchOrders", SHELVES | {"slots": [{"slotId": "A3", "aisleId": "Z"}]}, "UNKNOWN_AISLE"),
    ("BatchOrders", SHELVES | {"items": [{"itemId": "milk", "slotId": "Z9"}]}, "UNKNOWN_SLOT"),
    ("BatchOrders", SHELVES | {"items": [{"itemId": name, "slotId": "A3"} for name in "ab"]}, "SLOT_TAKEN"),
    ("BatchOrders", SHELVES | {"limits": {"maxUnits": "2"}}, "INVALID_FIELD"),
    ("BatchOrders", SHELVES | {"searchSeconds": 301}, "INVALID_FIELD"),
    (
        "BatchOrders",
        POINTS | {"layout": {"distances": {"points": 3, "metres": ["Infinity", *BETWEEN[1:]]}}},
        "UNREACHABLE",
    ),
    (
        "BatchOrders",
        POINTS | {"layout": {"distances": {"points": 3, "metres": [*BETWEEN[:3], 9, *BETWEEN[4:]]}}},
        "ASYMMETRIC_DISTANCES",
    ),
    ("PlanSlotting", POINTS, "LAYOUT_NOT_SUPPORTED"),
    ("PlanSlotting", SHELVES | {"slots": SHELVES["slots"][::2][:1]}, "UNKNOWN_SLOT"),
    ("PlanSlotting", SHELVES | {"items": [{"itemId": name} for name in ("milk", "22423", "x", "y")]}, "TOO_MANY"),
    ("PlanRoutes", {}, "WRONG_COUNT"),
    ("PlanRoutes", changed(LINE, "stops.1.stopId", "a"), "REPEATED_ID"),
    ("PlanRoutes", LINE | {"timeLimitS": 1e9}, "INVALID_FIELD"),
    ("PlanRoutes", LINE | {"profiles": [{"tableServer": {}}]}, "INVALID_FIELD"),
    ("ReplanRoutes", RUNNING | {"changes": [{"cancelledStopId": "moon"}]}, "UNKNOWN_ID"),
    ("ReplanRoutes", RUNNING | {"changes": [{}]}, "INVALID_FIELD"),
    ("ForecastDemand", {"itemIds": ["i1"] * 2}, "REPEATED_ID"),
    ("ForecastDemand", {"itemIds": ["i1"], "horizonDays": 0}, "INVALID_FIELD"),
    ("ForecastDemand", {"itemIds": ["i1"], "horizonDays": 85}, "HORIZON_TOO_LONG"),
    ("ForecastDemand", {"itemIds": ["i1"], "firstDay": "2011-12-09"}, "BEYOND_THE_MODEL"),
    ("ForecastDemand", {"itemIds": ["i1"], "quantiles": [0.9, 0.1]}, "INVALID_FIELD"),
    ("ForecastDemand", {"itemIds": ["i1"], "quantiles": [0.0, 0.5]}, "INVALID_FIELD"),
    ("GetModel", {"name": "absent"}, "NOT_FOUND"),
    ("PromoteModel", {"name": "bad"}, "MODEL_REFUSED"),
    ("RollbackModel", {"expectedLive": "a\nb"}, "INVALID_FIELD"),
    ("SetShadow", {"name": "r2", "share": "NaN"}, "INVALID_FIELD"),
    ("SetTrafficSplit", {"split": {"arms": [{"name": "r2", "share": 1.5}]}}, "INVALID_FIELD"),
    ("SetTrafficSplit", {"split": {"seed": "-1"}}, "INVALID_FIELD"),
    ("BatchRecommend", {}, "INVALID_FIELD"),
    ("BatchRecommend", {"requests": [{}, {"placement": "homepage"}]}, "UNKNOWN_PLACEMENT"),
    ("BatchRecommend", {"inputUri": "in.parquet"}, "INVALID_FIELD"),
    ("BatchRecommend", {"requests": [{}], "inputUri": "a", "outputUri": "b"}, "INVALID_FIELD"),
    ("BatchRecommend", {"requests": [{}], "each": {"pageSize": 5}}, "INVALID_FIELD"),
    ("BatchRecommend", {"inputUri": "a", "outputUri": "b", "each": {"userId": "u"}}, "INVALID_FIELD"),
    ("BatchRecommend", {"inputUri": "a", "outputUri": "b", "each": {"filter": "pirce < 5"}}, "UNKNOWN_FIELD_IN_FILTER"),
    ("BatchRecommend", {"inputUri": "a", "outputUri": "there"}, "OUTPUT_EXISTS"),
    ("BatchScore", {"columns": [{"name": "x", "numbers": [1]}]}, "INVALID_FIELD"),
    ("BatchScore", {"model": "m", "columns": [{"name": "x", "width": 2, "numbers": [1]}]}, "INVALID_FIELD"),
    ("BatchScore", {"model": "m", "columns": [{"name": "x", "numbers": [1], "texts": ["a"]}]}, "INVALID_FIELD"),
    ("BatchScore", {"model": "absent", "columns": [{"name": "x", "numbers": [1]}]}, "NOT_FOUND"),
    ("BatchForecast", {}, "INVALID_FIELD"),
    ("BatchForecast", {"requests": [{"itemIds": ["a"]}, {"itemIds": []}]}, "INVALID_FIELD"),
    ("BatchForecast", {"requests": [{"itemIds": ["a"]}], "model": "r2"}, "INVALID_FIELD"),
    ("BatchForecast", {"requests": [{"itemIds": ["a"]}], "inputUri": "a", "outputUri": "b"}, "INVALID_FIELD"),
    ("BatchForecast", {"inputUri": "a", "outputUri": "b", "each": {"itemIds": ["a"]}}, "INVALID_FIELD"),
    ("BatchForecast", {"inputUri": "a", "outputUri": "b", "each": {"horizonDays": 0}}, "INVALID_FIELD"),
    ("GetOperation", {"name": "absent"}, "NOT_FOUND"),
    ("QuotePrices", {}, "INVALID_FIELD"),
    ("QuotePrices", {"itemIds": ["a"] * 1001}, "INVALID_FIELD"),
    ("QuotePrices", {"itemIds": ["a", ""]}, "INVALID_FIELD"),
    ("QuotePrices", {"itemIds": ["a"], "currencyCode": "gbp"}, "INVALID_FIELD"),
    ("SimulatePrices", {"itemIds": ["a"], "pricesMinor": ["0"]}, "INVALID_FIELD"),
    ("SimulatePrices", {"itemIds": ["a"] * 21}, "INVALID_FIELD"),
    ("SimulatePrices", {"itemIds": ["a"], "pricesMinor": ["5"] * 64}, "INVALID_FIELD"),
    ("BatchQuotePrices", {}, "INVALID_FIELD"),
    ("BatchQuotePrices", {"itemIds": ["a"], "allItems": True}, "INVALID_FIELD"),
    ("BatchQuotePrices", {"allItems": True, "pageToken": "next"}, "INVALID_FIELD"),
    ("BatchQuotePrices", {"allItems": True, "inputUri": "a", "outputUri": "b"}, "INVALID_FIELD"),
]


@pytest.mark.parametrize(("name", "body"), ANSWERED, ids=[f"{name}-{n}" for n, (name, _) in enumerate(ANSWERED)])
def test_answers_are_equal(faces: Faces, name: str, body: dict[str, Any]) -> None:
    """Message for message, and every method of the contract is asked."""
    assert {name for name, _ in ANSWERED} == set(METHODS)
    method = METHODS[name]
    response = over_http(faces, method, body)
    assert response.status_code == 200, response.text
    assert read(method, response) == over_grpc(faces, method, body)


@pytest.mark.parametrize(
    ("name", "body", "reason"), REFUSED, ids=[f"{name}-{n}" for n, (name, _, _) in enumerate(REFUSED)]
)
def test_errors_are_mapped_alike(faces: Faces, name: str, body: dict[str, Any], reason: str) -> None:
    """The same reason, message and facts; code and status belong to one spelling."""
    method = METHODS[name]
    response = over_http(faces, method, body)
    with pytest.raises(grpc.RpcError) as caught:
        over_grpc(faces, method, body)
    error: Any = caught.value
    info = error_details_pb2.ErrorInfo()
    details = status_pb2.Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"]).details
    assert any(detail.Unpack(info) for detail in details)
    problem = json.loads(response.content)
    assert problem["reason"] == info.reason == reason
    assert problem["detail"] == error.details()
    assert {key: problem[key] for key in info.metadata} == dict(info.metadata)
    pairs = {(spelling.code, spelling.http) for spelling in SPELLINGS.values()}
    assert (error.code().value[0], response.status_code) in pairs


@pytest.mark.parametrize("service", services())
def test_reflection_and_openapi_know_the_same_methods(faces: Faces, service: str) -> None:
    """A tool that knows only the address can describe and call every method on either face; streams are gRPC's own."""
    asked = reflection_pb2.ServerReflectionRequest(file_containing_symbol=service)
    stub = reflection_pb2_grpc.ServerReflectionStub(faces.channel)
    answer = next(stub.ServerReflectionInfo(iter([asked]), timeout=10.0))
    found = set()
    for encoded in answer.file_descriptor_response.file_descriptor_proto:
        file = descriptor_pb2.FileDescriptorProto.FromString(encoded)
        found |= {
            f"/{file.package}.{one.name}/{method.name}"
            for one in file.service
            for method in one.method
            if f"{file.package}.{one.name}" == service
        }
    paths = faces.http.get("/openapi.json").json()["paths"]
    named = {operation["x-grpc-method"] for verbs in paths.values() for operation in verbs.values()}
    assert found
    assert found == {name for name in {*named, *streams()} if name.startswith(f"/{service}/")}
