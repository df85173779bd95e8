"""`python -m loadtests.price_rules`: decides prices for items and rules drawn at random, and has every decision checked
by code that shares nothing with what decides. Ends with 1 if a rule was broken."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

import click
import numpy as np
import numpy.typing as npt
from rich import box
from rich.progress import Progress
from rich.table import Table

from loadtests.bench.report import Result, Row
from loadtests.price_cases import RandomDemand, facts_of, random_case, random_rules, rulebook_of, verdict_of
from loadtests.price_checker import Case, Verdict, not_best, violations
from loadtests.telling import tell
from serving.decisions.price.chance import Chance
from serving.decisions.price.pipeline import decide
from serving.decisions.price.rules import RULES, Rules, names

BATCH = 20_000


@dataclass(slots=True)
class Tally:
    """What was seen."""

    decisions: int = 0
    priced: int = 0
    explored: int = 0
    violations: Counter[str] = field(default_factory=Counter)
    bound: Counter[str] = field(default_factory=Counter)
    gave_way: Counter[str] = field(default_factory=Counter)
    contradicted: Counter[str] = field(default_factory=Counter)
    deciding_s: float = 0.0


def check(seed: int, number: int, n: int, tally: Tally) -> None:
    """Decides n items under one set of rules, and checks each of them."""
    rng = np.random.default_rng((seed, number))
    rules = random_rules(rng)
    case, policy = random_case(rng, n)
    facts, packs = facts_of(case, policy)
    demand = RandomDemand(rng, case.price)
    chance = Chance(rng.integers(0, 2**63, n).astype(np.uint64), rules.params.explore_seed, number)
    began = time.perf_counter()
    decided = decide(facts, packs, demand, rules, chance, pause=lambda: None)
    tally.deciding_s += time.perf_counter() - began
    said = verdict_of(decided, demand)
    tally.violations += violations(case, rulebook_of(rules, policy, demand.period_days), said)
    forced = said.gave_way["stock_cover"] | said.gave_way["ending"] | _stock_rules(case, said, rules, policy, demand)
    worse = not_best(
        case, said, demand.prices, demand.answered, revenue=rules.params.objective == "revenue", plain=forced
    )
    if worse.any():
        tally.violations["not the best"] += int(worse.sum())
    tally.decisions += n
    tally.priced += int((decided.price > 0).sum())
    tally.explored += int(decided.explored.sum())
    for bits, counter in ((decided.gave_way, tally.gave_way), (decided.failed, tally.contradicted)):
        for value, count in zip(*np.unique(bits, return_counts=True), strict=True):
            for name in names(int(value)):
                counter[name] += int(count)
    for value, count in zip(*np.unique(decided.rule[decided.price > 0], return_counts=True), strict=True):
        tally.bound[RULES[value]] += int(count)


def _stock_rules(
    case: Case, said: Verdict, rules: Rules, policy: npt.NDArray[np.int32], demand: RandomDemand
) -> npt.NDArray[np.bool_]:
    """Items of which stock forbids some candidates within the band: their curve may rise, so the band has holes."""
    cover = rulebook_of(rules, policy, demand.period_days).cover_periods
    within: npt.NDArray[np.bool_] = (demand.prices >= said.low[:, None]) & (demand.prices <= said.high[:, None])
    short = (case.on_hand >= 0)[:, None] & (demand.prices < case.price[:, None])
    short &= demand.answered * cover[:, None] > case.on_hand[:, None]
    holes: npt.NDArray[np.bool_] = (within & short).any(axis=1)
    return holes


@click.command()
@click.option("--decisions", default=10_000_000, show_default=True, type=click.IntRange(1))
@click.option("--seed", default=0, show_default=True)
@click.option("--json", is_flag=True, help="One JSON object instead of a table.")
def main(decisions: int, seed: int, json: bool) -> None:
    """Every decision checked against the table of rules in serving/README.md."""
    tally, began = Tally(), time.perf_counter()
    with Progress(transient=True, disable=json) as progress:
        task = progress.add_task("decisions", total=decisions)
        number = 0
        while tally.decisions < decisions:
            n = min(BATCH, decisions - tally.decisions)
            check(seed, number, n, tally)
            number += 1
            progress.advance(task, n)
    seconds = time.perf_counter() - began
    row: Row = {
        "name": "price rules",
        "served": True,
        "decisions": tally.decisions,
        "priced": tally.priced,
        "explored": tally.explored,
        "violations": sum(tally.violations.values()),
        "decisions_per_s": round(tally.decisions / tally.deciding_s),
    }
    table = Table(title=f"{tally.decisions:,} decisions, {number:,} sets of rules", box=box.SIMPLE_HEAD)
    for name in ("rule", "bound the price", "gave way", "left no price", "broken"):
        table.add_column(name, justify="left" if name == "rule" else "right")
    names = dict.fromkeys([*tally.bound, *tally.gave_way, *tally.contradicted, *tally.violations])
    for name in names:
        counts = (tally.bound, tally.gave_way, tally.contradicted, tally.violations)
        table.add_row(name, *(f"{counter[name]:,}" for counter in counts))
        row |= {f"bound_{name}": tally.bound[name]} if tally.bound[name] else {}
    notes = [f"{count:,} x {name}" for name, count in tally.violations.items()]
    command = f"python -m loadtests.price_rules --decisions {decisions} --seed {seed}"
    data = {"name": "drawn at random", "sets_of_rules": number}
    tell(Result(command, data, seed, {"batch": BATCH}, [row], seconds, notes), table, json=json)


if __name__ == "__main__":
    main()
