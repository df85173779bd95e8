"""Forecasts as columns: a row an item and period, for files of their own; or a row an item with lists, for batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from serving.decisions.forecast.contract import Answer, Confidence

CONFIDENCES: Final = tuple(one.name.lower() for one in Confidence)


def quantile_name(quantile: float) -> str:
    """Of its column: "q0.9"."""
    return f"q{quantile:.12g}"


def schema(quantiles: Sequence[float]) -> pa.Schema:
    """Of `long_rows`. Days: the first of each period."""
    return pa.schema(
        [
            ("item_id", pa.string()),
            ("location_id", pa.string()),
            ("first_day", pa.date32()),
            ("mean", pa.float32()),
            *((quantile_name(one), pa.float32()) for one in quantiles),
            ("method", pa.string()),
            ("confidence", pa.string()),
        ]
    )


def long_rows(answer: Answer) -> pa.RecordBatch:
    """A row an item, location and period, in the answer's order."""
    n, periods = answer.mean.shape
    days = (answer.first_day + answer.period.value * np.arange(periods)).astype(np.int32)
    each = pa.array(np.repeat(np.arange(n, dtype=np.int32), periods))
    columns = [
        pa.array(answer.item_ids, pa.string()).take(each),
        pa.array(answer.location_ids, pa.string()).take(each),
        pa.array(np.tile(days, n)).cast(pa.date32()),
        pa.array(answer.mean.reshape(-1)),
        *(pa.array(answer.units[:, q].reshape(-1)) for q in range(len(answer.quantiles))),
        _words(answer.methods, answer.method).take(each),
        _words(CONFIDENCES, answer.confidence).take(each),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema(answer.quantiles))


def list_columns(answers: Sequence[Answer], at: npt.NDArray[np.int64]) -> dict[str, pa.Array]:
    """A row for each of `at`: its place among the forecasts of all answers, -1 = it has none and all is null."""
    first, none = answers[0], at < 0
    chosen = pa.array(np.maximum(at, 0), mask=none)
    units = np.concatenate([one.units for one in answers])
    found = {"mean": _lists(np.concatenate([one.mean for one in answers]), at)}
    for q, quantile in enumerate(first.quantiles):
        found[quantile_name(quantile)] = _lists(units[:, q], at)
    method = np.concatenate([one.method for one in answers])
    confidence = np.concatenate([one.confidence for one in answers])
    days = pa.array(np.full(len(method), first.first_day, np.int32)).cast(pa.date32())
    return {
        "first_day": days.take(chosen),
        **found,
        "method": _words(first.methods, method).take(chosen),
        "confidence": _words(CONFIDENCES, confidence).take(chosen),
    }


def _lists(values: npt.NDArray[np.float32], at: npt.NDArray[np.int64]) -> pa.Array:
    """Rows `at` of values (n, p) as lists; null where at < 0."""
    here = at >= 0
    offsets = np.concatenate(([0], np.cumsum(np.where(here, values.shape[1], 0)))).astype(np.int32)
    flat = pa.array(values[at[here]].reshape(-1), pa.float32())
    return pa.ListArray.from_arrays(pa.array(offsets), flat, mask=pa.array(~here))


def _words(words: Sequence[str], codes: npt.NDArray[Any]) -> pa.Array:
    return pa.array(words, pa.string()).take(pa.array(codes))
