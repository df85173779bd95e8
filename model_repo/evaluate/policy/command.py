"""The command `storegate evaluate policy`."""

from __future__ import annotations

import math
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

if TYPE_CHECKING:
    from model_repo.evaluate.report import Result

OUTCOMES = ("detail-page-view", "add-to-cart", "purchase-complete")
PIPED_COLUMNS = 130
DATES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
PROTOCOL = "each place decided by another policy below the places as they were logged"


@click.command()
@click.option("--simulate", "simulated", is_flag=True, help="A simulated shop whose truth is known.")
@click.option("--home", type=click.Path(path_type=Path), help="Folder of a gateway, whose log is read.")
@click.option("--redis", "url", help="URL of the Redis with the log, instead of --home.")
@click.option("--config", type=click.Path(path_type=Path), help="TOML file of settings. [./storegate.toml]")
@click.option("--outcome", type=click.Choice(OUTCOMES), default=OUTCOMES[0], show_default=True, help="What earns 1.")
@click.option("--placement", default="", help="Pages of this placement alone.")
@click.option("--since", type=click.DateTime(DATES), help="Decisions from then on (UTC). [all]")
@click.option("--until", type=click.DateTime(DATES), help="Decisions before (UTC); leave outcomes time. [now]")
@click.option("--clip", type=click.FloatRange(1.0), default=math.inf, help="Largest weight: less variance, more bias.")
@click.option(
    "--resamples", type=click.IntRange(100, 100_000), default=1000, show_default=True, help="Of the bootstrap."
)
@click.option("--runs", type=click.IntRange(2, 100_000), default=200, show_default=True, help="Simulated logs.")
@click.option("--pages", type=click.IntRange(10, 100_000), default=1000, show_default=True, help="In a simulated log.")
@click.option(
    "--share", type=click.FloatRange(0.001, 1.0), default=0.2, show_default=True, help="Simulated exploration_share."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--json", "as_json_", is_flag=True, help="One JSON object on standard output instead of the table.")
def policy(
    simulated: bool,
    home: Path | None,
    url: str | None,
    config: Path | None,
    outcome: str,
    placement: str,
    since: datetime | None,
    until: datetime | None,
    clip: float,
    resamples: int,
    runs: int,
    pages: int,
    share: float,
    seed: int,
    as_json_: bool,
) -> None:
    """What another policy would have earned on the pages that were logged: IPS, SNIPS and doubly robust estimates.

    \b
    storegate evaluate policy --simulate
    storegate evaluate policy --home var --outcome purchase-complete
    storegate evaluate policy --redis redis://127.0.0.1:6379/0 --json
    """
    if simulated + (home is not None) + (url is not None) != 1:
        raise click.UsageError("give exactly one of --simulate, --home HOME and --redis URL")
    from model_repo.evaluate.policy.table import show  # heavy: only when it runs
    from model_repo.evaluate.report import as_json

    began = time.monotonic()
    if simulated:
        result = _of_simulation(share, pages, runs, clip, resamples, seed)
    else:
        since_s = since.replace(tzinfo=UTC).timestamp() if since else 0.0
        until_s = until.replace(tzinfo=UTC).timestamp() if until else time.time()
        result = _of_log(home, url, config, outcome, placement, (since_s, until_s), clip, resamples, seed)
    result = replace(result, seconds=time.monotonic() - began)
    if as_json_:
        sys.stdout.write(as_json(result) + "\n")
    else:
        show(result, Console(width=None if sys.stdout.isatty() else PIPED_COLUMNS))


def _of_simulation(share: float, pages: int, runs: int, clip: float, resamples: int, seed: int) -> Result:
    from model_repo.evaluate.policy.simulator import make_world
    from model_repo.evaluate.policy.table import rows_of_trials, warnings_of_trials
    from model_repo.evaluate.policy.trials import simulate
    from model_repo.evaluate.report import Result

    began, world = time.monotonic(), make_world(seed)
    Console(stderr=True).print(f"{runs} logs of {pages:,} pages", style="dim", highlight=False)
    found = simulate(world, share=share, pages=pages, runs=runs, clip=clip, resamples=resamples, seed=seed)
    users, items = world.affinity.shape
    return Result(
        command="evaluate policy",
        data="simulated shop",
        sha256=sha256(world.affinity.tobytes() + world.relevance.tobytes()).hexdigest(),
        seed=seed,
        protocol=f"clicks a page; {PROTOCOL}; {share:g} of the places were drawn",
        counts={"users": users, "items": items, "places": world.places, "pages": pages, "runs": runs},
        rows=rows_of_trials(found, time.monotonic() - began),
        seconds=0.0,
        notes=warnings_of_trials(found),
    )


def _of_log(
    home: Path | None, url: str | None, config: Path | None, outcome: str, placement: str,
    moments: tuple[float, float], clip: float, resamples: int, seed: int,
) -> Result:  # fmt: skip
    from model_repo.evaluate.policy.estimators import judge
    from model_repo.evaluate.policy.log import read
    from model_repo.evaluate.policy.store import decisions_at
    from model_repo.evaluate.policy.table import rows_of
    from model_repo.evaluate.report import Result
    from serving.settings import load

    began = time.monotonic()
    settings = load(config, overrides={"home": home, "redis.url": url})
    with decisions_at(settings.home, settings.redis.url, settings.redis.prefix) as (store, name):
        found = read(store.scan(*moments), outcome, placement=placement, where=name)
    served, judged = judge(found.pages, found.targets, clip=clip, resamples=resamples, seed=seed)
    return Result(
        command="evaluate policy",
        data=name,
        sha256=found.digest,
        seed=seed,
        protocol=f"{outcome} a page{f' of {placement}' if placement else ''}; {PROTOCOL}",
        counts=found.counts,
        rows=rows_of(served, judged, time.monotonic() - began),
        seconds=0.0,
        notes=[*found.notes, *(warning for each in judged for warning in each.warnings)],
    )
