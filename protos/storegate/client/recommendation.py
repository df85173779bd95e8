"""RecommendationService: items for a visitor, and what was decided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from storegate.client.calls import Calls
from storegate.v1 import recommendation_pb2


class RecommendationCalls(Calls):
    """See Client."""

    def recommend(
        self,
        user_id: str = "",
        *,
        visitor_id: str = "",
        placement: str = "",
        item_ids: Sequence[str] = (),
        page_size: int = 0,
        timeout_s: float | None = None,
        **fields: Any,
    ) -> recommendation_pb2.RecommendResponse:
        """The best items; further `fields` as in RecommendRequest."""
        request = recommendation_pb2.RecommendRequest(
            user_id=user_id,
            visitor_id=visitor_id,
            placement=placement,
            item_ids=item_ids,
            page_size=page_size,
            **fields,
        )
        return self._call("recommendation", "Recommend", request, timeout_s)

    def recommend_page(
        self,
        placements: Sequence[recommendation_pb2.PagePlacement | str],
        user_id: str = "",
        *,
        timeout_s: float | None = None,
        **fields: Any,
    ) -> recommendation_pb2.RecommendPageResponse:
        """Several placements of one page, by name or with their own rules, no item twice; further `fields` as in
        RecommendPageRequest."""
        parts = [recommendation_pb2.PagePlacement(placement=p) if isinstance(p, str) else p for p in placements]
        request = recommendation_pb2.RecommendPageRequest(placements=parts, user_id=user_id, **fields)
        return self._call("recommendation", "RecommendPage", request, timeout_s)

    def get_decision(self, decision_id: str, *, timeout_s: float | None = None) -> recommendation_pb2.Decision:
        """A logged decision."""
        request = recommendation_pb2.GetDecisionRequest(decision_id=decision_id)
        return self._call("recommendation", "GetDecision", request, timeout_s)

    def replay_decision(
        self, decision_id: str, *, timeout_s: float | None = None
    ) -> recommendation_pb2.ReplayDecisionResponse:
        """A logged decision made again, and what came out otherwise."""
        request = recommendation_pb2.ReplayDecisionRequest(decision_id=decision_id)
        return self._call("recommendation", "ReplayDecision", request, timeout_s)

    def rerank(
        self, item_ids: Sequence[str], user_id: str = "", *, timeout_s: float | None = None, **fields: Any
    ) -> recommendation_pb2.RerankResponse:
        """`item_ids` in the best order for this user; further `fields` as in RerankRequest."""
        request = recommendation_pb2.RerankRequest(item_ids=item_ids, user_id=user_id, **fields)
        return self._call("recommendation", "Rerank", request, timeout_s)
