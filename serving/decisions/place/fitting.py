"""Which item fits which slot, and what orders weigh."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from serving.decisions.place.contract import F64, I64, Bools, Items, Limits, Orders, Slots

DIMENSIONS: Final = ("orders", "lines", "units", "volume", "weight")
"""What a walk's limits count."""
SLACK: Final = 1e-9
"""Sums of what was written in decimals may be so much above a bound."""


class Fitting(NamedTuple):
    """Items that need the same (`kind`) fit the same slots; few kinds stand for many items."""

    kind: I64
    """(items,)"""
    allowed: Bools
    """(kinds, slots)"""

    @property
    def choices(self) -> I64:
        """(items,) slots that each fits."""
        found: I64 = self.allowed.sum(axis=1)[self.kind]
        return found


def fitting(items: Items, slots: Slots) -> Fitting:
    """By zone, volume and weight of what a slot must hold."""
    volume, weight = needs(items)
    zones = {name: number for number, name in enumerate(dict.fromkeys((*slots.zone, *items.zone)))}
    asked = np.array([zones[name] if name else -1 for name in items.zone] or [-1] * len(items))
    lies = np.array([zones[name] for name in slots.zone] or [-2] * len(slots))
    rows = np.stack([asked, volume if slots.volume is not None else 0 * volume,
                     weight if slots.weight is not None else 0 * weight], axis=1)  # fmt: skip
    if slots.volume is not None:
        rows[:, 1] = _steps(volume, slots.volume)
    if slots.weight is not None:
        rows[:, 2] = _steps(weight, slots.weight)
    kinds, kind = np.unique(rows, axis=0, return_inverse=True)
    allowed = (kinds[:, :1] < 0) | (kinds[:, :1] == lies[None, :])
    if slots.volume is not None:
        allowed &= kinds[:, 1:2] <= slots.volume[None, :] * (1 + SLACK)
    if slots.weight is not None:
        allowed &= kinds[:, 2:3] <= slots.weight[None, :] * (1 + SLACK)
    return Fitting(kind.reshape(-1).astype(np.int64), allowed)


def needs(items: Items) -> tuple[F64, F64]:
    """Volume and weight, (items,) each, of all units that lie in the item's slot."""
    stock = np.ones(len(items)) if items.stock is None else items.stock.astype(np.float64)
    volume = np.zeros(len(items)) if items.volume is None else items.volume * stock
    weight = np.zeros(len(items)) if items.weight is None else items.weight * stock
    return volume, weight


def unfit(items: Items, slots: Slots, item: int) -> str:
    """Why an item fits no slot."""
    volume, weight = (float(amount[item]) for amount in needs(items))
    zone = items.zone[item] if items.zone else ""
    if zone and zone not in slots.zone:
        return f"no slot is in the zone {zone!r}"
    if slots.volume is not None and volume > slots.volume.max() * (1 + SLACK):
        return f"its stock takes {volume:g} litres, the largest slot has {slots.volume.max():g}"
    if slots.weight is not None and weight > slots.weight.max() * (1 + SLACK):
        return f"its stock weighs {weight:g} kg, the strongest slot carries {slots.weight.max():g}"
    return "no slot has its zone, the room for its stock and carries its weight at once"


def loads(items: Items, orders: Orders) -> F64:
    """(orders, 5) what each order takes of each of DIMENSIONS."""
    volume = np.zeros(len(items)) if items.volume is None else items.volume
    weight = np.zeros(len(items)) if items.weight is None else items.weight
    units = orders.quantity.astype(np.float64)
    per_line = np.stack(
        [np.zeros_like(units), np.ones_like(units), units, units * volume[orders.item], units * weight[orders.item]],
        axis=1,
    )
    total: F64 = np.add.reduceat(per_line, orders.start[:-1], axis=0)
    total[:, 0] = 1.0
    return total


def bounds(limits: Limits) -> F64:
    """(5,) of DIMENSIONS, inf = none."""
    found = (limits.orders, limits.lines, limits.units, limits.volume, limits.weight)
    return np.array([np.inf if bound is None else bound * (1 + SLACK) for bound in found])


def _steps(need: F64, room: F64) -> F64:
    """Each need rounded up to the smallest room that is enough for it, inf where none is: as few kinds as rooms."""
    rooms = np.append(np.unique(room), np.inf)
    found: F64 = rooms[np.searchsorted(rooms * (1 + SLACK), need)]
    return found
