"""Quotes over files: what they say is what QuotePrices says; pages of a batch show it where prices are live."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from releases import A, release
from worlds import few

from model_repo.publish import publish
from serving.adapters.batch_job import BlockWorker, create, drive
from serving.adapters.batch_kind import Surroundings
from serving.adapters.batch_store import BatchStore
from serving.adapters.memory_catalogue import MemoryCatalogue
from serving.adapters.price_live import quoted_again
from serving.core.batch import BatchSpec, Operation, State
from serving.core.catalogue import Catalogue, Item
from serving.core.errors import InvalidInput, NotReady
from serving.decisions.price.rules import Params
from serving.decisions.recommend.batch import options_of
from serving.decisions.recommend.contract import Query


class NoProfiles:
    def fetch(self, keys: Sequence[str], timeout_s: float) -> list[bytes]:
        return [b""] * len(keys)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = release(A, "A")
    items = [replace(item, price=1000, cost=550, currency="GBP", list_price=0) for item in made.items]
    home = tmp_path_factory.mktemp("home")
    publish(home, replace(made, items=items), wall_s=1.7e9)
    return home


@pytest.fixture
def catalogue() -> MemoryCatalogue:
    made = MemoryCatalogue()
    made.write([(0, Item("i4", price=2000, cost=900, currency="GBP", list_price=800))])
    made.write([(0, Item("euro", price=500, cost=100, currency="EUR"))])
    return made


def around(home: Path, mode: str = "quote") -> Surroundings:
    return Surroundings(home, few(), NoProfiles, 16, 4096, prices=Params(mode=mode))  # type: ignore[arg-type]


def here(make: Callable[[], BlockWorker], blocks: Sequence[int]) -> Iterable[str]:
    worker = make()
    return (worker(number) for number in blocks)


def items_file(path: Path, ids: Sequence[str], **more: Sequence[object]) -> Path:
    pq.write_table(pa.table({"item_id": ids, **more}), path)
    return path


def run(surroundings: Surroundings, catalogue: MemoryCatalogue, spec: BatchSpec) -> tuple[Operation, pa.Table]:
    store = BatchStore(surroundings.home)
    made = create(surroundings, store, spec, catalogue)
    done = drive(surroundings, store, made.name, here)
    assert (done.state, done.message) == (State.SUCCEEDED, "")
    parts = sorted(Path(spec.output_uri).glob("*.parquet"))
    return made, pa.concat_tables([pq.read_table(part) for part in parts])


def test_every_row_has_the_quote_of_its_item(home: Path, catalogue: MemoryCatalogue, tmp_path: Path) -> None:
    """Items that are not known have none, and say why; those that no price is allowed for name the rules."""
    ids = [*(f"i{n}" for n in range(40)), "nobody", "euro"]
    source = items_file(tmp_path / "items.parquet", ids, shelf=list(range(42)))
    spec = BatchSpec("prices", str(source), str(tmp_path / "out"), {"currency": "GBP"})
    made, found = run(around(home), catalogue, spec)
    rows = dict(zip(ids, found.to_pylist(), strict=True))
    assert [row["shelf"] for row in rows.values()] == list(range(42))
    assert (rows["i1"]["price"], rows["i1"]["lowest"], rows["i1"]["highest"]) == (1100, 900, 1100)
    assert (rows["i1"]["bound_by"], rows["i1"]["currency"], rows["i1"]["propensity"]) == ("step", "GBP", 1.0)
    assert rows["i1"]["expected_units"] is None
    assert (rows["i4"]["price"], rows["i4"]["contradiction"]) == (None, ["min_margin", "list_price"])
    assert (rows["euro"]["price"], rows["euro"]["contradiction"]) == (None, ["currency"])
    assert (rows["nobody"]["price"], bool(rows["nobody"]["error"])) == (None, True)
    assert made.pins["prices"]["mode"] == "quote"


def test_pages_of_a_batch_show_the_quoted_prices_where_they_are_live(
    home: Path, catalogue: MemoryCatalogue, tmp_path: Path
) -> None:
    """Which filters read, too."""
    source = tmp_path / "users.parquet"
    pq.write_table(pa.table({"user_id": ["u1", "u2"]}), source)
    query = Query(page_size=8, filter="price >= 1050", personal=False)
    for mode in ("live", "quote"):
        spec = BatchSpec("recommend", str(source), str(tmp_path / mode), options_of(query))
        made, found = run(around(home, mode), catalogue, spec)
        shown = {one["item_id"]: one["price"] for row in found.column("results").to_pylist() for one in row}
        if mode == "quote":
            assert set(shown.values()) <= {2000}
            continue
        items = [replace(item, price=1000, cost=550, currency="GBP", list_price=0) for item in release(A, "A").items]
        again = quoted_again(
            home, Params(mode="live"), made.pins["release"], Catalogue.build(items), float(made.pins["wall_s"])
        )
        assert again is not None
        assert len(shown) > 4
        for item_id, price in shown.items():
            assert price == (2000 if item_id == "i4" else again.price[again.catalogue.row_of[item_id]])


@pytest.mark.parametrize(
    ("columns", "field"),
    [
        ({"sku": ["a"]}, "input_uri"),
        ({"item_id": [1]}, "input_uri.item_id"),
        ({"item_id": ["a"], "price": [1]}, "input_uri.price"),
    ],
)
def test_files_that_cannot_be_quoted_are_refused_by_name(
    home: Path, catalogue: MemoryCatalogue, tmp_path: Path, columns: dict[str, list[object]], field: str
) -> None:
    pq.write_table(pa.table(columns), tmp_path / "in.parquet")
    spec = BatchSpec("prices", str(tmp_path / "in.parquet"), str(tmp_path / "out"), {})
    with pytest.raises(InvalidInput) as caught:
        create(around(home), BatchStore(home), spec, catalogue)
    assert caught.value.field == field


def test_where_prices_are_off_no_batch_is_begun(home: Path, catalogue: MemoryCatalogue, tmp_path: Path) -> None:
    spec = BatchSpec("prices", str(items_file(tmp_path / "in.parquet", ["i1"])), str(tmp_path / "out"), {})
    with pytest.raises(NotReady, match=r"price\.mode"):
        create(around(home, "off"), BatchStore(home), spec, catalogue)
