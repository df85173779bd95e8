"""The comparison with peers: what is made of known figures, how servers are spoken to, and what h2load is asked."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from rich.console import Console

from loadtests.bench.figures import Round
from loadtests.bench.generate import Log
from loadtests.bench.measure import NotCovered
from loadtests.bench.report import Result
from loadtests.peers.ask import difference
from loadtests.peers.flow import compared, notes, rows_of
from loadtests.peers.load import Heard, command, totals
from loadtests.peers.measure import Span, covered, missing
from loadtests.peers.peers_pb2 import InferResponse, RankResponse
from loadtests.peers.picture import svg
from loadtests.peers.pipeline import FIRST_ID, PAGE_MAX, Page, Query
from loadtests.peers.registry import PEERS, chosen
from loadtests.peers.report import as_markdown, lines, report
from loadtests.peers.subject import Case, Subject
from loadtests.peers.world import queries

ROOT = Path(__file__).resolve().parents[3]
PAGE = Page([FIRST_ID + 2, FIRST_ID], [1.5, -0.25])
SAID = """finished in 1.50s, 593.33 req/s, 394.01KB/s
requests: 890 total, 954 started, 880 done, 880 succeeded, 0 failed, 0 errored, 0 timeout
traffic: 591.02KB (605200) total, 79.18KB (81081) headers (space savings 0.00%), 482.04KB (493614) data
"""


def _log(count: int, micros: int, start_us: int = 0) -> Log:
    return Log(np.full(count, start_us), np.full(count, 200), np.full(count, micros))


def _subject(name: str, per_round: list[int], start_s: list[float]) -> Subject:
    """Asked by eight callers in rounds of one second, half a second of the processor each; answers take 2 ms."""
    (peer,) = chosen(name)
    rounds = [Round(_log(count, 2000), 1.0, 0.5) for count in per_round]
    return Subject(peer, Path("python"), [Case(8, rounds, probed=3)], start_s, [100.0, 300.0, 200.0], 4)


def _result(rows: list[dict[str, object]], told: list[str]) -> Result:
    when = datetime(2026, 11, 24, tzinfo=UTC)
    return Result("python -m loadtests.peers", {"items": 4000}, 0, {"rounds": 3}, rows, 9.0, told, when)


@pytest.fixture
def result() -> Result:
    subjects = [_subject("ours", [3900, 4000, 4100], [9.0, 11.0, 10.0]), _subject("mosec_http", [1000], [2.0])]
    subjects[1].cases[0].problems.append("ids [1], expected [2]")
    rows = [
        {"name": "pipeline", "batch": 8, "micros": 200.0},
        {"name": "index", "recall@200": 0.9957},
        *rows_of(subjects),
    ]
    return _result([*rows, *compared(rows)], notes(subjects, rows))


def test_rows_pool_the_rounds(result: Result) -> None:
    """12,000 calls in three seconds; the whole server's row has the middle of the starts and of the memory."""
    case = next(row for row in result.rows if row["name"] == "ours" and "callers" in row)
    assert (case["requests_per_s"], case["p50_ms"], case["p99_ms"], case["cpu_ms"]) == (4000.0, 2.0, 2.0, 0.125)
    assert (case["calls"], case["probed"], case["spread_pct"], case["failed"]) == (12000, 3, 5.0, 0)
    whole = next(row for row in result.rows if row["name"] == "ours" and "start_s" in row)
    assert (whole["start_s"], whole["pss_mib"], whole["processes"]) == (10.0, 200.0, 4)


def test_ours_is_set_against_every_other(result: Result) -> None:
    """Four times as many requests; 4,000 a second of 200 us each are 0.8 of a core."""
    found = {(row["name"], row["peer"]): row for row in result.rows if "peer" in row}
    assert found["ratio", "mosec_http"]["ours_over"] == 4.0
    assert ("ratio", "ours") not in found
    assert found["share", "ours"]["share"] == 0.8


def test_the_first_comes_first(result: Result) -> None:
    """Lines are ordered by requests a second, and have what is known of the whole server."""
    first, second = lines(result.rows)
    assert (first["name"], first["start_s"]) == ("ours", 10.0)
    assert (second["name"], second["ours_over"], second["failed"]) == ("mosec_http", 4.0, 1)


def test_markdown_has_a_line_a_case_and_the_notes(result: Result) -> None:
    """As many cells as the head has; a wrong answer is told."""
    text = as_markdown(result).splitlines()
    assert len({line.count("|") for line in text[:4]}) == 1
    ours = "| 2026-11-24 | 4,000 | storegate: engine and native front on Ray | 8 | 4,000.0 |  | 2.0 | 2.0 | 0.125 |"
    assert text[2].startswith(ours)
    assert text[3].split("|")[5:7] == [" 1,000.0 ", " 4.0 "]
    assert "Note: mosec, 8 callers: ids [1], expected [2]." in as_markdown(result).replace("mosec_http", "mosec")
    assert "in process, microseconds a request at batch 8: 200.0; index: recall@200 0.9957" in as_markdown(result)
    console = Console(width=140, record=True, file=StringIO())
    report(result, console)
    assert re.search(r"mosec_http +8 +1,000\.0 +4\.0", console.export_text())


def test_the_picture_is_one_file_with_a_bar_a_server_and_figure(result: Result) -> None:
    """Well-formed, two panels of two bars and the ground; the longest bar is that of the most."""
    tree = ElementTree.fromstring(svg(result))
    bars = [each for each in tree.iter() if each.tag.endswith("rect")]
    assert len(bars) == 1 + 2 * 2
    assert float(bars[1].get("width", "0")) > float(bars[2].get("width", "0"))


def test_a_server_that_fails_is_told_and_has_no_row() -> None:
    """Why it was left out stands in the notes."""
    (peer,) = chosen("bento")
    subject = Subject(peer, Path("python"), [Case(8)], failure="bento ended with code 1: no")
    assert rows_of([subject]) == []
    assert notes([subject], []) == ["bento was not measured to the end: bento ended with code 1: no"]


def test_an_answer_is_compared_by_ids_and_scores() -> None:
    """Order counts; a difference of rounding does not."""
    assert difference(PAGE, PAGE) == ""
    assert difference(Page(PAGE.ids, [1.500001, -0.25]), PAGE) == ""
    assert "off by 0.5" in difference(Page(PAGE.ids, [1.0, -0.25]), PAGE)
    assert difference(Page(PAGE.ids[::-1], PAGE.scores), PAGE).startswith("ids")


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_every_request_of_a_wire_is_as_long_as_another(peer: object) -> None:
    """h2load fixes the length when it starts; the bodies differ all the same."""
    bodies = [peer.wire.body(query) for query in queries(100_000, 200, 0)]  # type: ignore[attr-defined]
    assert len({len(body) for body in bodies}) == 1
    assert len(set(bodies)) == len(bodies)


def test_answers_are_read_in_every_wire() -> None:
    """protobuf, the Open Inference Protocol with lists and with raw bytes, JSON alone and in a list."""
    wires = {peer.name: peer.wire for peer in PEERS}

    def framed(message: bytes) -> bytes:
        return b"\0" + len(message).to_bytes(4, "big") + message

    told = RankResponse(ids=PAGE.ids, scores=PAGE.scores).SerializeToString()
    assert wires["ours"].page(framed(told)) == PAGE
    for raw in (True, False):
        answer = InferResponse()
        ids, scores = (
            answer.outputs.add(name="ids", datatype="INT64"),
            answer.outputs.add(name="scores", datatype="FP32"),
        )
        if raw:
            answer.raw_output_contents.append(np.array(PAGE.ids, np.int64).tobytes())
            answer.raw_output_contents.append(np.array(PAGE.scores, np.float32).tobytes())
        else:
            ids.contents.int64_contents.extend(PAGE.ids)
            scores.contents.fp32_contents.extend(PAGE.scores)
        assert wires["ml_server"].page(framed(answer.SerializeToString())) == PAGE
    assert wires["mosec_http"].page(json.dumps(PAGE._asdict()).encode()) == PAGE
    assert wires["bento"].page(json.dumps([PAGE._asdict()]).encode()) == PAGE
    with pytest.raises(ValueError, match="not an answer"):
        wires["mosec_http"].page(b'{"error": "busy"}')


def test_callers_are_streams_or_connections(tmp_path: Path) -> None:
    """Over HTTP/2 one connection of so many streams, over HTTP/1.1 so many connections."""
    wires = {peer.name: peer.wire for peer in PEERS}
    many = [command(wires[name], "h:1", tmp_path, 7, 1.5)[:5] for name in ("ours", "mosec_http")]
    assert many == [["-c", "1", "-m", "7", "-D"], ["--h1", "-c", "7", "-m", "1"]]


def test_the_summary_tells_answers_and_bytes() -> None:
    """Errors of gRPC have no body: the bytes betray them."""
    assert totals(SAID) == (880, 493614)
    with pytest.raises(ValueError, match="not a summary"):
        totals("nothing")
    good, bad = Heard(_log(1, 1), 100, 15_000), Heard(_log(1, 1), 100, 7_000)
    assert missing([good], 150.0) == []
    assert "some failed" in missing([good, bad], 150.0)[0]


def test_a_round_counts_what_ended_in_it() -> None:
    """Calls before and after the clock are left out; a process that came late or left early spoils the round."""
    span = Span(begin_us=1000.0, end_us=5000.0, cpu_s=0.1, foreign_s=0.0, ended=0)
    early, within, after = _log(2, 500, 0), _log(3, 500, 2000), _log(4, 500, 4900)
    log = Log.joined([early, within, after])
    assert len(covered([Heard(log, 9, 0)], span).log) == 3
    with pytest.raises(NotCovered, match="1 came late"):
        covered([Heard(log, 9, 0), Heard(within, 3, 0)], span)
    with pytest.raises(NotCovered, match="1 ended early"):
        covered([Heard(log, 9, 0)], Span(1000.0, 5000.0, 0.1, 0.0, ended=1))


def test_every_peer_has_its_server_and_its_requirements() -> None:
    """Hashed requirements without the address of an index."""
    for peer in PEERS:
        assert (ROOT / "loadtests" / "peers" / "servers" / f"{peer.name}.py").exists()
        if peer.environment:
            text = (ROOT / "requirements" / "peers" / f"{peer.environment}.txt").read_text()
            assert "--hash=sha256:" in text
            assert "://" not in text


def test_the_servers_are_chosen_by_name() -> None:
    """In the order of the table; an unknown one is named."""
    assert [peer.name for peer in chosen("mosec_http, ours")] == ["ours", "mosec_http"]
    assert chosen("") == PEERS
    with pytest.raises(ValueError, match="apache: expected some of ours"):
        chosen("apache")


def test_a_query_asks_for_a_full_page() -> None:
    """Every user has a history of known items."""
    (query,) = queries(300, 1, 0)
    assert isinstance(query, Query)
    assert query.page_size == PAGE_MAX
    assert all(FIRST_ID <= each < FIRST_ID + 300 for each in query.history)
