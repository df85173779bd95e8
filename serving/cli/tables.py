"""Answers as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich import box
from rich.table import Table

DECIMALS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "BHD": 3, "JOD": 3, "KWD": 3, "OMR": 3, "TND": 3}
"""Of a currency's minor unit where it is not 2 (ISO 4217)."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One result as people read it."""

    item_id: str
    title: str
    price: str
    why: str
    source: str
    score: float = field(compare=False)  # JSON writes fewer digits


def money(amount_minor: int, currency: str) -> str:
    """ "12.50 GBP"."""
    decimals = DECIMALS.get(currency, 2)
    return f"{amount_minor / 10**decimals:,.{decimals}f} {currency}".strip()


def from_proto(results: Sequence[Any]) -> list[Shown]:
    """RecommendResult messages."""
    return [
        Shown(
            result.item_id,
            result.title,
            money(result.price.amount_minor, result.price.currency_code),
            "; ".join(reason.text for reason in result.reasons),
            result.source,
            result.score,
        )
        for result in results
    ]


def from_json(results: Sequence[Mapping[str, Any]]) -> list[Shown]:
    """The same over HTTP: absent fields are their defaults, int64 is text."""
    return [
        Shown(
            result["itemId"],
            result.get("title", ""),
            money(int(result.get("price", {}).get("amountMinor", 0)), result.get("price", {}).get("currencyCode", "")),
            "; ".join(reason.get("text", "") for reason in result.get("reasons", ())),
            result.get("source", ""),
            float(result.get("score", 0.0)),
        )
        for result in results
    ]


def results_table(title: str, shown: Sequence[Shown], footer: str, before: Sequence[str] | None = None) -> Table:
    """before: item ids of an earlier answer; then a column says where each item stood in it."""
    table = Table(title=title, caption=footer, title_justify="left", caption_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("#", justify="right")
    if before is not None:
        table.add_column("was", justify="right")
    for name in ("item", "title"):
        table.add_column(name, overflow="fold")
    table.add_column("price", justify="right", no_wrap=True)
    for name in ("why", "source"):
        table.add_column(name, overflow="fold")
    for rank, one in enumerate(shown, 1):
        was: tuple[str, ...] = ()
        if before is not None:
            was = (str(before.index(one.item_id) + 1) if one.item_id in before else "new",)
        table.add_row(str(rank), *was, one.item_id, one.title, one.price, one.why, one.source)
    return table


def traced_stages(trace: Any) -> Table:
    """What each stage kept and removed. trace: Trace message."""
    table = Table(title="stages", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("stage")
    table.add_column("kept", justify="right")
    table.add_column("removed", overflow="fold")
    for stage in trace.stages:
        removed = sorted(stage.removed.items(), key=lambda pair: (-pair[1], pair[0]))
        table.add_row(stage.name, f"{stage.kept:,}", "; ".join(f"{count:,} {cause}" for cause, count in removed))
    return table


def traced_items(trace: Any) -> Table:
    """What became of the results and of the items that were asked about. trace: Trace message."""
    table = Table(title="items", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("item", overflow="fold")
    for name in ("rank", "score"):
        table.add_column(name, justify="right")
    for name in ("found by", "signals", "why not shown"):
        table.add_column(name, overflow="fold")
    for item in trace.items:
        ranked = (str(item.rank), f"{item.score:.3f}") if item.rank else ("", "")
        signals = ", ".join(f"{name} {value:.3g}" for name, value in sorted(item.signals.items()))
        table.add_row(item.item_id, *ranked, ", ".join(item.sources), signals, item.why_not)
    return table


def decision_table(decision: Any) -> Table:
    """A logged decision with what came of it. decision: Decision message."""
    who = decision.user_id or decision.visitor_id or "somebody"
    title = f"{decision.placement} for {who}, {decision.time.ToJsonString()}"
    degraded = " · ".join(f"degraded: {one.stage} ({one.cause})" for one in decision.degraded)
    table = Table(title=title, caption=degraded, title_justify="left", caption_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("#", justify="right")
    table.add_column("item", overflow="fold")
    for name in ("price", "score", "propensity"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("source")
    table.add_column("then", overflow="fold")
    for rank, one in enumerate(decision.results, 1):
        table.add_row(
            str(rank),
            one.item_id,
            money(one.price.amount_minor, one.price.currency_code),
            f"{one.score:.3f}",
            f"{one.propensity:.3g}",
            one.source,
            ", ".join(one.outcomes),
        )
    return table


def differences_table(differences: Sequence[Any]) -> Table:
    """Where a replay came out otherwise. differences: Difference messages."""
    table = Table(title="differences", title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("field", "logged", "replayed"):
        table.add_column(name, overflow="fold")
    for one in differences:
        table.add_row(one.field, one.logged, one.replayed)
    return table


def footer_of(times: str, info: Any) -> str:
    """What an answer says of how it came about. times: what the caller measured; info: ServingInfo."""
    parts = [times, "computed in " + ", ".join(f"{s.name} {s.micros} µs" for s in info.stages)]
    parts += [f"degraded: {one.stage} ({one.cause})" for one in info.degraded]
    return " · ".join(parts)
