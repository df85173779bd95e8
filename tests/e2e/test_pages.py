"""Placements, shop pages, filters, rules, traces and decisions, over both faces of a running gateway."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from e2e.conftest import Shop
from e2e.faces import Face, Refused
from e2e.gateways import Gateway, awaited

from serving.decisions.recommend.contract import PLACEMENTS
from storegate.client import Client
from storegate.v1 import recommendation_pb2 as pb


def ids(answer: Any) -> list[str]:
    return [result.item_id for result in answer.results]


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_every_placement_answers(face: Face, shop: Shop, placement: str) -> None:
    """Whatever a page asks for, it gets an answer of its own, computed by healthy stages."""
    answer = face.ask("Recommend", {"placement": placement, "userId": shop.user, "itemIds": [shop.item]})
    assert not answer.serving_info.degraded
    assert len(set(ids(answer))) == len(answer.results) <= 10
    if placement not in ("frequently-bought-together", "recently-viewed", "on-sale", "buy-it-again"):
        assert len(answer.results) == 10


def test_a_page_shows_nothing_twice(face: Face, shop: Shop) -> None:
    """All placements at once, ten items each."""
    parts = [{"placement": name, "itemIds": [shop.item]} for name in PLACEMENTS]
    page = face.ask("RecommendPage", {"userId": shop.user, "placements": parts, "requestId": "p-1"})
    assert [section.placement for section in page.sections] == list(PLACEMENTS)
    shown = [item for section in page.sections for item in ids(section.response)]
    assert len(set(shown)) == len(shown) > 40
    assert page.request_id == "p-1"


def test_a_narrow_filter_still_fills_the_page(face: Face, shop: Shop) -> None:
    """The dearest twentieth of the shop: ten of them are found, and nothing else."""
    prices = sorted(item.price for item in shop.dataset.items if item.on_hand)
    least = prices[-len(prices) // 20]
    answer = face.ask("Recommend", {"userId": shop.user, "filter": f"price >= {least}"})
    assert len(answer.results) == 10
    assert all(result.price.amount_minor >= least for result in answer.results)


def test_a_filter_that_is_none_is_refused_with_its_column(face: Face, shop: Shop) -> None:
    """The field, the column, and what would be right."""
    with pytest.raises(Refused) as refused:
        face.ask("Recommend", {"userId": shop.user, "filter": "price < 5 AND colur = red"})
    assert refused.value.reason == "UNKNOWN_FIELD_IN_FILTER"
    assert "filter" in refused.value.message
    assert "column 15" in refused.value.message


def test_pages_follow_each_other(face: Face, shop: Shop) -> None:
    """Two pages of ten are the page of twenty."""
    first = face.ask("Recommend", {"userId": shop.user})
    second = face.ask("Recommend", {"userId": shop.user, "pageToken": first.next_page_token})
    both = face.ask("Recommend", {"userId": shop.user, "pageSize": 20})
    assert set(ids(first)).isdisjoint(ids(second))
    assert len({*ids(first), *ids(second)} & set(ids(both))) >= 19  # the new arrival's place is the last of its page


def test_a_new_item_is_recommended_at_once(local_gateway: Gateway, shop: Shop) -> None:
    """Put into the catalogue under a known item's words, it is similar to that item in the next answer."""
    with local_gateway.client() as client:
        model = client.get_item(shop.item)
        new = type(model)()
        new.CopyFrom(model)
        new.item_id = f"new-{uuid.uuid4().hex[:8]}"
        client.upsert_items([new])
        answer = client.recommend(placement="similar-items", item_ids=[shop.item])
        assert new.item_id in ids(answer)
        client.delete_items([new.item_id])


def test_the_trace_says_why_an_item_is_not_shown(face: Face, shop: Shop) -> None:
    """What is shown, and what the filter keeps out."""
    body = {"userId": shop.user, "filter": f'item_id != "{shop.item}"', "explain": "EXPLAIN_TRACE"}
    answer = face.ask("Recommend", {**body, "traceItemIds": [shop.item, "no-such-item"]})
    items = {item.item_id: item for item in answer.trace.items}
    assert all(items[item_id].shown and items[item_id].sources for item_id in ids(answer))
    assert "filter" in items[shop.item].why_not
    assert items["no-such-item"].why_not == "not in the catalogue"
    assert {"rules", "rank", "page"} <= {stage.name for stage in answer.trace.stages}


def test_a_decision_is_kept_with_its_outcome_and_comes_out_the_same(local_gateway: Gateway, shop: Shop) -> None:
    """Asked with a trace it is logged; an event with its token is its outcome; made again it is identical."""
    with local_gateway.client() as client:
        answer = client.recommend(shop.user, explain=pb.EXPLAIN_TRACE, page_size=5)
        decision = awaited(lambda: _known(client, answer.decision_id), "the decision in the log")
        assert [result.item_id for result in decision.results] == ids(answer)
        client.write_event(
            "detail-page-view",
            user_id=shop.user,
            items=[answer.results[0].item_id],
            attribution_token=answer.attribution_token,
        )
        outcomes = client.get_decision(answer.decision_id).results[0].outcomes
        assert list(outcomes) == ["detail-page-view"]
        again = client.replay_decision(answer.decision_id)
        assert [(d.field, d.logged, d.replayed) for d in again.differences] == []
        assert again.identical


def test_a_forged_token_is_refused(face: Face, shop: Shop) -> None:
    """It counts for nothing, and the caller learns of it."""
    token = face.ask("Recommend", {"userId": shop.user}).attribution_token
    forged = ("A" if token[-3] != "A" else "B").join((token[:-3], token[-2:]))
    event = {"eventId": uuid.uuid4().hex, "eventType": "home-page-view", "userId": shop.user}
    with pytest.raises(Refused) as refused:
        face.ask("WriteUserEvent", {"event": {**event, "attributionToken": forged}})
    assert refused.value.reason == "INVALID_ATTRIBUTION_TOKEN"


def _known(client: Client, decision_id: str) -> Any:
    import grpc

    try:
        return client.get_decision(decision_id)
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.NOT_FOUND:
            return None
        raise
