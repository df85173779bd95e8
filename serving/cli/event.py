"""`storegate event`: what a visitor did, to a running gateway."""

from __future__ import annotations

import click

from serving.cli.common import client_of, out, target_of, with_settings
from serving.events.types import EVENT_TYPES
from serving.settings import Settings


@click.command()
@click.option("--user", default="", help="Who did it.")
@click.option("--visitor", default="", help="The anonymous visitor, when there is no user.")
@click.option("--type", "event_type", type=click.Choice(EVENT_TYPES), default="detail-page-view", show_default=True)
@click.option("--item", "items", multiple=True, help="Item it was done with; repeatable.")
@click.option("--query", default="", help="What was searched for, with --type search.")
@click.option("--event-id", default="", help="Repeating an id changes nothing. [a new one]")
@click.option("--durable", is_flag=True, help="Wait until it is on the store's disk.")
@click.option("--target", help="host:port of the gateway. [the one that runs on this home]")
@with_settings()
def event(
    settings: Settings,
    user: str,
    visitor: str,
    event_type: str,
    items: tuple[str, ...],
    query: str,
    event_id: str,
    durable: bool,
    target: str | None,
) -> None:
    """It changes the next answer at once.

    \b
    storegate event --user 17850 --type detail-page-view --item 85123A
    storegate event --visitor cookie-1 --type search --query "red mug"
    """
    with client_of(settings, target_of(settings, target)) as client:
        answer = client.write_event(
            event_type,
            user_id=user,
            visitor_id=visitor,
            items=items,
            event_id=event_id,
            durable=durable or None,
            search_query=query,
        )
    out.print("stored" if answer.stored else "not stored: the event is known already, or consent is denied")
    if answer.missing_item_ids:
        out.print(f"not in the catalogue: {', '.join(answer.missing_item_ids)}", markup=False)
