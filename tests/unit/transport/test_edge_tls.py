"""TLS at the edge, and certificates of callers: with the shipped client and without."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import httpx
import pytest
from certificates import Authority
from edges import PING, QUICK, WAIT_S, Edge, channel_to, edge_at

from storegate.client import Client, Tls


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder)


@pytest.fixture(scope="module")
def edge(folder: Path, authority: Authority) -> Iterator[Edge]:
    """With a certificate, and asking for one."""
    params = replace(QUICK, tls_certificate=str(authority.certify("edge").both), tls_client_ca=str(authority.ca))
    with edge_at(folder / "mutual", params, replicas=1) as made:
        yield made


@pytest.fixture(scope="module")
def one_sided(folder: Path, authority: Authority) -> Iterator[Edge]:
    """With a certificate, asking for none."""
    params = replace(QUICK, tls_certificate=str(authority.certify("edge").both))
    with edge_at(folder / "tls", params, replicas=1) as made:
        yield made


def failure(target: str, tls: Tls | None) -> grpc.StatusCode:
    """The code with which a ping fails."""
    with Client(target, timeout_s=WAIT_S, connections=1, tls=tls) as client, pytest.raises(grpc.RpcError) as caught:
        client.ping(timeout_s=1.0)
    return caught.value.code()


def test_the_client_speaks_tls(one_sided: Edge, authority: Authority) -> None:
    with Client(one_sided.target, timeout_s=WAIT_S, tls=Tls(ca=authority.ca)) as client:
        client.ping()
    assert len(one_sided.replicas[0].engine.seen) == 1


def test_a_certificate_for_another_name_is_taken_when_that_name_is_expected(
    one_sided: Edge, authority: Authority
) -> None:
    """Behind a load balancer the address dialled is not the one certified."""
    with Client(one_sided.target, timeout_s=WAIT_S, tls=Tls(ca=authority.ca, server_name="shop.test")) as client:
        client.ping()
    wrong = Tls(ca=authority.ca, server_name="other.test")
    assert failure(one_sided.target, wrong) == grpc.StatusCode.UNAVAILABLE


def test_without_tls_there_is_no_way_in(one_sided: Edge) -> None:
    assert failure(one_sided.target, None) in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
    with pytest.raises(httpx.HTTPError):
        httpx.post(f"{one_sided.url}/v1/ping", json={}, trust_env=False)


def test_an_edge_of_another_authority_is_not_believed(one_sided: Edge, folder: Path) -> None:
    assert failure(one_sided.target, Tls(ca=Authority(folder, "stranger").ca)) == grpc.StatusCode.UNAVAILABLE


def test_http_speaks_tls_too(one_sided: Edge, authority: Authority) -> None:
    context = ssl.create_default_context(cafile=authority.ca)
    url = one_sided.url.replace("http:", "https:")
    with httpx.Client(verify=context, trust_env=False, timeout=WAIT_S) as client:
        assert client.post(f"{url}/v1/ping", json={}).status_code == 200


def test_old_tls_is_refused(one_sided: Edge, authority: Authority) -> None:
    """1.1 is broken; whoever insists on it gets nothing."""
    context = ssl.create_default_context(cafile=authority.ca)
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(httpx.ConnectError), httpx.Client(verify=context, trust_env=False) as client:
        client.post(f"{one_sided.url.replace('http:', 'https:')}/v1/ping", json={})


def test_a_caller_is_who_its_certificate_says(edge: Edge, authority: Authority) -> None:
    """Whatever it says itself: its share of the engine is its own."""
    mine = authority.certify("checkout")
    tls = Tls(ca=authority.ca, certificate=mine.certificate, key=mine.key)
    with Client(edge.target, timeout_s=WAIT_S, connections=1, tls=tls) as client:
        client.ping()
    pems = [path.read_bytes() for path in (authority.ca, mine.key, mine.certificate)]
    with channel_to(edge.target, grpc.ssl_channel_credentials(*pems)) as channel:
        channel.unary_unary(PING)(b"", timeout=WAIT_S, metadata=(("x-storegate-caller", "somebody else"),))
    assert [call.caller for call in edge.replicas[0].engine.seen] == ["checkout", "checkout"]


def test_a_caller_without_a_certificate_of_ours_is_not_let_in(edge: Edge, authority: Authority, folder: Path) -> None:
    """None at all, or one that somebody else has signed."""
    before = len(edge.replicas[0].engine.seen)
    assert failure(edge.target, Tls(ca=authority.ca)) == grpc.StatusCode.UNAVAILABLE
    theirs = Authority(folder, "theirs").certify("checkout")
    forged = Tls(ca=authority.ca, certificate=theirs.certificate, key=theirs.key)
    assert failure(edge.target, forged) == grpc.StatusCode.UNAVAILABLE
    assert len(edge.replicas[0].engine.seen) == before
