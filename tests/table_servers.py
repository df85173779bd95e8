"""A server that answers as OSRM's table service does, over plain HTTP, and fails when it is told to."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Place = tuple[float, float]
"""(longitude, latitude)"""
Answer = tuple[int, bytes]


def metres(a: Place, b: Place) -> float:
    """Over a flat town; another way back than there, as in one-way streets."""
    straight = math.hypot(b[0] - a[0], b[1] - a[1]) * 100_000
    return round(straight + (10.0 if b > a else 0.0), 1)


@dataclass
class TableServer:
    """One such server. asked: what came. meddle: what is answered instead, None = the truth."""

    table_max: int = 100
    island: Place | None = None
    asked: list[str] = field(default_factory=list)
    meddle: Callable[[int], Answer | None] = lambda number: None
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, path: str) -> Answer:
        with self.lock:
            self.asked.append(path)
            number = len(self.asked)
        instead = self.meddle(number)
        if instead is not None:
            return instead
        parts = urlsplit(path)
        _, service, version, profile, listed = parts.path.split("/")
        if (service, version) != ("table", "v1") or profile != "driving":
            return spelled(400, code="InvalidUrl", message="URL string malformed")
        query = parse_qs(parts.query)
        places = [tuple(map(float, each.split(","))) for each in listed.split(";")]
        rows, columns = (_chosen(query, name, places) for name in ("sources", "destinations"))
        if len(rows) * len(columns) > self.table_max**2:
            return spelled(400, code="TooBig", message="Too many table coordinates")
        if self.island in places and self.island == (0.0, 0.0):
            return spelled(400, code="NoSegment", message="One of the supplied input coordinates could not snap")
        table = [[None if self.island in (a, b) and a != b else metres(a, b) for b in columns] for a in rows]
        times = [[None if each is None else each / 10 for each in row] for row in table]
        assert query["annotations"] == ["duration,distance"]
        return spelled(200, code="Ok", distances=table, durations=times)


def spelled(status: int, **body: Any) -> Answer:
    return status, json.dumps(body).encode()


def _chosen(query: dict[str, list[str]], name: str, places: list[Any]) -> list[Any]:
    return [places[int(at)] for at in query[name][0].split(";")] if name in query else places


@contextmanager
def table_server(**options: Any) -> Iterator[TableServer]:
    """Runs on a free port for the time of the block."""
    town = TableServer(**options)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, body = town.answer(self.path)
            if not status:  # the line goes dead
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:  # a caller that hangs up is no error here
            pass

    server = Server(("127.0.0.1", 0), Handler)
    town.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield town
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
