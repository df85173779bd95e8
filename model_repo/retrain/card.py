"""What a retraining did, step by step: facts for programs, and a page for people made from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from model_repo.datasets.events import Log
from model_repo.datasets.tables import Dataset, Outside
from model_repo.retrain.comparing import CERTAINTY, METRIC, RESAMPLES, K
from serving.adapters import disk
from serving.adapters.releases import Release
from serving.adapters.versions import DECISIONS

DAYS_SHOWN_MAX: Final = 14
TRAINED, CARRIED, ABSENT = "trained", "carried over", "absent"
NOT_FOR_REFUSED: Final = "trained only for a release that may go live"
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


def parts_facts(release: Release, before: Release, absent: Mapping[str, str]) -> Facts:
    """Model of versions.DECISIONS -> what became of it. absent: why it was not trained."""
    return {
        name: {
            "state": (TRAINED if name not in absent else CARRIED) if name in release.models else ABSENT,
            "why": absent.get(name, ""),
        }
        for name in DECISIONS
    }


def outside_facts(path: Path | None, outside: Outside | None, before: Sequence[str], now: Sequence[str]) -> Facts:
    """What was known beside the sales. before, now: the columns that the forecasts of both releases read."""
    return {
        "sha256": disk.digest(path) if path is not None else "",
        "columns": list(outside.names) if outside is not None else [],
        "rows": len(outside.day) if outside is not None else 0,
        "lost": [name for name in before if name not in now],
    }


def parts_told(facts: Mapping[str, Any]) -> list[str]:
    """A line for each model of another decision that is not new, and for columns that the forecast has lost."""
    lines = [
        f"no new {name}: {one['why']} ({one['state']})"
        for name, one in facts.get("parts", {}).items()
        if one["state"] != TRAINED
    ]
    lost = facts.get("outside", {}).get("lost")
    return [*lines, lost_text(lost)] if lost else lines


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
        *_parts(facts.get("parts", {}), facts.get("outside", {})),
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


def _parts(parts: Mapping[str, Any], outside: Mapping[str, Any]) -> list[str]:
    """The models of the other decisions: nobody compares them, so what was done is said."""
    if not parts:
        return []
    lines = ["## Models of other decisions", "", "| model | state | why |", "|---|---|---|"]
    lines += [f"| {name} | {one['state']} | {one['why']} |" for name, one in parts.items()]
    if outside.get("columns"):
        lines += ["", f"Beside the sales: {', '.join(outside['columns'])} ({outside['rows']:,} rows)."]
    if outside.get("lost"):
        lines += ["", lost_text(outside["lost"])]
    return [*lines, ""]


def lost_text(lost: Sequence[str]) -> str:
    """Columns that the forecast had, and has no more."""
    return (
        f"The forecast knows {', '.join(lost)} no more, which the one before it did: name the file "
        "(retrain.outside, as of storegate train --outside)."
    )


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
