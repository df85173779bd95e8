"""What grows is told from what does not; what a soak asks are whole messages of the contract."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from loadtests.bench.frames import RECOMMEND, unframe
from loadtests.ids import Ids
from loadtests.soak.flow import Ask, Soaked, broken, judged
from loadtests.soak.mix import RECOMMEND_PAGE, RERANK, WRITE_USER_EVENT, mix
from loadtests.soak.picture import svg
from loadtests.soak.samples import Sample, calls, private_bytes
from loadtests.soak.trend import slope, trends
from storegate.v1 import event_pb2, recommendation_pb2

IDS = Ids(tuple(f"C{n:06d}" for n in range(300)), tuple(f"P{n:05d}" for n in range(400)))
REQUESTS = list(range(0, 500_001, 5000))
NOISE = np.random.default_rng(0).normal(0, 0.5, len(REQUESTS))


def test_a_line_is_found_in_noise_with_a_step_and_outliers() -> None:
    """Three MiB every 100,000 requests; a child that lived for a moment does not move it."""
    y = 100 + 3e-5 * np.array(REQUESTS) + NOISE
    y[::17] += 400
    assert slope(REQUESTS, y) == pytest.approx(3e-5, rel=0.1)
    assert slope([5, 5], [1, 9]) == 0.0


def test_growth_before_the_end_of_the_warm_up_is_not_judged() -> None:
    """Caches fill; then it is flat, but for noise."""
    filled = np.minimum(np.array(REQUESTS) / 1000, 90) + NOISE
    leaking = np.array(REQUESTS) / 10_000 + NOISE
    flat, leak = trends(REQUESTS, {"pool": filled, "list": leaking}, {"pool": 8.0, "list": 8.0})
    assert not flat.grows
    assert abs(flat.growth) < 1.0
    assert leak.grows
    assert leak.growth == pytest.approx(40.0, rel=0.05)
    assert leak.requests == 400_000


def test_one_descriptor_a_stretch_is_a_leak() -> None:
    """A whole number that goes up by one now and then."""
    kept = [50 + requests // 60_000 for requests in REQUESTS]
    (trend,) = trends(REQUESTS, {"descriptors": kept}, {"descriptors": 1.0})
    assert trend.grows


def test_too_few_samples_say_nothing() -> None:
    """No verdict rather than a lucky one."""
    with pytest.raises(ValueError, match="samples after the warm-up"):
        trends(REQUESTS[:5], {"x": [0.0] * 5}, {"x": 1.0})
    with pytest.raises(ValueError, match="0 samples"):
        trends([], {"x": []}, {"x": 1.0})


def _soaked(grown_mib: float, failed: int = 0) -> Soaked:
    samples = [
        Sample(number / 1000, number, failed, 220.0, 200.0 + grown_mib * number / 500_000, 31, 52, 9.0)
        for number in REQUESTS
    ]
    return Soaked(samples, judged(Ask(), samples), 10, 5)


def test_what_is_promised_of_a_soak() -> None:
    """Nothing grows, nothing fails, and all of it was asked."""
    assert broken(Ask(), _soaked(2.0)) == []
    (grown,) = broken(Ask(), _soaked(40.0))
    assert grown == "memory, MiB: the fitted line grows by 32.00 over 400,000 requests, 8 is allowed"
    failed, short = broken(Ask(requests=600_000), _soaked(2.0, failed=3))[::-1]
    assert "3 calls failed" in failed
    assert "500,000 requests within" in short


def test_a_soak_is_drawn() -> None:
    """A panel for each quantity."""
    root = ElementTree.fromstring(svg(_soaked(2.0)))
    texts = [element.text or "" for element in root.iter()]
    assert sum("allowed" in text for text in texts) == 4


def test_memory_is_read_from_the_kernels_own_sum() -> None:
    """KiB of private pages, clean or not; what was written to and swapped out is still held."""
    head = "5580-7ffd ---p 0 00:00 0 [rollup]\nRss:  900 kB\n"
    text = f"{head}Private_Clean:   40 kB\nPrivate_Dirty:  100 kB\nSwapPss: 7 kB\n"
    assert private_bytes(text) == (140 * 1024, 107 * 1024)
    assert private_bytes("") == (0, 0)


def test_calls_of_all_methods_are_summed() -> None:
    """Over all replicas."""
    text = (
        "# TYPE storegate_calls_answered counter\n"
        'storegate_calls_answered_total{method="/a/B"} 7.0\nstoregate_calls_answered_total{method="/a/C"} 5.0\n'
        "# TYPE storegate_calls_failed counter\n"
        'storegate_calls_failed_total{method="/a/B",reason="OVERLOADED"} 2.0\n'
    )
    assert calls([text, text]) == (24, 4)


def test_every_kind_of_request_is_asked_in_whole_messages() -> None:
    """Bodies of one length each, which h2load needs, and messages that the contract can read."""
    requests = {
        RECOMMEND: recommendation_pb2.RecommendRequest,
        RECOMMEND_PAGE: recommendation_pb2.RecommendPageRequest,
        RERANK: recommendation_pb2.RerankRequest,
        WRITE_USER_EVENT: event_pb2.WriteUserEventRequest,
    }
    kinds = mix(IDS, 0)
    assert {kind.path for kind in kinds if not kind.http} == set(requests)
    for kind in kinds:
        assert len({len(body) for body in kind.bodies}) == 1
        if not kind.http:
            assert requests[kind.path].FromString(unframe(kind.bodies[0])).ByteSize() > 0


def test_events_are_new_and_written_for_visitors_of_the_load_test_alone() -> None:
    """None twice, however often the file is made anew."""
    (kind,) = [kind for kind in mix(IDS, 0) if kind.path == WRITE_USER_EVENT]
    events = [event_pb2.WriteUserEventRequest.FromString(unframe(kind.bodies[3])).event for _ in range(200)]
    assert len({event.event_id for event in events}) == 200
    assert all(event.visitor_id.startswith("loadtest-") and not event.user_id for event in events)
