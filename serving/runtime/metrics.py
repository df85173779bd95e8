"""The engine's telemetry, and a few facts of the replica, as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from serving.engine.telemetry import Family, Histogram


class EngineCollector:
    """Reads the counters when somebody scrapes; nothing is kept twice."""

    def __init__(self, families: Callable[[], list[Family]], facts: Callable[[], dict[str, str]]) -> None:
        """facts: label -> value, for storegate_info."""
        self._families, self._facts = families, facts

    def collect(self) -> Iterator[Metric]:
        for family in self._families():
            yield _metric(family)
        facts = self._facts()
        info = GaugeMetricFamily("storegate_info", "What is served; always 1.", labels=list(facts))
        info.add_metric(list(facts.values()), 1.0)
        yield info


def registry(families: Callable[[], list[Family]], facts: Callable[[], dict[str, str]]) -> CollectorRegistry:
    """A registry of this replica alone."""
    made = CollectorRegistry()
    made.register(EngineCollector(families, facts))
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=made)
    return made


def _metric(family: Family) -> Metric:
    if family.kind == "histogram":
        return _histogram(family)
    kinds: dict[str, Any] = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}
    metric = kinds[family.kind](family.name, family.help, labels=list(family.labels))
    for labels, value in family.rows:
        metric.add_metric(list(labels), value)
    return metric


def _histogram(family: Family) -> Metric:
    metric = HistogramMetricFamily(family.name, family.help, labels=list(family.labels))
    for labels, value in family.rows:
        if isinstance(value, Histogram):
            below, buckets = 0, []
            for bound, count in zip((*map(str, value.bounds), "+Inf"), value.counts, strict=True):
                below += count
                buckets.append((bound, below))
            metric.add_metric(list(labels), buckets, value.total)
    return metric
