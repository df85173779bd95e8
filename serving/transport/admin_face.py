"""What a replica tells its operators, on a port of its own (on the shared one a scrape reaches a random replica)."""

from __future__ import annotations

import json
from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def admin_app(ready: Callable[[], tuple[bool, str]], registry: CollectorRegistry) -> Starlette:
    """ready: whether calls should be sent here, and why or why not; quick, called on every probe."""

    async def readyz(_: Request) -> Response:
        able, why = ready()
        return Response(json.dumps({"ready": able, "detail": why}), 200 if able else 503, media_type="application/json")

    async def healthz(_: Request) -> Response:
        return Response('{"status":"alive"}', media_type="application/json")

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), headers={"content-type": CONTENT_TYPE_LATEST})

    return Starlette(routes=[Route("/readyz", readyz), Route("/healthz", healthz), Route("/metrics", metrics)])
