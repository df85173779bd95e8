"""PlacementService: request bytes to checked queries, answers to bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from serving.core.errors import InvalidInput
from serving.decisions.place.calls import Batched, Slotted
from serving.decisions.place.contract import (
    BATCH_ORDERS_MAX,
    ORDERS_MAX,
    SECONDS_MAX,
    UNITS_MAX,
    Aisles,
    Batch,
    BatchQuery,
    Limits,
    SlottingQuery,
)
from serving.transport import checks
from serving.transport.placement_parts import amount, items_of, layout_of, orders_of, slots_of
from storegate.v1 import placement_pb2 as pb

REQUEST_ID_BYTES_MAX: Final = 256
BATCH_SECONDS: Final = 1.0
SLOTTING_SECONDS: Final = 30.0
"""To search, where a request does not say."""
BYTES_A_UNIT: Final = 16_384
CALL_UNITS_MAX: Final = 1 << 20


def search_units(payload: bytes) -> int:
    """Work of a request beside its search, by its length."""
    return 1 + len(payload) // BYTES_A_UNIT


def decode_batch(payload: bytes) -> BatchQuery:
    """The checked query. Raises InvalidInput naming the field."""
    request = checks.parsed(pb.BatchOrdersRequest.FromString, "BatchOrdersRequest", payload)
    layout, aisles = layout_of(request.layout)
    slots, slot_ids = slots_of(request.slots, layout, aisles)
    items, slot, item_ids = items_of(request.items, slot_ids)
    orders = orders_of(request.orders, item_ids, BATCH_ORDERS_MAX)
    return BatchQuery(
        layout, slots, items, orders, slot, _limits(request.limits), _seconds(request, BATCH_SECONDS), request.seed,
        _request_id(request),
    )  # fmt: skip


def decode_slotting(payload: bytes) -> SlottingQuery:
    """The checked query. Raises InvalidInput naming the field."""
    request = checks.parsed(pb.PlanSlottingRequest.FromString, "PlanSlottingRequest", payload)
    layout, aisles = layout_of(request.layout)
    if not isinstance(layout, Aisles):
        raise InvalidInput(
            "layout", "distances", "a layout of aisles: slots are judged by walks that are the shortest ones",
            reason="LAYOUT_NOT_SUPPORTED",
        )  # fmt: skip
    slots, slot_ids = slots_of(request.slots, layout, aisles)
    items, slot, item_ids = items_of(request.items, slot_ids)
    orders = orders_of(request.orders, item_ids, ORDERS_MAX)
    moves = checks.whole("max_moves", request.max_moves, 0) if request.HasField("max_moves") else None
    if moves is not None and (lost := slot[orders.item] < 0).any():
        item = items.ids[int(orders.item[lost.argmax()])]
        raise InvalidInput("max_moves", f"{moves}, and {item} lies nowhere", "none: slots for all, and then a budget")
    return SlottingQuery(
        layout, slots, items, orders, slot, moves, _seconds(request, SLOTTING_SECONDS), request.seed,
        _request_id(request),
    )  # fmt: skip


def encode_batch(done: Batched) -> bytes:
    """The serialised BatchOrdersResponse."""
    answer = done.answer
    message = pb.BatchOrdersResponse(
        batches=[_batch(done.query, batch) for batch in answer.batches],
        metres=answer.metres,
        first_come_metres=answer.first_come_metres,
        engine=answer.engine,
        rounds=answer.rounds,
        seconds=answer.seconds,
        exact_walks=answer.exact_walks,
        request_id=answer.request_id,
    )
    if answer.reference_metres is not None:
        message.s_shape_metres = answer.reference_metres
    return checks.wire(message)


def encode_slotting(done: Slotted) -> bytes:
    """The serialised PlanSlottingResponse."""
    items, slots, answer = done.query.items.ids, done.query.slots.ids, done.answer
    message = pb.PlanSlottingResponse(
        placements=[
            pb.ItemPlacement(item_id=item, slot_id=slots[at])
            for item, at in zip(items, answer.slot.tolist(), strict=True)
        ],
        moves=[
            pb.SlotMove(
                item_id=items[move.item],
                from_slot_id=slots[move.source] if move.source >= 0 else "",
                to_slot_id=slots[move.target],
                group=move.group,
                saved_metres=move.saved_metres,
            )
            for move in answer.moves
        ],
        after_metres=answer.after_metres,
        index_metres=answer.start_metres,
        evaluations=answer.evaluations,
        seconds=answer.seconds,
        request_id=answer.request_id,
    )
    if answer.before_metres is not None:
        message.before_metres = answer.before_metres
    return checks.wire(message)


def _batch(query: BatchQuery, batch: Batch) -> Any:
    picks: dict[int, list[Any]] = {slot: [] for slot in batch.stops}
    for order in batch.orders:
        for item, quantity in _lines(query, order):
            pick = pb.Pick(order_id=query.orders.ids[order], item_id=query.items.ids[item], quantity=quantity)
            picks[int(query.slot[item])].append(pick)
    return pb.PickBatch(
        order_ids=[query.orders.ids[order] for order in batch.orders],
        stops=[pb.PickStop(slot_id=query.slots.ids[slot], picks=taken) for slot, taken in picks.items()],
        metres=batch.metres,
        lines=batch.lines,
        units=batch.units,
        volume_litres=batch.volume,
        weight_kg=batch.weight,
    )


def _lines(query: BatchQuery, order: int) -> Iterator[tuple[int, int]]:
    """(item, quantity) of each line of the order."""
    lines = slice(int(query.orders.start[order]), int(query.orders.start[order + 1]))
    return zip(query.orders.item[lines].tolist(), query.orders.quantity[lines].tolist(), strict=True)


def _limits(message: Any) -> Limits:
    """0 = no bound."""
    orders = checks.whole("limits.max_orders", message.max_orders, 0)
    lines = checks.whole("limits.max_lines", message.max_lines, 0)
    units = checks.whole("limits.max_units", message.max_units, 0, UNITS_MAX)
    volume = amount("limits.max_volume_litres", message.max_volume_litres)
    weight = amount("limits.max_weight_kg", message.max_weight_kg)
    return Limits(orders or None, lines or None, units or None, volume or None, weight or None)


def _seconds(request: Any, default: float) -> float:
    seconds: float = request.search_seconds or default
    if not 0 < seconds <= SECONDS_MAX:
        raise InvalidInput(
            "search_seconds", request.search_seconds, f"more than 0 and at most {SECONDS_MAX:g}, or none"
        )
    return seconds


def _request_id(request: Any) -> str:
    return checks.text("request_id", request.request_id, REQUEST_ID_BYTES_MAX)
