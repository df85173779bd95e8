"""`storegate recommend`: one question to a running gateway."""

from __future__ import annotations

import time
from typing import Any

import click

from serving.cli.common import client_of, out, target_of, with_settings
from serving.cli.tables import footer_of, from_proto, results_table, traced_items, traced_stages
from serving.decisions.recommend.contract import OBJECTIVES, PLACEMENTS
from serving.settings import Settings


@click.command()
@click.option("--user", default="", help="Who is asking; an unknown user is a new one.")
@click.option("--visitor", default="", help="The anonymous visitor, when there is no user.")
@click.option("--item", "items", multiple=True, help="Item of the page or basket; repeatable.")
@click.option("--placement", default="", help=f"{' | '.join(PLACEMENTS)} [by --item]")
@click.option("--filter", "rule", default="", help="What may be shown: 'price < 5000 AND NOT category:\"gift\"'.")
@click.option("--objective", default="", help=f"{' | '.join(OBJECTIVES)} [{OBJECTIVES[0]}]")
@click.option("--diversity", type=float, help="0 (relevance alone) to 1. [the setting recommend.diversity]")
@click.option("--exclude", multiple=True, help="Item that must not be shown; repeatable.")
@click.option("-k", "page_size", default=10, show_default=True, help="How many, 1 to 100.")
@click.option("--page-token", default="", help="For a further page: what the page before it printed.")
@click.option("--trace", is_flag=True, help="Also what each stage kept and removed, and what became of each item.")
@click.option("--why", multiple=True, metavar="ITEM", help="With --trace: why it is not shown; repeatable.")
@click.option("--target", help="host:port of the gateway. [the one that runs on this home]")
@with_settings()
def recommend(
    settings: Settings,
    user: str,
    visitor: str,
    items: tuple[str, ...],
    placement: str,
    rule: str,
    objective: str,
    diversity: float | None,
    exclude: tuple[str, ...],
    page_size: int,
    page_token: str,
    trace: bool,
    why: tuple[str, ...],
    target: str | None,
) -> None:
    """What to show, with prices and reasons.

    \b
    storegate recommend --user 17850 -k 10
    storegate recommend --item 85123A --placement similar-items --filter "price < 5000"
    storegate recommend --user 17850 --trace --why 85123A
    storegate recommend --visitor cookie-1 --exclude 85123A --target 10.0.0.7:50051
    """
    if why and not trace:
        raise click.UsageError("--why needs --trace")
    asked: dict[str, Any] = {
        "visitor_id": visitor,
        "item_ids": items,
        "placement": placement or ("others-you-may-like" if items else ""),
        "filter": rule,
        "objective": objective,
        "diversity": diversity,
        "exclude_item_ids": exclude,
        "page_size": page_size,
        "page_token": page_token,
        "explain": "EXPLAIN_TRACE" if trace else None,
        "trace_item_ids": why,
    }
    with client_of(settings, target_of(settings, target)) as client:
        began = time.perf_counter()
        answer = client.recommend(user, **asked)
        micros = (time.perf_counter() - began) * 1e6
    who = f"user {user}" if user else f"visitor {visitor}" if visitor else "somebody"
    title = f"for {who}" + (f", looking at {', '.join(items)}" if items else "")
    footer = footer_of(f"{micros / 1000:.2f} ms", answer.serving_info)
    out.print(results_table(title, from_proto(answer.results), footer))
    if trace:
        out.print(traced_stages(answer.trace), traced_items(answer.trace))
    if answer.missing_item_ids:
        out.print(f"not in the catalogue: {', '.join(answer.missing_item_ids)}", markup=False)
    if answer.next_page_token:
        out.print(f"further ones: --page-token {answer.next_page_token}", markup=False, highlight=False)
    if trace:
        out.print(f"decision {answer.decision_id}", markup=False, highlight=False)
