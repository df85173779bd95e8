"""The program that protos/README.md gives storefront developers, run as it stands there, over TLS and with a token."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from certificates import Authority
from e2e import readme
from e2e.conftest import PATIENT, Shop
from e2e.gateways import gateway

from serving.runtime.home import edge_of

PAGE = readme.ROOT / "protos" / "README.md"
TOKEN = "of-the-storefront"


def program(changes: dict[str, str]) -> str:
    """The one Python block, with the example's names replaced by ours; each stands there once."""
    (text,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    for theirs, ours in changes.items():
        assert text.count(theirs) == 1, theirs
        text = text.replace(theirs, ours)
    return str(text)


def test_the_example_prints_a_shelf(new_home: Callable[[], Path], shop: Shop, tmp_path: Path) -> None:
    """Ten items; and when the gateway is away, the word why, and the fallback, not an exception."""
    authority = Authority(tmp_path)
    settings = PATIENT | {
        "server.bearer_token": TOKEN,
        "edge.tls_certificate": authority.certify("edge").both,
        "edge.replica_grpc_port": 0,
        "edge.replica_http_port": 0,
    }
    path = tmp_path / "storefront.py"

    def told() -> str:
        done = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    with gateway(new_home(), "--local", "--edge", settings=settings) as running:
        front = edge_of(running.home)
        assert front is not None
        assert "with TLS" in running.said
        path.write_text(
            program(
                {
                    "gateway.shop.example:50051": f"127.0.0.1:{front.grpc_port}",
                    'token="..."': f'token="{TOKEN}"',
                    "timeout_s=0.2": "timeout_s=20.0",  # a busy machine may need longer
                    "/etc/shop/ca.pem": str(authority.ca),
                    "C000017": shop.user,
                }
            )
        )
        shelf = told().split()
        assert len(set(shelf)) == 10
        assert set(shelf) <= set(shop.in_stock)
    assert told() == "recommendations: UNAVAILABLE \n"
