"""`storegate recommend`: one question to a running gateway."""

from __future__ import annotations

import time

import click

from serving.cli.common import client_of, out, target_of, with_settings
from serving.cli.tables import footer_of, from_proto, results_table
from serving.settings import Settings


@click.command()
@click.option("--user", default="", help="Who is asking; an unknown user is a new one.")
@click.option("--visitor", default="", help="The anonymous visitor, when there is no user.")
@click.option("--item", "items", multiple=True, help="Item of the page or basket; repeatable.")
@click.option("--placement", default="", help="recommended-for-you | others-you-may-like [by --item]")
@click.option("--exclude", multiple=True, help="Item that must not be shown; repeatable.")
@click.option("-k", "page_size", default=10, show_default=True, help="How many, 1 to 100.")
@click.option("--target", help="host:port of the gateway. [the one that runs on this home]")
@with_settings()
def recommend(
    settings: Settings,
    user: str,
    visitor: str,
    items: tuple[str, ...],
    placement: str,
    exclude: tuple[str, ...],
    page_size: int,
    target: str | None,
) -> None:
    """What to show, with prices and reasons.

    \b
    storegate recommend --user 17850 -k 10
    storegate recommend --item 85123A
    storegate recommend --visitor cookie-1 --exclude 85123A --target 10.0.0.7:50051
    """
    where = target_of(settings, target)
    with client_of(settings, where) as client:
        began = time.perf_counter()
        answer = client.recommend(
            user,
            visitor_id=visitor,
            item_ids=items,
            placement=placement or ("others-you-may-like" if items else ""),
            page_size=page_size,
            exclude_item_ids=exclude,
        )
        micros = (time.perf_counter() - began) * 1e6
    who = f"user {user}" if user else f"visitor {visitor}" if visitor else "somebody"
    title = f"for {who}" + (f", looking at {', '.join(items)}" if items else "")
    out.print(
        results_table(title, from_proto(answer.results), footer_of(f"{micros / 1000:.2f} ms", answer.serving_info))
    )
    if answer.missing_item_ids:
        out.print(f"not in the catalogue: {', '.join(answer.missing_item_ids)}", markup=False)
