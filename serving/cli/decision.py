"""`storegate decision`: a logged decision, and its replay."""

from __future__ import annotations

import click

from serving.cli.common import client_of, out, target_of, with_settings
from serving.cli.tables import decision_table, differences_table
from serving.settings import Settings

REPLAY_S_MAX = 60.0
"""A replay may load a release from the disk, and waits behind imports."""


@click.command()
@click.argument("decision_id", metavar="ID")
@click.option("--replay", is_flag=True, help="Compute it again with the versions of its day, and compare.")
@click.option("--target", help="host:port of the gateway. [the one that runs on this home]")
@with_settings()
def decision(settings: Settings, decision_id: str, replay: bool, target: str | None) -> None:
    """What was answered, with propensities and what came of it. ID stands in the answer as decision_id.

    Which answers are logged is the setting decisions.share; those that were traced always are. With --replay the exit
    code is 1 when the answer would be another one.

    \b
    storegate decision 0123456789abcdef0000000000000001
    storegate decision 0123456789abcdef0000000000000001 --replay
    """
    with client_of(settings, target_of(settings, target)) as client:
        replayed = client.replay_decision(decision_id, timeout_s=REPLAY_S_MAX) if replay else None
        found = client.get_decision(decision_id) if replayed is None else replayed.decision
    out.print(decision_table(found))
    out.print(f"asked: {found.query_json}", markup=False, highlight=False)
    if replayed is None:
        return
    if replayed.identical:
        out.print("replayed: identical in every field")
        return
    out.print(differences_table(replayed.differences))
    click.get_current_context().exit(1)
