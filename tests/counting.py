"""Events for the tests of the counters, and a slow twin that counts them one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import combinations

from serving.adapters.archive_files import table_of
from serving.adapters.counting import rows_of
from serving.core.ids import hash64
from serving.events import counters
from serving.events.counters import Day
from serving.events.log import LoggedEvent, Position, Span
from serving.events.trends import NOTHING, ONE, Single, Sums, Trends, trends
from serving.events.types import UserEvent

TODAY = date(2026, 11, 20)
MIDNIGHT_S = int(datetime(2026, 11, 20, tzinfo=UTC).timestamp())
DAY_S = 86_400
HALF_LIFE_DAYS = 14.0


def event(number: int, kind: str, who: str, *items: str, back: int = 0, second: int = 0) -> LoggedEvent:
    """An event `back` days before TODAY. who: "u:ada" or "v:ada"."""
    user, visitor = (who[2:], "") if who.startswith("u:") else ("", who[2:])
    time_s = MIDNIGHT_S - back * DAY_S + second
    return LoggedEvent(UserEvent(f"e{number}", kind, user, visitor, time_s, tuple((item, 1) for item in items)))


def batch(events: Sequence[LoggedEvent], first: int = 1) -> tuple[Span, list[tuple[Position, LoggedEvent]]]:
    """As the mover hands it to the archive; first: its first position in the stream."""
    placed = [(Position(first + number, 0), one) for number, one in enumerate(events)]
    return Span(placed[0][0], placed[-1][0]), placed


def trends_of(events: Sequence[LoggedEvent], today: date) -> Trends:
    """What is published when these events of that day are all there are."""
    if not events:
        return trends(NOTHING, {}, today, HALF_LIFE_DAYS)
    day = counters.counted(rows_of(table_of(batch(events)[1])))
    return trends(NOTHING.plus(Sums.of(day, ONE)), {today: Single.of(day)}, today, HALF_LIFE_DAYS)


def sold(item: str, times: int, time_s: int) -> list[LoggedEvent]:
    """Purchases by as many visitors, at one moment."""
    return [
        LoggedEvent(UserEvent(f"sold{n}", "purchase-complete", "", f"v{n}", time_s, ((item, 1),))) for n in range(times)
    ]


def twin(events: Sequence[LoggedEvent]) -> dict[str, object]:
    """What the counters of one day say of distinct events, by names; see `told`."""
    bought: Counter[str] = Counter()
    viewed: Counter[str] = Counter()
    seen: dict[str, set[str]] = {}
    short: dict[tuple[str, str], int] = {}
    for one in events:
        happened, items = one.event, {item for item, _ in one.event.items}
        match happened.event_type:
            case "purchase-complete":
                bought.update(items)
            case "detail-page-view":
                viewed.update(items)
                seen.setdefault(happened.profile_key, set()).update(items)
            case "stockout-seen":
                for item in items:
                    key = happened.profile_key, item
                    short[key] = max(short.get(key, 0), happened.time_s)
    few = [items for items in seen.values() if len(items) <= counters.VIEWED_ITEMS_MAX]
    return {
        "bought": dict(bought),
        "viewed": dict(viewed),
        "viewers": dict(Counter(item for items in few for item in items)),
        "together": dict(Counter(frozenset(pair) for items in few for pair in combinations(items, 2))),
        "short": {(hash64(who), item): when for (who, item), when in short.items()},
    }


def told(day: Day) -> dict[str, object]:
    """The same of counters."""
    names = day.names.tolist()

    def each(counts: Sequence[int]) -> dict[str, int]:
        return {name: int(count) for name, count in zip(names, counts, strict=True) if count}

    return {
        "bought": each(day.bought),
        "viewed": each(day.viewed),
        "viewers": each(day.viewers),
        "together": {
            frozenset((names[pair >> 32], names[pair & 0xFFFFFFFF])): count
            for pair, count in zip(day.pairs.tolist(), day.together.tolist(), strict=True)
        },
        "short": {
            (who, names[item]): when
            for who, item, when in zip(
                day.short_visitor.tolist(), day.short_item.tolist(), day.short_s.tolist(), strict=True
            )
        },
    }
