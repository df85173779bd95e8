"""Forecasts of all items into one file: in blocks, in the order of the items, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from serving.adapters import disk
from serving.adapters.forecast_table import long_rows, schema
from serving.core.clock import NEVER
from serving.core.errors import DataError, InvalidInput, StoregateError
from serving.core.turn import Turn
from serving.decisions.forecast.contract import Answer, Query
from serving.decisions.forecast.pipeline import ForecastPipeline, items_at_once

SUFFIXES: Final = (".parquet", ".csv", ".csv.gz")
BLOCKS_AHEAD: Final = 2
"""A worker may be ahead of the file: what waits to be written is bounded."""
TURN: Final = Turn(0.0, 0.0, NEVER)


@dataclass(frozen=True, slots=True)
class Written:
    """What came of it. missing: items that the model does not know."""

    items: int
    rows: int
    bytes: int
    missing: int
    degraded: int
    """Items for which the trained model could not run."""


class _Writer(Protocol):
    def write_batch(self, batch: pa.RecordBatch) -> None: ...


def write_forecasts(
    out: Path,
    pipeline: ForecastPipeline,
    query: Query,
    told: Callable[[int, int], None],
    threads: int = 1,
) -> Written:
    """query: what is asked for each item of its item_ids, () = all that the model knows. told: (items done, of all).

    The same model, catalogue and question give the same bytes, whatever the threads. Raises InvalidInput, ModelFailed,
    DataError where the file cannot be written; then no file is there that was not there before.
    """
    try:
        return _written(out, pipeline, query, told, threads)
    except OSError as error:
        raise DataError(str(out), f"it cannot be written ({error.strerror or error})") from error


def _written(
    out: Path, pipeline: ForecastPipeline, query: Query, told: Callable[[int, int], None], threads: int
) -> Written:
    kind = _kind(out)
    items = query.item_ids or pipeline.model.item_ids
    blocks = [replace(query, item_ids=part) for part in _parts(items, query)]
    done = missing = degraded = rows = 0
    with drafted(out) as draft, _opened(draft, kind, query.quantiles, pipeline.model.version) as writer:
        for block, answer in zip(blocks, _in_order(pipeline, blocks, threads), strict=True):
            writer.write_batch(long_rows(answer))
            done += len(block.item_ids)
            rows += answer.mean.size
            missing += len(answer.missing_items)
            degraded += len(block.item_ids) if answer.degraded else 0
            told(done, len(items))
    return Written(done - missing, rows, out.stat().st_size, missing, degraded)


def check_path(field: str, out: Path) -> None:
    """Raises InvalidInput for a file that could not be written."""
    _kind(out, field)
    if out.is_dir() or not out.absolute().parent.is_dir():
        raise InvalidInput(field, str(out), "a file in a folder that is there")


@contextmanager
def drafted(out: Path) -> Iterator[Path]:
    """A draft beside `out` that takes its place when all went well, and goes when not."""
    handle, name = tempfile.mkstemp(prefix=f".{out.name}.", suffix=disk.DRAFT, dir=out.absolute().parent)
    draft = Path(name)
    try:
        os.fchmod(handle, 0o644)
        yield draft
        os.fsync(handle)
        os.replace(draft, out)
        disk.sync(out.absolute().parent)
    except BaseException:
        with suppress(FileNotFoundError):
            draft.unlink()
        raise
    finally:
        os.close(handle)


def _kind(out: Path, field: str = "out") -> str:
    kind = next((suffix for suffix in reversed(SUFFIXES) if out.name.endswith(suffix)), "")
    if not kind:
        raise InvalidInput(field, out.name, f"a name that ends with {', '.join(SUFFIXES)}")
    return kind


def _parts(items: Sequence[str], query: Query) -> Iterator[tuple[str, ...]]:
    """The items in blocks that one answer may hold."""
    size = items_at_once(query)
    for at in range(0, len(items), size):
        yield tuple(items[at : at + size])


def _in_order(pipeline: ForecastPipeline, blocks: Sequence[Query], threads: int) -> Iterator[Answer]:
    """Computed by several threads, a few ahead."""

    def answered(query: Query) -> Answer:
        (found,) = pipeline.run([query], TURN)
        if isinstance(found, StoregateError):
            raise found
        return found

    with ThreadPoolExecutor(threads, "forecast") as pool:
        waiting: deque[Future[Answer]] = deque()
        left = iter(blocks)
        try:
            for query in left:
                waiting.append(pool.submit(answered, query))
                if len(waiting) > threads * BLOCKS_AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()


@contextmanager
def _opened(path: Path, kind: str, quantiles: Sequence[float], version: str) -> Iterator[_Writer]:
    columns = schema(quantiles)
    if kind == ".parquet":
        described = columns.with_metadata({"model_version": version})
        with pq.ParquetWriter(path, described, compression="zstd") as parquet:
            yield _Parquet(parquet, described)
        return
    with pa.OSFile(str(path), "wb") as raw:
        stream: Any = pa.CompressedOutputStream(raw, "gzip") if kind == ".csv.gz" else raw
        with stream, pyarrow.csv.CSVWriter(stream, columns) as table:
            yield table


class _Parquet:
    """Writes batches as row groups of a bounded size."""

    def __init__(self, writer: pq.ParquetWriter, columns: pa.Schema) -> None:
        self._writer, self._columns = writer, columns

    def write_batch(self, batch: pa.RecordBatch) -> None:
        self._writer.write_batch(batch.replace_schema_metadata(self._columns.metadata))
