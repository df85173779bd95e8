"""Scenarios as functions of time, arrivals, what is expected of a run, and where latency bends: no socket, no clock."""

from __future__ import annotations

import math
from argparse import Namespace
from itertools import islice, pairwise, takewhile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.scenarios.arrivals import poisson
from loadtests.scenarios.histogram import LEAST_MS, Histogram
from loadtests.scenarios.knee import Knee, Point, knee
from loadtests.scenarios.levels import ALL, Figures, Level
from loadtests.scenarios.setup import setup_of
from loadtests.scenarios.shapes import SCENARIOS, scenario
from loadtests.scenarios.strain import strained
from loadtests.scenarios.thresholds import chosen, judged, parse
from serving.core.errors import SettingError

ROOT = Path(__file__).resolve().parents[3]
FIGURES = Figures(1000, 0.01, 100.0, 99.0, 4.0, 8.0, 20.0, 0.5)


def test_steady_is_the_peak_all_the_time() -> None:
    """And nothing before or after."""
    steady = scenario("steady")
    assert [steady.users_at(at, 10, 40) for at in (-0.1, 0.0, 5.0, 9.99, 10.0)] == [None, 40, 40, 40, None]


def test_step_goes_up_in_eight_equal_steps() -> None:
    """Each an eighth of the time, the last one the peak."""
    assert [scenario("step").users_at(at, 80, 80) for at in range(5, 80, 10)] == [10, 20, 30, 40, 50, 60, 70, 80]


def test_spike_is_sudden_and_over_at_once() -> None:
    """A fifth of the peak, all of it, a fifth."""
    assert [scenario("spike").users_at(at, 50, 50) for at in (0, 19.9, 20, 29.9, 30, 49.9)] == [10, 10, 50, 50, 10, 10]


def test_soak_is_even_and_judged_in_quarters() -> None:
    """Half of the peak; four spans, so that the last can be compared with the first."""
    soak = scenario("soak")
    assert {soak.users_at(at, 3600, 30) for at in range(0, 3600, 60)} == {15}
    assert [(span.begin_s, span.end_s) for span in soak.spans(3600)] == [
        (0, 900), (900, 1800), (1800, 2700), (2700, 3600),
    ]  # fmt: skip


def test_bulk_has_heavy_calls_in_its_middle_third_alone() -> None:
    """The interactive load is the same all the time."""
    bulk = scenario("bulk")
    assert {bulk.users_at(at, 90, 20) for at in range(90)} == {10}
    stages = [bulk.stage_at(at, 90) for at in (10, 29, 31, 59, 61, 89)]
    assert [stage and stage.bulk for stage in stages] == [False, False, True, True, False, False]
    assert [one.name for one in SCENARIOS.values() if one.bulky] == ["bulk"]


@given(name=st.sampled_from(list(SCENARIOS)), seconds=st.floats(1, 1e5), peak=st.integers(1, 1000))
def test_every_scenario_covers_its_time_without_a_gap(name: str, seconds: float, peak: int) -> None:
    """From 0 to the end, at least one user and at most the peak, and its own thresholds can be read."""
    found = scenario(name)
    spans = found.spans(seconds)
    assert spans[0].begin_s == 0
    assert spans[-1].end_s == pytest.approx(seconds)
    assert all(one.end_s == other.begin_s for one, other in pairwise(spans))
    assert all(1 <= (found.users_at(span.begin_s, seconds, peak) or 0) <= peak for span in spans)
    assert all(parse(text).scenario == "" for text in found.expect)


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_the_documentation_lists_every_scenario(name: str) -> None:
    """With what it does, how long, and what is expected."""
    one = scenario(name)
    expect = ", ".join(f"`{text}`" for text in one.expect)
    row = f"| `{one.name}` | {one.text} | {one.seconds:,} | {expect} |"
    assert row in (ROOT / "loadtests" / "README.md").read_text().splitlines()


def test_a_scenario_that_is_not_there_is_refused_with_those_that_are() -> None:
    """By the option's name."""
    with pytest.raises(SettingError, match=r"--scenario: got 'peak', expected one of steady, step, spike, soak, bulk"):
        scenario("peak")


def test_arrivals_are_a_poisson_process() -> None:
    """The mean rate is what was asked for; gaps vary as much as they are long; equal seeds give equal times."""
    times = list(takewhile(lambda at: at < 200.0, poisson(50.0, "1-0-0")))
    assert len(times) == pytest.approx(10_000, abs=400)  # four standard deviations
    gaps = np.diff(times)
    assert gaps.min() >= 0
    assert gaps.std() / gaps.mean() == pytest.approx(1.0, abs=0.05)
    assert list(islice(poisson(50.0, "1-0-0"), 100)) == times[:100]
    assert list(islice(poisson(50.0, "1-0-1"), 100)) != times[:100]


def test_arrivals_without_a_rate_are_refused() -> None:
    """Nothing would ever come."""
    with pytest.raises(ValueError, match="above 0"):
        next(poisson(0.0, ""))


@given(st.lists(st.floats(LEAST_MS, 1e5), min_size=1, max_size=200), st.sampled_from([1, 50, 95, 99, 100]))
def test_percentiles_of_buckets_are_within_a_bucket_of_the_exact_ones(times: list[float], share: int) -> None:
    """Also when two histograms were added, and one went through a message."""
    one, other = Histogram(), Histogram()
    for at, ms in enumerate(times):
        (other if at % 2 else one).add(ms)
    both = Histogram.sum((one, Histogram(dict(other.told()))))
    exact = float(np.percentile(times, share, method="inverted_cdf"))
    assert both.count == len(times)
    assert both.percentile(share) == pytest.approx(exact, rel=0.0101)


def test_nothing_measured_has_no_percentile() -> None:
    """NaN is not a good time."""
    assert math.isnan(Histogram().percentile(99))


@pytest.mark.parametrize(
    ("text", "scenario_", "name", "metric", "limit"),
    [
        ("p99_ms<=50", "", ALL, "p99_ms", 50.0),
        (" known user:p50_ms <= 5.5 ", "", "known user", "p50_ms", 5.5),
        ("spike/failures<=0.02", "spike", ALL, "failures", 0.02),
        ("bulk/bulk rerank:p95_ms<=1e3", "bulk", "bulk rerank", "p95_ms", 1000.0),
        ("requests_per_s>=120", "", ALL, "requests_per_s", 120.0),
    ],
)
def test_thresholds_are_read(text: str, scenario_: str, name: str, metric: str, limit: float) -> None:
    """By scenario, by name of request, or for all."""
    found = parse(text, SCENARIOS)
    assert (found.scenario, found.name, found.metric, found.limit) == (scenario_, name, metric, limit)
    assert parse(str(found), SCENARIOS) == found


@pytest.mark.parametrize(
    "text", ["", "p99<=5", "p99_ms>=5", "requests_per_s<=5", "p99_ms<=fast", "p99_ms<=-1", "p99_ms<=inf", "x/p99_ms<=5"]
)
def test_thresholds_that_cannot_be_read_are_refused(text: str) -> None:
    """The error shows what was given."""
    with pytest.raises(SettingError, match=r"--expect: got ") as error:
        parse(text, SCENARIOS)
    assert repr(text) in error.value.message


def test_given_thresholds_replace_the_scenarios_own() -> None:
    """Those about the same thing; those of other scenarios say nothing."""
    given_ = [parse(text, SCENARIOS) for text in ("failures<=0.5", "step/p50_ms<=1", "spike/p50_ms<=9")]
    held = chosen(given_, [parse("failures<=0"), parse("p99_ms<=7")], "spike")
    assert sorted(map(str, held)) == ["failures<=0.5", "p99_ms<=7", "spike/p50_ms<=9"]


def test_thresholds_are_judged() -> None:
    """What was not asked, and what was never answered, does not hold."""
    never = Figures(5, 1.0, 1.0, 0.0, math.nan, math.nan, math.nan, math.nan)
    texts = (
        "p99_ms<=20",
        "p50_ms<=3",
        "requests_per_s>=99",
        "event:p50_ms<=9",
        "page:failures<=1",
        "event:failures<=1",
    )
    verdicts = judged(map(parse, texts), {ALL: FIGURES, "event": never})
    assert [verdict.held for verdict in verdicts] == [True, False, True, False, False, True]
    assert str(verdicts[1]) == "p50_ms<=3: BROKEN, found 4"
    assert "nothing of that name was asked" in str(verdicts[4])


def _curve(p95: list[float], goodput: list[float] | None = None) -> list[Point]:
    """Loads of 100, 200, ... requests a second."""
    shares = goodput or [1.0] * len(p95)
    return [Point(100.0 * (at + 1), share, ms) for at, (ms, share) in enumerate(zip(p95, shares, strict=True))]


def test_the_knee_is_the_last_level_before_latency_bends() -> None:
    """In whatever order the levels come."""
    points = _curve([2, 2.1, 2.4, 3, 5.9, 9, 40, 300])
    found = knee(points)
    assert found is not None
    assert (found.at, found.offered_per_s) == (4, 500.0)
    assert found.why == "p95 at 600/s is 4.5 times the lightest level's"
    assert knee(points[::-1]) == found


def test_the_knee_is_also_where_answers_fail() -> None:
    """An overload that refuses early keeps its latency."""
    found = knee(_curve([2.0] * 6, [1, 1, 1, 0.96, 0.9, 0.6]))
    assert found == Knee(3, 400.0, "90% of 500/s are answered, less than 95%")


def test_a_flat_curve_has_no_knee() -> None:
    """Nor one that a single disturbed level interrupts, nor one of two points."""
    assert knee(_curve([2, 2, 2.2, 2.1, 2.5])) is None
    assert knee(_curve([2, 2, 90, 2.1, 2.5])) is None
    assert knee(_curve([2, 90])) is None


def test_saturation_from_the_beginning_is_told() -> None:
    """Nobody can say what it would answer well."""
    found = knee(_curve([900, 900, 900], [0.5, 0.3, 0.2]))
    assert found is not None
    assert (found.at, found.offered_per_s) == (-1, 0.0)


def test_a_level_without_any_answer_is_saturated() -> None:
    """NaN is above every limit."""
    found = knee(_curve([2, 2, math.nan], [1, 1, 1]))
    assert found is not None
    assert found.at == 1


@pytest.mark.parametrize(
    ("busy", "lag_ms", "p99_ms", "said"),
    [
        (0.95, 0.1, 20.0, "95% of a core"),
        (0.5, 15.0, 20.0, "15 ms late"),
        (0.5, 15.0, math.nan, "15 ms late"),
        (0.5, 4.0, 5.0, ""),
        (0.5, 8.0, 20.0, ""),
        (0.5, math.nan, 20.0, ""),
    ],
)
def test_the_client_that_is_the_bottleneck_says_so(busy: float, lag_ms: float, p99_ms: float, said: str) -> None:
    """By its processor time, or because its requests leave late; a closed loop has no lag."""
    level = Level(0, 1, 1.0, False, Figures(9, 0, 1, 1, 1, 1, p99_ms, lag_ms), busy)
    assert (said in strained(level)) if said else not strained(level)


def _options(**changes: object) -> Namespace:
    told = {
        "scenario": "", "length": 0.0, "loop": "", "rate": 10.0, "bulk_users": 2, "bulk_rate": 5.0, "expect": None,
        "report_dir": "", "grpc_port": 50051, "ids_file": "", "seed": 0, "num_users": None,
    }  # fmt: skip
    return Namespace(**(told | changes))


def test_a_scenario_is_an_open_loop_unless_it_is_told_otherwise() -> None:
    """Without one it is the closed loop of `make loadtest`, in which nothing may fail."""
    assert setup_of(None, _options()).rate is None
    assert [str(one) for one in setup_of(None, _options()).thresholds] == ["failures<=0"]
    assert setup_of(None, _options(scenario="spike")).rate == 10.0
    assert setup_of(None, _options(scenario="spike", loop="closed")).rate is None
    assert setup_of("http://localhost:8181", _options(scenario="bulk", num_users=7)).peak == 7


@pytest.mark.parametrize(
    ("host", "changes", "said"),
    [
        ("http://192.0.2.7:80", {}, r"127\.0\.0\.1"),
        (None, {"rate": 0.0, "loop": "open"}, "--rate: got 0.0"),
        (None, {"expect": ["p99<=1"]}, "--expect: got"),
        (None, {"scenario": "peak"}, "--scenario: got 'peak'"),
    ],
)
def test_what_a_run_cannot_be_is_refused(host: str | None, changes: dict[str, object], said: str) -> None:
    """Before anything is sent."""
    with pytest.raises(SettingError, match=said):
        setup_of(host, _options(**changes))
