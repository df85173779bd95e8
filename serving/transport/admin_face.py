"""What a replica tells its operators, on a port of its own (on the shared one a scrape reaches a random replica)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

HOME_KEY: Final = "x-storegate-home"


def admin_app(ready: Callable[[], tuple[bool, str]], registry: CollectorRegistry, home_mark: str = "") -> Starlette:
    """ready: whether calls should be sent here, and why or why not; quick, called on every probe. home_mark: stands in
    the header x-storegate-home of a yes, by which an edge tells a replica of its own from a stranger on its port."""

    async def readyz(_: Request) -> Response:
        able, why = ready()
        body = json.dumps({"ready": able, "detail": why})
        mark = {HOME_KEY: home_mark} if able and home_mark else None
        return Response(body, 200 if able else 503, mark, media_type="application/json")

    async def healthz(_: Request) -> Response:
        return Response('{"status":"alive"}', media_type="application/json")

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), headers={"content-type": CONTENT_TYPE_LATEST})

    return Starlette(routes=[Route("/readyz", readyz), Route("/healthz", healthz), Route("/metrics", metrics)])
