"""Which column of a file is what: the user's mapping first, then names that shops commonly use."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from serving.core.errors import DataError, InvalidInput

SYNONYMS: Final[dict[str, tuple[str, ...]]] = {
    "invoice": (
        "invoice", "invoiceno", "invoiceid", "invoicenumber", "orderid", "orderno", "ordernumber", "order", "basketid",
        "basket", "transactionid", "transaction", "receiptid", "receipt", "salesorderid",
    ),
    "item": (
        "stockcode", "sku", "skuid", "itemid", "itemcode", "itemno", "productid", "productcode", "articleid", "asin",
        "upc", "ean", "item", "product", "article",
    ),
    "title": (
        "description", "title", "producttitle", "itemtitle", "productname", "itemname", "itemdescription",
        "productdescription", "name",
    ),
    "quantity": ("quantity", "qty", "units", "count", "pieces", "orderquantity", "itemquantity"),
    "time": (
        "invoicedate", "orderdate", "purchasedate", "transactiondate", "timestamp", "transactiontimestamp", "datetime",
        "date", "time", "createdat", "orderedat", "purchasedat", "eventtime", "unixtime",
    ),
    "price": ("unitprice", "price", "itemprice", "saleprice", "priceperunit"),
    "amount": ("salesvalue", "salesamount", "linetotal", "lineamount", "linevalue", "totalprice", "totalamount"),
    "customer": (
        "customerid", "customer", "customerno", "customernumber", "userid", "user", "householdid", "memberid",
        "clientid", "buyerid", "shopperid",
    ),
    "location": (
        "location", "locationid", "warehouse", "warehouseid", "store", "storeid", "storeno", "branch", "outlet", "site",
        "region", "country", "countrycode", "customercountry",
    ),
}  # fmt: skip
"""Key of the mapping -> names it is known by, best first, in lower case without spaces, '_', '-' and '.'.

'amount' is what the whole line cost; it counts where there is no price of one piece. 'location' is where a line was
sold from or to: forecasts can be asked for each."""

KEYS: Final = tuple(SYNONYMS)


def resolve(path: str, present: Sequence[str], chosen: Mapping[str, str] | None = None) -> dict[str, str]:
    """key -> name of the column in the file, for the keys the file has.

    `chosen` overrides the guesses. 'item' and 'time' must be found, and 'invoice' or 'customer'.
    """
    found: dict[str, str] = {}
    for key, name in (chosen or {}).items():
        if key not in SYNONYMS:
            raise InvalidInput("columns", key, f"one of {', '.join(KEYS)}")
        found[key] = _named(path, present, key, name)
    by_plain: dict[str, str] = {}
    for name in present:
        by_plain.setdefault(plain(name), name)
    for key, names in SYNONYMS.items():
        taken = set(found.values())
        guess = next((by_plain[n] for n in names if n in by_plain and by_plain[n] not in taken), None)
        if key not in found and guess is not None:
            found[key] = guess
    # "product" is a code in one shop and a name in the next: beside a better code it is the title
    if "title" not in found and "product" in by_plain and by_plain["product"] not in found.values():
        found["title"] = by_plain["product"]
    for key in ("item", "time"):
        if key not in found:
            raise DataError(path, _missing(key, present), line=1, column=key)
    if "invoice" not in found and "customer" not in found:
        raise DataError(path, _missing("invoice", present, "customer"), line=1, column="invoice")
    for key, name in found.items():
        if list(present).count(name) > 1:
            raise DataError(path, f"two columns have this name; rename one, it is used as {key!r}", line=1, column=name)
    return found


def _named(path: str, present: Sequence[str], key: str, name: str) -> str:
    """The column the user named, exactly or up to case and spaces around it."""
    if name in present:
        return name
    alike = [other for other in present if other.strip().lower() == name.strip().lower()]
    if len(alike) == 1:
        return alike[0]
    raise DataError(
        path, f"no column has the name given for {key!r}; the columns are {_list(present)}", line=1, column=name
    )


def plain(name: str) -> str:
    """The name as SYNONYMS spell it."""
    return re.sub(r"[\s_.\-]+", "", name).lower()


def _missing(key: str, present: Sequence[str], other: str = "") -> str:
    wanted = f"{key!r} or {other!r}" if other else f"{key!r}"
    return (
        f"no column looks like {wanted}; the columns are {_list(present)}: name it with the column mapping, "
        f"for example {key}={present[0] if present else 'NAME'!s}"
    )


def _list(present: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in present[:30])
    return shown + (f" and {len(present) - 30} more" if len(present) > 30 else "") if present else "none"
