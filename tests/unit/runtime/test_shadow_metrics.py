"""What a shadow came to, from its counters to `storegate status`."""

from __future__ import annotations

from prometheus_client import generate_latest

from serving.cli.status import Compared, compared
from serving.decisions.recommend.shadow import Tally
from serving.runtime.metrics import registry
from serving.runtime.shadow_metrics import shadow_families


def scraped(tally: Tally | None) -> str:
    return generate_latest(registry(lambda: shadow_families(tally), lambda: {"release": "r1"})).decode()


def test_status_reads_the_means_from_the_metrics() -> None:
    text = scraped(Tally("mult-vae", compared=4, overlap=1.0, agreement=0.5, dropped=3, failed=2))
    assert 'storegate_shadow_overlap_total{shadow="mult-vae"} 1.0' in text
    assert compared(text) == Compared(4, 0.25, 0.125, failed=2, dropped=3)


def test_nothing_compared_yet_is_no_division_by_zero() -> None:
    assert compared(scraped(Tally("neumf"))) == Compared(0, 0.0, 0.0, 0, 0)


def test_without_a_shadow_there_is_no_row() -> None:
    assert compared(scraped(None)) is None
