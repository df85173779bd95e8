"""GatewayService: the same over both faces; see parity_laws."""

from __future__ import annotations

from typing import Any

from parity_laws import Answered, EqualAnswers


def computed(query: Any) -> Any:
    """An answer, or an error, that depends on nothing but the query."""
    match query:
        case None:
            return None


ANSWERED: Answered = [
    ("Ping", {}),
]


class TestGateway(EqualAnswers):
    service = "storegate.v1.GatewayService"
    computed = staticmethod(computed)
    answered = ANSWERED
