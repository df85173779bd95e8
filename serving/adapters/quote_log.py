"""The log of quotes: at which price each item stood, from when on, and the chance that this price had. Parquet files:

<home>/quotes/<day>/<period>-<catalogue version>-<16 hexadecimal digits of the content>.parquet

A price is decided for an item and a period, and never for who asks, so it is logged for these, too, and not for each
call: all items when a period, a release or the rules begin, and from then on those whose quote has changed. Replicas
decide the same prices: a file that is there already is not written again, and what two of them have told with other
neighbours `read_quotes` gives once. Nothing in it is about people.

Off-policy estimates read it with the sales of an item while a quote stood: price (the arm), propensity, explored.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from serving.adapters import disk
from serving.core.errors import DataError
from serving.core.ports import I32, I64
from serving.core.priority import breathe
from serving.decisions.price.rules import RULES, names
from serving.decisions.price.table import PriceTable
from serving.engine.telemetry import Family

FOLDER: Final = "quotes"
DAY_S: Final = 86_400
CHUNK: Final = 1024
"""Rows made at a time; between them others may run."""
CHANGES_S: Final = 60.0
"""Least time between two files of changes: what stood for less may be missing."""
TOLD: Final = ("price", "low", "high", "rule", "gave_way", "failed", "propensity", "explored")
"""What makes another quote of it; expected units alone do not."""
TIME: Final = pa.timestamp("s", tz="UTC")
SCHEMA: Final = pa.schema(
    [
        ("item_id", pa.string()),
        ("currency", pa.string()),
        ("price", pa.int64()),
        ("propensity", pa.float32()),
        ("explored", pa.bool_()),
        ("lowest", pa.int64()),
        ("highest", pa.int64()),
        ("bound_by", pa.string()),
        ("gave_way", pa.list_(pa.string())),
        ("contradiction", pa.list_(pa.string())),
        ("current_price", pa.int64()),
        ("expected_units", pa.float32()),
        ("expected_margin", pa.float64()),
        ("period_start", TIME),
        ("period_end", TIME),
        ("release", pa.string()),
        ("model_version", pa.string()),
        ("rules_version", pa.string()),
        ("catalogue_version", pa.int64()),
        ("since", TIME),
    ]
)
"""As in PriceQuote and PricingInfo of the contract; amounts in minor units. price: null = no price is allowed. since:
when it was first logged, within CHANGES_S of when it began to stand."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Last:
    table: PriceTable
    release: str
    wall_s: float


class QuoteLog:
    """One caller at a time. What cannot be written is dropped, told and counted: prices go on."""

    def __init__(self, home: Path, days: int) -> None:
        """days: 0..3650 that are kept; 0 = nothing is written, and nothing deleted."""
        self._folder, self._days = home / FOLDER, days
        self._last: _Last | None = None
        self.written = 0
        """Rows."""
        self.dropped = 0
        """Tables of which something could not be written."""

    def note(self, table: PriceTable, release: str, wall_s: float, *, ends: bool = False) -> bool:
        """Writes what is new in the table; whether nothing of it is left to be written. release: whose model it is.
        ends: there is no later time for small changes."""
        last = self._last
        if not self._days or (last is not None and last.table is table):
            return True
        if last is not None and not ends and wall_s - last.wall_s < CHANGES_S and _goes_on(last, table, release):
            return False
        rows = _changed(last, table, release)
        try:
            if len(rows):
                self._write(table, rows, release, wall_s)
        except Exception:  # a full disk, or a defect: neither must keep prices from being decided
            self.dropped += 1
            _log.exception("quotes of release %s could not be logged below %s", release, self._folder)
        self._last = _Last(table, release, wall_s)
        return True

    def _write(self, table: PriceTable, rows: I64, release: str, wall_s: float) -> None:
        found = _rows_of(table, rows, release)
        folder = self._folder / _day(table.start_s).isoformat()
        path = folder / f"{table.start_s}-{table.catalogue.version}-{_digest(found)}.parquet"
        if path.exists():
            return
        folder.mkdir(parents=True, exist_ok=True)
        since = pa.array(np.full(len(found), int(wall_s)), TIME)
        out = io.BytesIO()
        pq.write_table(found.append_column(SCHEMA.field("since"), since), out, compression="zstd")
        draft = path.with_suffix(f".{secrets.token_hex(4)}{disk.DRAFT}")
        disk.write(draft, out.getvalue())
        os.replace(draft, path)
        self.written += len(found)
        self._forget(_day(wall_s) - timedelta(days=self._days))

    def _forget(self, before: date) -> None:
        for folder in _days(self._folder):
            if date.fromisoformat(folder.name) < before:
                disk.remove(folder)


def quote_families(log: QuoteLog) -> list[Family]:
    """What became of the quotes, as metrics."""
    return [
        Family("counter", "storegate_quotes_logged", "Quotes written to the log.", (), [((), float(log.written))]),
        Family(
            "counter", "storegate_quotes_dropped", "Tables of quotes that could not be written to the log.", (),
            [((), float(log.dropped))],
        ),
    ]  # fmt: skip


def read_quotes(home: Path, *, since: date = date.min, until: date = date.max) -> pa.Table:
    """The quotes of the periods that began on these days, by period, item and time, each once. Raises DataError naming
    a file that cannot be read."""
    parts = []
    for folder in _days(home / FOLDER):
        if since <= date.fromisoformat(folder.name) <= until:
            parts += [_read(path) for path in sorted(folder.glob("*.parquet"))]
    found = pa.concat_tables(parts) if parts else SCHEMA.empty_table()
    found = found.sort_by([(name, "ascending") for name in ("period_start", "item_id", "catalogue_version", "since")])
    return found.filter(pa.array(_first_told(found), pa.bool_()))


def _first_told(found: pa.Table) -> npt.NDArray[np.bool_]:
    """(n,) whether the row tells another quote than the one before it in its period: two replicas may tell the same."""
    told = (
        "period_start",
        "release",
        "rules_version",
        "item_id",
        "price",
        "propensity",
        "explored",
        "lowest",
        "highest",
    )
    other = np.ones(len(found), np.bool_)
    if len(found) > 1:
        other[1:] = False
        for name in told:
            column = found[name].combine_chunks()
            now, before = column[1:], column[:-1]
            same = pc.or_(pc.fill_null(pc.equal(now, before), False), pc.and_(now.is_null(), before.is_null()))
            other[1:] |= ~same.to_numpy(zero_copy_only=False)
    return other


def _read(path: Path) -> pa.Table:
    try:
        return pq.read_table(path, schema=SCHEMA, partitioning=None)
    except (OSError, pa.ArrowException) as error:
        raise DataError(str(path), f"no file of quotes: {error}") from error


def _days(folder: Path) -> Iterator[Path]:
    """Folders of days, the oldest first."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            date.fromisoformat(path.name)
        except ValueError:
            continue
        yield path


def _day(wall_s: float) -> date:
    return datetime.fromtimestamp(wall_s, UTC).date()


def _goes_on(last: _Last | None, table: PriceTable, release: str) -> bool:
    """Whether it is the same period, release and rules, with rows as before and perhaps more."""
    return (
        last is not None
        and last.release == release
        and last.table.period == table.period
        and last.table.rules.version == table.rules.version
        and last.table.model_version == table.model_version
        and len(last.table.catalogue) <= len(table.catalogue)
    )


def _changed(last: _Last | None, table: PriceTable, release: str) -> I64:
    """Rows to be logged: those on sale whose quote is another one."""
    n = len(table.catalogue)
    differ = np.ones(n, np.bool_)
    if last is not None and _goes_on(last, table, release):
        known = len(last.table.catalogue)
        differ[:known] = last.table.catalogue.price != table.catalogue.price[:known]
        for name in TOLD:
            differ[:known] |= getattr(last.table.decided, name) != getattr(table.decided, name)[:known]
    items = table.catalogue.items
    return np.array([row for row in np.flatnonzero(differ).tolist() if not items[row].deleted], np.int64)


def _rows_of(table: PriceTable, rows: I64, release: str) -> pa.Table:
    """All columns but `since`."""
    schema = SCHEMA.remove(SCHEMA.get_field_index("since"))
    parts = []
    for start in range(0, len(rows), CHUNK):
        parts.append(pa.table(_columns(table, rows[start : start + CHUNK], release), schema=schema))
        breathe()
    return pa.concat_tables(parts)


def _columns(table: PriceTable, rows: I64, release: str) -> dict[str, Any]:
    found, items = table.decided.taken(rows), [table.catalogue.items[row] for row in rows.tolist()]
    none, n = found.price == 0, len(rows)

    def known(values: npt.NDArray[Any]) -> pa.Array:
        return pa.array(values, mask=none | np.isnan(values.astype(np.float64)))

    def same(value: object) -> Sequence[object]:
        return [value] * n

    return {
        "item_id": [item.item_id for item in items],
        "currency": [item.currency for item in items],
        "price": known(found.price),
        "propensity": known(found.propensity),
        "explored": found.explored,
        "lowest": known(found.low),
        "highest": known(found.high),
        "bound_by": [RULES[rule] if rule else "" for rule in found.rule.tolist()],
        "gave_way": _named(found.gave_way),
        "contradiction": _named(found.failed),
        "current_price": table.catalogue.price[rows],
        "expected_units": known(found.units),
        "expected_margin": known(found.margin),
        "period_start": pa.array(np.full(n, table.start_s), TIME),
        "period_end": pa.array(np.full(n, table.end_s), TIME),
        "release": same(release),
        "model_version": same(table.model_version),
        "rules_version": same(table.rules.version),
        "catalogue_version": np.full(n, table.catalogue.version, np.int64),
    }


def _named(bits: I32) -> list[list[str]]:
    """(n,) rules of each set of bits; there are few different ones."""
    known = {one: names(one) for one in np.unique(bits).tolist()}
    return [known[one] for one in bits.tolist()]


def _digest(found: pa.Table) -> str:
    """Of what it says."""
    out = io.BytesIO()
    with pa.ipc.new_stream(out, found.schema) as writer:
        writer.write_table(found.combine_chunks())
    return hashlib.sha256(out.getvalue()).hexdigest()[:16]
