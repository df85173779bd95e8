"""Plans of all items into one file, whole or not at all: in blocks, in the order of the items."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from serving.adapters.forecast_bulk import TURN, drafted
from serving.core.errors import StoregateError
from serving.decisions.replenish.contract import Planned, PlanQuery
from serving.decisions.replenish.service import InventoryService

BLOCK_ITEMS: Final = 500
SCHEMA: Final = pa.schema(
    [
        ("item_id", pa.string()),
        ("location_id", pa.string()),
        ("order_quantity", pa.int64()),
        ("order_up_to", pa.int64()),
        ("reorder_point", pa.int64()),
        ("safety_stock", pa.float64()),
        ("inventory_position", pa.int64()),
        ("expected_demand", pa.float64()),
        ("expected_cycle_demand", pa.float64()),
        ("expected_fill_rate", pa.float64()),
        ("expected_service_level", pa.float64()),
        ("expected_stock", pa.float64()),
        ("expected_shortage", pa.float64()),
        ("expected_shortage_before_arrival", pa.float64()),
        ("expected_holding_cost_minor", pa.float64()),
        ("expected_shortage_cost_minor", pa.float64()),
        ("order_cost_minor", pa.float64()),
        ("unit_cost_minor", pa.int64()),
        ("currency", pa.string()),
        ("bound", pa.string()),
        ("policy", pa.string()),
        ("aim", pa.string()),
        ("method", pa.string()),
        ("model_version", pa.string()),
        ("stock_known", pa.bool_()),
    ]
)
"""Of contract.Planned, in its order."""


@dataclass(frozen=True, slots=True)
class Written:
    """What came of it. missing: items that the forecast does not know."""

    items: int
    ordered: int
    bytes: int
    missing: int


def write_plans(
    out: Path, service: InventoryService, items: Sequence[str], like: PlanQuery, told: Callable[[int, int], None]
) -> Written:
    """A line for each of `items`, asked as the one item of `like`. told: (items done, of all).

    Raises what is wrong with the question, OSError; then no file is there that was not there before.
    """
    done = ordered = missing = 0
    parquet, packed = out.name.endswith(".parquet"), out.name.endswith(".gz")
    (ask,) = like.asks
    with (
        drafted(out) as draft,
        pa.CompressedOutputStream(str(draft), "gzip") if packed else pa.OSFile(str(draft), "wb") as sink,
        pq.ParquetWriter(sink, SCHEMA) if parquet else pa.csv.CSVWriter(sink, SCHEMA) as writer,
    ):
        for at in range(0, len(items), BLOCK_ITEMS):
            block = items[at : at + BLOCK_ITEMS]
            asks = tuple(replace(ask, item_id=item) for item in block)
            (answer,) = service.run_plan([replace(like, asks=asks)], TURN)
            if isinstance(answer, StoregateError):
                raise answer
            if answer.plans:
                writer.write_batch(_batch(answer.plans))
            ordered += sum(plan.quantity > 0 for plan in answer.plans)
            missing += len(answer.missing)
            done += len(block)
            told(done, len(items))
    return Written(done - missing, ordered, out.stat().st_size, missing)


def _batch(plans: Sequence[Planned]) -> pa.RecordBatch:
    columns = [list(column) for column in zip(*map(astuple, plans), strict=True)]
    for name in ("bound", "policy", "aim"):
        at = SCHEMA.get_field_index(name)
        columns[at] = [one.name.lower().replace("_", "-") for one in columns[at]]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)
