"""`storegate model`: which models answer, and changes to it, live, through a running gateway."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
from rich import box
from rich.table import Table

from serving.cli.common import client_of, out, target_of, with_settings
from serving.core.errors import InvalidInput
from serving.settings import Settings

CHANGE_S_MAX = 300.0
"""A release of a large shop takes a while to load, check and warm."""
STATES = {1: "live", 2: "previous", 3: "candidate"}

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def model() -> None:
    """A model is a release here: one set of trained parts, which goes live as a whole.

    \b
    storegate train --candidate                    train one that is not live yet
    storegate model shadow 20261123T011500-0badcafe --share 0.1
    storegate model split 20261123T011500-0badcafe=0.05
    storegate model promote 20261123T011500-0badcafe
    storegate model rollback
    storegate model card                           what the live one was made from and judged by

    A model that is damaged, answers wrongly or is too slow is refused, and the one that serves goes on.
    """


def asks(command: F) -> F:
    """A command that asks a gateway: it takes --target too."""
    target = click.option("--target", help="host:port of the gateway. [the one that runs on this home]")
    made: F = target(with_settings()(command))
    return made


@model.command("list")
@asks
def list_(settings: Settings, target: str | None) -> None:
    """All models, the live one first."""
    with client_of(settings, target_of(settings, target)) as client:
        found = client.list_models()
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("model", "state"):
        table.add_column(name, overflow="fold")
    for name in ("visitors", "shadow"):
        table.add_column(name, justify="right")
    for one in found.models:
        table.add_row(one.name, STATES.get(one.state, "?"), _share(one.traffic_share), _share(one.shadow_share))
    out.print(table)
    _tell(found.rollout)


@model.command()
@click.argument("name")
@asks
def show(settings: Settings, target: str | None, name: str) -> None:
    """One model and the versions of its parts."""
    with client_of(settings, target_of(settings, target)) as client:
        found = client.get_model(name)
    table = Table(title=f"{found.name}, {STATES.get(found.state, '?')}", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("part")
    table.add_column("version", overflow="fold")
    for part, version in sorted(found.versions.items()):
        table.add_row(part, version)
    out.print(table)


@model.command()
@click.argument("name", default="")
@click.option("--json", "for_programs", is_flag=True, help="The same for programs.")
@with_settings()
def card(settings: Settings, name: str, for_programs: bool) -> None:
    """What `storegate retrain` made a model from, and what it was judged by. [the live one]"""
    from serving.adapters.releases import live
    from serving.adapters.retrain_files import read_card

    click.echo(read_card(settings.home, name or live(settings.home).release, for_programs=for_programs), nl=False)


@model.command()
@click.argument("name")
@click.option("--check", is_flag=True, help="Load and check it as a promotion does, and change nothing.")
@asks
def promote(settings: Settings, target: str | None, name: str, check: bool) -> None:
    """Makes a model live in every replica."""
    with client_of(settings, target_of(settings, target)) as client:
        rollout = client.promote_model(name, validate_only=check, timeout_s=CHANGE_S_MAX)
    _tell(rollout)
    if check:
        out.print(f"{name} may serve", markup=False, highlight=False)


@model.command()
@click.option("--expect", default="", metavar="NAME", help="Refuse when another model than this one is live.")
@asks
def rollback(settings: Settings, target: str | None, expect: str) -> None:
    """Makes the model before the live one live again, and sets the live one aside."""
    with client_of(settings, target_of(settings, target)) as client:
        _tell(client.rollback_model(expected_live=expect, timeout_s=CHANGE_S_MAX))


@model.command()
@click.argument("name", default="")
@click.option(
    "--share", type=click.FloatRange(0, 1, min_open=True), default=0.05, show_default=True, help="Of requests."
)
@asks
def shadow(settings: Settings, target: str | None, name: str, share: float) -> None:
    """Compares a model's answers with those that are served; without NAME with none any more.

    What it comes to: `storegate status`, or /metrics of each replica.
    """
    with client_of(settings, target_of(settings, target)) as client:
        _tell(client.set_shadow(name, share if name else 0.0, timeout_s=CHANGE_S_MAX))


@model.command()
@click.argument("arms", nargs=-1, metavar="[NAME=SHARE]...")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Another one deals visitors anew.")
@asks
def split(settings: Settings, target: str | None, arms: tuple[str, ...], seed: int) -> None:
    """Gives models a share of the visitors, who stay with them; without any the live model answers everybody."""
    shares = dict(map(_arm, arms))
    with client_of(settings, target_of(settings, target)) as client:
        _tell(client.set_traffic_split(shares, seed, timeout_s=CHANGE_S_MAX))


def _arm(text: str) -> tuple[str, float]:
    name, _, share = text.partition("=")
    try:
        return name, float(share)
    except ValueError:
        raise InvalidInput("split", text, "NAME=SHARE, for example 20261123T011500-0badcafe=0.1") from None


def _tell(rollout: Any) -> None:
    """Who answers whom, line by line."""
    lines = [f"live: {rollout.live}"]
    lines += [f"{arm.share:.4g} of the visitors: {arm.name}" for arm in rollout.split.arms]
    if rollout.shadow:
        lines.append(f"shadow of {rollout.shadow_share:.4g} of the requests: {rollout.shadow}")
    if rollout.served != rollout.live:
        lines.append(f"the replica that was asked serves {rollout.served}")
    lines += [f"refused: {line}" for line in rollout.refused]
    for line in lines:
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def _share(value: float) -> str:
    return f"{value:.1%}" if value else ""
