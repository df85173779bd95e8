"""HAProxy's configuration: a pure function of settings, and one that HAProxy takes without a murmur."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from serving.adapters.haproxy import binary
from serving.core.errors import InvalidInput
from serving.transport.edge_config import EdgeSite, Slots, render
from serving.transport.edge_params import EdgeParams

SITE = EdgeSite("127.0.0.1", 50051, 8080, "127.0.0.1", Slots(50100, 8100, 9090, 3), 1 << 20, Path("/run/s"), "ab", 5.0)
LINES = render(SITE, EdgeParams()).splitlines()


def lines(start: str, text: str | None = None) -> list[str]:
    """The lines that begin so, without what surrounds them."""
    found = (line.strip() for line in (LINES if text is None else text.splitlines()))
    return [line for line in found if line.startswith(start)]


def test_every_slot_is_one_replica_for_both_protocols() -> None:
    """The check of its admin port decides over its gRPC and its HTTP port."""
    servers = lines("server ")
    assert len(servers) == 6
    for slot in range(3):
        checked = f"proto h2 check check-proto h1 addr 127.0.0.1 port {9090 + slot}"
        assert servers[slot] == f"server slot{slot} 127.0.0.1:{50100 + slot} {checked}"
        assert servers[3 + slot] == f"server slot{slot} 127.0.0.1:{8100 + slot} track grpc_out/slot{slot}"


def test_it_listens_where_it_is_told_and_nowhere_else() -> None:
    """No statistics page, no metrics port; the one way to command it is a socket for its user alone."""
    assert lines("bind ") == ["bind 127.0.0.1:50051 proto h2", "bind 127.0.0.1:8080"]
    assert lines("stats ") == ["stats socket '/run/s' mode 600 level admin"]
    assert lines("listen") == []


def test_an_address_of_ipv6_stands_in_brackets() -> None:
    text = render(replace(SITE, host="::1"), EdgeParams())
    assert lines("bind ", text) == ["bind [::1]:50051 proto h2", "bind [::1]:8080"]


@pytest.mark.parametrize(("admin_host", "asked"), [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("10.0.0.7", "10.0.0.7")])
def test_readiness_is_asked_where_the_admin_port_is(admin_host: str, asked: str) -> None:
    text = render(replace(SITE, admin_host=admin_host), EdgeParams())
    assert f"addr {asked} port 9090" in lines("server slot0 127.0.0.1:50100", text)[0]


def test_tls_and_client_certificates() -> None:
    """With an authority, a caller without a certificate gets no connection, and its certificate says who it is."""
    plain = EdgeParams(tls_certificate="/c.pem")
    assert lines("bind ", render(SITE, plain)) == [
        "bind 127.0.0.1:50051 ssl crt '/c.pem' alpn h2",
        "bind 127.0.0.1:8080 ssl crt '/c.pem' alpn h2,http/1.1",
    ]
    mutual = render(SITE, replace(plain, tls_client_ca="/ca.pem"))
    assert all("ca-file '/ca.pem' verify required" in line for line in lines("bind ", mutual))
    assert (
        lines("http-request set-header", mutual) == ["http-request set-header x-storegate-caller %[ssl_c_s_dn(cn)]"] * 2
    )


def test_its_own_failures_are_spelled_as_the_gateways() -> None:
    """A gRPC status in trailers for gRPC, problem JSON for HTTP, of the same error."""
    text = "\n".join(LINES)
    codes = dict(re.findall(r"http-error status (\d+) hdr grpc-status '(\d+)'", text))
    assert codes == {"400": "3", "408": "4", "500": "13", "502": "14", "503": "14", "504": "4"}
    problems = re.findall(
        r"http-error status (\d+) content-type application/problem\+json string '(.*?)'(?: hdr|\n)", text
    )
    told = {status: json.loads(body.replace("'\\''", "'")) for status, body in problems}
    assert {status: problem["status"] for status, problem in told.items()} == {
        "400": 400, "408": 408, "500": 500, "502": 503, "503": 503, "504": 504,
    }  # fmt: skip
    assert told["503"]["reason"] == "NOT_READY"


@pytest.mark.parametrize("path", ["/tmp/a\nb", "/tmp/ä"])
def test_a_path_that_no_line_can_hold_is_refused(path: str) -> None:
    with pytest.raises(InvalidInput, match="printable ASCII"):
        render(replace(SITE, admin_socket=Path(path)), EdgeParams())


def test_a_drain_shorter_than_the_checks_is_refused() -> None:
    """The edge would still send calls to a replica that has closed."""
    with pytest.raises(InvalidInput, match=r"drain_s.*2 times check_s"):
        EdgeParams(check_s=1.0, drain_s=1.5)


EXTREMES: dict[str, dict[str, Any]] = {
    "default": {},
    "least": {
        "threads": 1, "connections_max": 16, "connections_per_host_max": 1, "streams_max": 1, "glitches_max": 1,
        "head_bytes_max": 1024, "request_s_max": 0.1, "idle_s_max": 1.0, "answer_s_max": 0.1, "check_s": 0.02,
    },
    "most": {
        "threads": 2, "connections_max": 5000, "connections_per_host_max": 100_000, "streams_max": 1024,
        "glitches_max": 1_000_000, "head_bytes_max": 65536, "request_s_max": 300.0, "idle_s_max": 86_400.0,
        "answer_s_max": 86_400.0, "check_s": 2.0, "drain_s": 5.0,
    },
}  # fmt: skip


@pytest.mark.parametrize("params", EXTREMES.values(), ids=EXTREMES)
def test_haproxy_takes_it_without_a_warning(params: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Also with the most slots, and below a folder with spaces and quotes in its name."""
    place = tmp_path_factory.mktemp("edge")  # short: the path of a socket has 97 bytes at most
    folder = place / 'it\'s 100% "ours" $HOME'
    folder.mkdir()
    file = place / "haproxy.cfg"
    site = replace(SITE, slots=Slots(50100, 8100, 9090, 128), admin_socket=folder / "a.sock")
    file.write_text(render(site, EdgeParams(**params)))
    done = subprocess.run([binary(), "-c", "-f", file], capture_output=True, text=True, timeout=60, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "WARNING" not in said
