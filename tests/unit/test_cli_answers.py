"""What the commands send to a gateway and print of its answers, over a real connection to a small one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from serving.cli.decision import decision
from serving.cli.recommend import recommend
from serving.decisions.recommend.contract import PLACEMENTS
from serving.engine.calls import Call
from serving.transport.contract import methods, services
from serving.transport.front_params import FrontParams
from serving.transport.native_front import NativeFront
from storegate.v1 import recommendation_pb2 as pb

DECIDED = "0123456789abcdef0000000000000001"
MUG = pb.RecommendResult(item_id="mug", title="Red mug", source="together", price={"amount_minor": 1250})
TRACE = pb.Trace(
    stages=[pb.TraceStage(name="rules", kept=3980, removed={"out of stock or deleted": 20, "filter": 1500})],
    items=[
        pb.TraceItem(item_id="mug", shown=True, rank=1, score=2.5, sources=["together"], signals={"buys": 0.5}),
        pb.TraceItem(item_id="hat", why_not="price < 5 does not hold (price 7)"),
    ],
)
LOGGED = pb.Decision(
    decision_id=DECIDED,
    time={"seconds": 1_700_000_000},
    placement="buy-it-again",
    user_id="17850",
    query_json='{"placement": "buy-it-again"}',
    results=[
        pb.DecisionResult(item_id="mug", score=0.5, propensity=0.25, source="repeat", outcomes=["purchase-complete"])
    ],
    degraded=[pb.Degraded(stage="scorer", cause="onnx")],
)


class Gate:
    """An Intake that remembers what it was asked and answers by the method's name."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {
            "Recommend": pb.RecommendResponse(
                results=[MUG], next_page_token="cDE6MTA", decision_id=DECIDED, trace=TRACE
            ),
            "GetDecision": LOGGED,
            "ReplayDecision": pb.ReplayDecisionResponse(decision=LOGGED, identical=True),
        }
        self.asked: dict[str, Any] = {}

    def submit(self, calls: Sequence[Call], returning: bool = False) -> bool:
        requests = {method.full_name: method for method in methods()}
        for call in calls:
            method = requests[call.method]
            self.asked[method.name] = method.request.FromString(call.payload)
            answer = self.answers.get(method.name, method.response())
            call.responder.respond(call.call_id, answer.SerializeToString())
        return False

    def cancel(self, responder: object, call_id: int) -> None:
        """Nothing waits here."""


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def target(gate: Gate) -> Iterator[str]:
    front = NativeFront(FrontParams(), [method.full_name for method in methods()], services())
    front.start(gate)
    yield f"127.0.0.1:{front.port}"
    front.close(0.0)


def run(command: click.Command, *arguments: str, target: str, tmp_path: Path) -> Result:
    return CliRunner().invoke(command, [*arguments, "--home", str(tmp_path), "--target", target])


def words(result: Result) -> str:
    """What was printed, however wide the table was."""
    return " ".join(result.output.split())


def test_every_option_of_recommend_arrives(gate: Gate, target: str, tmp_path: Path) -> None:
    options = {
        "--user": "17850", "--item": "cup", "--placement": "similar-items", "--filter": "price < 5",
        "--objective": "margin", "--diversity": "0.5", "--exclude": "hat", "-k": "3", "--page-token": "cDE6MTA",
    }  # fmt: skip
    flat = [word for pair in options.items() for word in pair]
    done = run(recommend, *flat, "--trace", "--why", "hat", "--why", "cap", target=target, tmp_path=tmp_path)
    assert done.exit_code == 0, done.output
    assert gate.asked["Recommend"] == pb.RecommendRequest(
        user_id="17850", item_ids=["cup"], placement="similar-items", filter="price < 5", objective="margin",
        diversity=0.5, exclude_item_ids=["hat"], page_size=3, page_token="cDE6MTA", explain=pb.EXPLAIN_TRACE,
        trace_item_ids=["hat", "cap"],
    )  # fmt: skip


def test_what_is_not_said_is_left_to_the_gateway(gate: Gate, target: str, tmp_path: Path) -> None:
    """No diversity and no explanation of the command's own; the page's number of items is."""
    assert run(recommend, target=target, tmp_path=tmp_path).exit_code == 0
    assert gate.asked["Recommend"] == pb.RecommendRequest(page_size=10)
    assert run(recommend, "--item", "cup", target=target, tmp_path=tmp_path).exit_code == 0
    assert gate.asked["Recommend"].placement == "others-you-may-like"
    assert run(recommend, "--diversity", "0", target=target, tmp_path=tmp_path).exit_code == 0
    assert gate.asked["Recommend"].HasField("diversity")


def test_a_trace_is_printed_as_tables(target: str, tmp_path: Path) -> None:
    """Stages with the commonest cause first, items with why they are not shown, the decision's id to replay it by."""
    printed = words(run(recommend, "--trace", "--why", "hat", target=target, tmp_path=tmp_path))
    assert "rules 3,980 1,500 filter; 20 out of stock or deleted" in printed
    assert "mug 1 2.500 together buys 0.5" in printed
    assert "price < 5 does not hold (price 7)" in printed
    assert "--page-token cDE6MTA" in printed
    assert f"decision {DECIDED}" in printed
    assert "stages" not in words(run(recommend, target=target, tmp_path=tmp_path))


def test_why_needs_a_trace(target: str, tmp_path: Path) -> None:
    done = run(recommend, "--why", "hat", target=target, tmp_path=tmp_path)
    assert (done.exit_code, "--why needs --trace" in done.output) == (2, True)


def test_the_help_lists_every_placement() -> None:
    told = words(CliRunner().invoke(recommend, ["--help"]))
    assert all(placement in told for placement in PLACEMENTS)


def test_a_decision_is_printed_with_what_came_of_it(gate: Gate, target: str, tmp_path: Path) -> None:
    done = run(decision, DECIDED, target=target, tmp_path=tmp_path)
    assert done.exit_code == 0, done.output
    assert gate.asked.keys() >= {"GetDecision"}
    assert "ReplayDecision" not in gate.asked
    assert gate.asked["GetDecision"].decision_id == DECIDED
    printed = words(done)
    assert "buy-it-again for 17850, 2023-11-14T22:13:20Z" in printed
    assert "1 mug 0.00 0.500 0.25 repeat purchase-complete" in printed
    assert "degraded: scorer (onnx)" in printed
    assert 'asked: {"placement": "buy-it-again"}' in printed
    assert "replayed" not in printed


def test_a_replay_says_whether_it_was_the_same(gate: Gate, target: str, tmp_path: Path) -> None:
    """Scripts read the exit code: 0 the same, 1 another answer."""
    same = run(decision, DECIDED, "--replay", target=target, tmp_path=tmp_path)
    assert (same.exit_code, "replayed: identical in every field" in words(same)) == (0, True)
    difference = pb.Difference(field="results[0].item_id", logged="mug", replayed="cup")
    gate.answers["ReplayDecision"] = pb.ReplayDecisionResponse(decision=LOGGED, differences=[difference])
    other = run(decision, DECIDED, "--replay", target=target, tmp_path=tmp_path)
    assert (other.exit_code, "results[0].item_id mug cup" in words(other)) == (1, True)
