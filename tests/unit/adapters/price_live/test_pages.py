"""Pages show what is quoted, where prices are live; nothing changes where they are not."""

from __future__ import annotations

from pathlib import Path

import pytest
from e2e.gateways import awaited
from priced_pages import QUERIES, TURN, priced, quoted, serving, shown
from releases import NEIGHBOURS_ONLY, A, N

from model_repo.publish import publish
from serving.adapters.live_models import LiveModels
from serving.adapters.memory_catalogue import MemoryCatalogue
from serving.adapters.price_live import OFF
from serving.adapters.quote_log import FOLDER, read_quotes
from serving.catalogue.contract import PriceUpdate, SetPrices
from serving.core.errors import NotReady
from serving.decisions.price.contract import AllQuery, QuoteQuery, SimulateQuery


def test_pages_filters_and_objectives_read_the_quoted_prices(home: Path) -> None:
    """At an elasticity of -2 the best price of what costs 5.50 is 11.00: as far as the step goes."""
    with serving(home) as (models, prices):
        for query in QUERIES:
            found = shown(models, query)
            assert found == quoted(prices, *found), query
        assert set(shown(models, QUERIES[1]).values()) == {1100}
        assert shown(models, QUERIES[4]), "the margin at 11.00 is one half, at 10.00 it would be .45"


@pytest.mark.parametrize("mode", ["off", "quote"])
def test_nothing_changes_where_prices_are_not_live(home: Path, mode: str) -> None:
    """Answers are those of a gateway that knows nothing of prices."""
    plain = LiveModels(home, NEIGHBOURS_ONLY, None, MemoryCatalogue())
    with serving(home, mode) as (models, prices):
        for query, one, other in zip(QUERIES, models.run(QUERIES, TURN), plain.run(QUERIES, TURN), strict=True):
            assert one.rows.tolist() == other.rows.tolist(), query
            assert one.scores.tolist() == other.scores.tolist()
            assert one.prices.tolist() == other.prices.tolist()
            assert one.versions == other.versions
        assert not shown(models, QUERIES[1])
        if mode == "quote":
            assert quoted(prices, "i1") == {"i1": 1100}
    plain.close()


@pytest.mark.parametrize("mode", ["off", "quote", "live"])
def test_quotes_are_logged_as_they_stand(tmp_path: Path, mode: str) -> None:
    """All items when the following begins; what is not logged yet when it ends."""
    publish(tmp_path, priced(A, "A"), wall_s=1.7e9)
    with serving(tmp_path, mode, explore_share=1.0, explore="even") as (models, prices):
        prices.start()
        if mode == "off":
            prices.close()
            assert not (tmp_path / FOLDER).exists()
            return
        awaited(lambda: prices.log.written == N, "all quotes are logged")
        models.catalogue.run_write([SetPrices((PriceUpdate("i1", "GBP", price=2000),))], TURN)
        awaited(lambda: quoted(prices, "i1")["i1"] > 1500, "the new price is quoted")
        prices.close()
        told = read_quotes(tmp_path).to_pylist()
        assert len(told) == N + 1
        assert [row["current_price"] for row in told if row["item_id"] == "i1"] == [1000, 2000]
        assert quoted(prices, "i1") == {"i1": [row["price"] for row in told if row["item_id"] == "i1"][-1]}
        assert any(row["explored"] and row["propensity"] < 1 for row in told)


def test_where_prices_are_off_every_question_says_so(home: Path) -> None:
    with serving(home, "off") as (_, prices):
        for answer in (
            *prices.run_quote([QuoteQuery(("i1",))] * 2, TURN),
            *prices.run_simulate([SimulateQuery(("i1",))], TURN),
        ):
            assert isinstance(answer, NotReady)
            assert OFF in answer.message
        with pytest.raises(NotReady, match="off"):
            prices.bulk(AllQuery(0, 10))
