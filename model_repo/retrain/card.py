"""What a retraining did, step by step: facts for programs, and a page for people made from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

from model_repo.datasets.events import Log
from model_repo.datasets.tables import Dataset
from model_repo.retrain.comparing import CERTAINTY, METRIC, RESAMPLES, K

DAYS_SHOWN_MAX: Final = 14
Facts = dict[str, Any]


def when(time_s: float) -> str:
    """RFC 3339, whole seconds."""
    return datetime.fromtimestamp(int(time_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def data_facts(dataset: Dataset, past: Dataset, log: Log) -> Facts:
    """What was learnt from: how much, and the checksums by which it can be found again."""
    events = dataset.events
    return {
        "sha256": dataset.sha256,
        "events": len(events),
        "users": len(dataset.users),
        "items": len(dataset.items),
        "first": when(events.time_s[0]),
        "last": when(events.time_s[-1]),
        "past": {"name": past.name, "sha256": past.sha256, "report": [asdict(kept) for kept in past.report]},
        "log": {
            "rows": len(log),
            "days_left_out": log.days_left_out,
            "days": [{**asdict(day), "day": day.day.isoformat()} for day in log.days],
        },
        "report": [asdict(kept) for kept in dataset.report],
    }


def rule_text(margin: float) -> str:
    """The rule, stated."""
    return (
        f"A new release goes live when, with {100 * CERTAINTY:g} % certainty (paired bootstrap over the customers, "
        f"{RESAMPLES} resamples), its {METRIC.upper()}@{K} on the newest slice is not below the live release's by more "
        f"than {100 * margin:g} %."
    )


def page(facts: Mapping[str, Any]) -> str:
    """The card in Markdown. facts: as flow.py makes them."""
    split, data, told = facts["split"], facts["data"], facts["comparison"]
    lines = [
        f"# Release {facts['release']}",
        "",
        f"**{facts['decision'].capitalize()}**, {facts['date']}. {_upper(facts['reason'])}.",
        "",
        f"Rule: {facts['rule']}",
        "",
        "## On the newest slice",
        "",
        f"{split['customers']:,} customers, the first basket of each from {split['from']} to {split['to']}. The live "
        f"release {facts['before']['release']} has learnt from events up to {split['live_has_seen']}, the new one was "
        f"trained for this comparison on events before {split['from']}.",
        "",
        "| metric | live | new |",
        "|---|---|---|",
        *(
            f"| {name} | {facts['metrics']['live'].get(name, 0.0):.4f} | {value:.4f} |"
            for name, value in facts["metrics"]["candidate"].items()
        ),
        "",
        f"Difference in {METRIC.upper()}@{K}: {told['difference']:+.4f}, with 90 % certainty between "
        f"{told['low']:+.4f} and {told['high']:+.4f}.",
        "",
        "## Learnt from",
        "",
        f"{data['events']:,} events of {data['users']:,} users and {data['items']:,} items, {data['first']} to "
        f"{data['last']}. SHA-256 {data['sha256']}.",
        "",
        "| rows | what | why |",
        "|---|---|---|",
        *(f"| {kept['rows']:,} | {kept['what']} | {kept['why']} |" for kept in data["report"]),
        "",
        *_days(data["log"]),
        "## Steps",
        "",
        "| step | seconds |",
        "|---|---|",
        *(f"| {name} | {seconds:.1f} |" for name, seconds in facts["seconds"].items()),
        "",
        f"Recipe: seed {facts['seed']}, {facts['recipe']['moments']} moments; the whole of it stands in the JSON.",
        "",
        "## Versions",
        "",
        "| part | before | this |",
        "|---|---|---|",
        *(
            f"| {part} | {facts['before']['models'].get(part, '')} | {version} |"
            for part, version in sorted(facts["models"].items())
        ),
        "",
    ]
    return "\n".join(lines)


def _days(log: Mapping[str, Any]) -> list[str]:
    """The newest days of the log that were read."""
    days = log["days"]
    if not days:
        return ["The event log is empty.", ""]
    shown = days[-DAYS_SHOWN_MAX:]
    older = len(days) - len(shown)
    return [
        "| day of the log | files | events | SHA-256 over the files' names |",
        "|---|---|---|---|",
        *([f"| {older} older days | | {sum(day['events'] for day in days[:older]):,} | |"] if older else []),
        *(f"| {day['day']} | {day['files']} | {day['events']:,} | {day['sha256'][:16]} |" for day in shown),
        "",
    ]


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
