"""Files of sales lines as shops have them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"


def csv(tmp_path: Path, *rows: str, header: str = HEADER, name: str = "shop.csv") -> Path:
    path = tmp_path / name
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def row(
    invoice: str = "536365",
    item: str = "85123A",
    title: str = "WHITE LANTERN",
    quantity: object = 6,
    time: str = "2010-12-01 08:26:00",
    price: object = 2.55,
    customer: str = "17850.0",
) -> str:
    return f"{invoice},{item},{title},{quantity},{time},{price},{customer},United Kingdom"


def epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
