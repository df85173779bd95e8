"""/openapi.json, and /docs: one page that loads nothing from outside."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving.transport.openapi import openapi

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:"


def routes() -> list[Route]:
    return [Route("/docs", _docs), Route("/openapi.json", _openapi)]


@cache
def page() -> bytes:
    """The page with the description put in. "<" is written as JSON can, so that no text can end the script."""
    template = (resources.files("serving.transport") / "docs.html").read_text(encoding="utf-8")
    return template.replace("__OPENAPI__", json.dumps(openapi()).replace("<", "\\u003c")).encode()


async def _docs(_: Request) -> Response:
    return Response(page(), media_type="text/html", headers={"content-security-policy": _POLICY})


async def _openapi(_: Request) -> Response:
    return Response(json.dumps(openapi(), indent=1), media_type="application/json")
