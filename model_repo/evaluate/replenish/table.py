"""What the policies cost, for people and for programs."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

from model_repo.datasets.tables import Dataset
from model_repo.evaluate.machine import peak_rss_mib
from model_repo.evaluate.replenish.flow import NORMAL, SERVED, STATISTICAL, Line, Outcome
from model_repo.evaluate.replenish.world import Terms
from model_repo.evaluate.report import Result, Row


def result_of(outcome: Outcome, dataset: Dataset, terms: Terms, days: int, seed: int, seconds: float) -> Result:
    """The object that --json prints; costs in minor units."""
    lost = "lost" if terms.lost else "waiting"
    return Result(
        command="evaluate replenish",
        data=dataset.name,
        sha256=dataset.sha256,
        seed=seed,
        protocol=f"{days} days as they happened, reviews every {terms.review_days} days, "
        f"{terms.lead_days} days of lead time, unmet demand {lost}, target {terms.target:g}",
        counts={"items": outcome.items, "reviews": outcome.reviews, "units": outcome.units, "days": days},
        rows=[
            Row(
                line.name if line.name == SERVED else f"{line.name}, {line.how}, {line.detail}",
                {
                    "cost": line.score.cost,
                    "holding": line.score.holding,
                    "shortage": line.score.shortage,
                    "orders": line.score.orders,
                    "fill_rate": line.score.fill_rate,
                    "item_fill_rate": line.score.item_fill_rate,
                    "stock": line.score.stock,
                    **_against(line, outcome),
                },
                line.seconds,
            )
            for line in outcome.lines
        ],
        seconds=seconds,
        notes=[
            f"no costs are known: a unit costs {terms.cost_share:.0%} of its price",
            "the same demand and costs for everybody; each begins with its own first position in stock",
            "the served forecast's trees are learned anew every 28 days, from the past alone",
            "served is the policy for least cost, as prescribed, named before anything was played; its variants are "
            "asked for something else",
            "hindsight is the least safety with the target's fill rate in the test itself: with it all serve as much",
            "served to the fill rate adds one amount to the cost of any unit short, so that cheap items are safer; the "
            "usual policies have the same safety for all items",
            f"of the served policy: replenish.level_share {outcome.level_share:g}",
            *(
                ["the served policy orders by (s,S), the others by (R,s,S) with the economic quantity"]
                if terms.order_cost > 0
                else []
            ),
        ],
    )


def show(result: Result, outcome: Outcome, console: Console) -> None:
    """One line a policy."""
    console.print(f"[bold]{result.data}[/bold]: {result.protocol}", highlight=False)
    console.print(", ".join(f"{name} {count:,}" for name, count in result.counts.items()))
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("policy", "safety", "by"):
        table.add_column(name, overflow="fold")
    for name in ("cost", "holding", "shortage", "orders", "fill rate", "stock", "of z sigma", "of statistical"):
        table.add_column(name, justify="right", no_wrap=True)
    for line in outcome.lines:
        score, against = line.score, _against(line, outcome)
        table.add_row(
            line.name, line.how, line.detail,
            *(f"{amount / 100:,.0f}" for amount in (score.cost, score.holding, score.shortage, score.orders)),
            f"{score.fill_rate:.1%}", f"{score.stock:,.0f}",
            *(f"{against[name]:+.1%}" for name in ("cost_of_normal", "cost_of_statistical")),
        )  # fmt: skip
    console.print(table)
    for note in result.notes:
        console.print(f"note: {note}", highlight=False)
    console.print(f"seed {result.seed}, {result.seconds:.1f} s, peak memory {peak_rss_mib()} MiB", highlight=False)


def _against(line: Line, outcome: Outcome) -> dict[str, float]:
    """Cost above (below 0: below) the two usual policies with a safety set in the same way."""
    costs = {one.name: one.score.cost for one in outcome.lines if one.how == line.how}
    return {
        "cost_of_normal": line.score.cost / costs[NORMAL] - 1,
        "cost_of_statistical": line.score.cost / costs[STATISTICAL] - 1,
    }
