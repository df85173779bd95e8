"""Models go live, back, into a split and into the shadow while the gateway serves: over gRPC, HTTP and the command."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from e2e.conftest import PATIENT, SERVE, Shop
from e2e.faces import Face, Refused, faces_of
from e2e.gateways import Gateway, awaited, command, gateway, metric
from google.protobuf import json_format

from loadtests.swaps import twin
from serving.adapters.releases import live
from serving.adapters.versions import folder
from storegate.client import Client

SPLIT_VISITORS = 2000
SHARE = 0.3
SIGMAS = 4
"""Of a binomial: with a fixed seed the count is always the same; it must be one that chance would give."""


@pytest.fixture(scope="module")
def running(new_home: Callable[[], Path]) -> Iterator[Gateway]:
    """A gateway with a candidate called "second" beside its live release; every decision is logged."""
    home = new_home()
    twin(home, "second")
    with gateway(home, *SERVE["local"], settings=PATIENT | {"decisions.share": 1.0}) as one:
        yield one


@pytest.fixture
def first(running: Gateway) -> Iterator[str]:
    """The release that was trained; live before the test and after it, alone."""
    with running.client() as client:
        name = next(one.name for one in client.list_models().models if one.name != "second" and "bad" not in one.name)
        client.promote_model(name)
        yield name
        client.set_shadow("")
        client.set_traffic_split({})
        client.promote_model(name)


@pytest.fixture(params=[0, 1], ids=["grpc", "http"])
def asked(request: pytest.FixtureRequest, running: Gateway) -> Iterator[Face]:
    """Both faces."""
    pair = faces_of(running)
    yield pair[request.param]
    for one in pair:
        one.close()


def ranker(face: Face, **fields: str) -> str:
    """The version of the ranker that answers."""
    answer = face.ask("Recommend", fields)
    assert len(answer.results) == 10
    return str(answer.serving_info.model_versions["ranker"])


def test_promote_and_roll_back(asked: Face, first: str) -> None:
    """The answer to the change is the new state, the next answer is the new model's; a rollback sets it aside."""
    assert ranker(asked) != "second"
    rollout = asked.ask("PromoteModel", {"name": "second"})
    assert (rollout.live, rollout.served, list(rollout.refused)) == ("second", "second", [])
    assert ranker(asked) == "second"
    states = {one.name: json_format.MessageToDict(one)["state"] for one in asked.ask("ListModels", {}).models}
    assert states == {"second": "MODEL_STATE_LIVE", first: "MODEL_STATE_PREVIOUS"}
    with pytest.raises(Refused) as refused:
        asked.ask("RollbackModel", {"expectedLive": first})
    assert (refused.value.status, refused.value.reason) in (("FAILED_PRECONDITION", "CONFLICT"), (409, "CONFLICT"))
    assert asked.ask("RollbackModel", {"expectedLive": "second"}).live == first
    assert ranker(asked) != "second"
    model = asked.ask("GetModel", {"name": "second"})
    assert json_format.MessageToDict(model)["state"] == "MODEL_STATE_CANDIDATE"
    assert model.versions["ranker"] == "second"


def test_a_check_changes_nothing(asked: Face, first: str) -> None:
    assert asked.ask("PromoteModel", {"name": "second", "validateOnly": True}).live == first
    assert ranker(asked) != "second"


@pytest.mark.parametrize(
    ("method", "body", "reason", "said"),
    [
        ("PromoteModel", {"name": "absent"}, "NOT_FOUND", "'absent' is not known"),
        ("GetModel", {"name": "absent"}, "NOT_FOUND", "'absent' is not known"),
        ("SetShadow", {"name": "absent"}, "NOT_FOUND", "'absent' is not known"),
        ("SetShadow", {"name": "second", "share": 2}, "INVALID_FIELD", "share: got 2.0"),
        ("SetTrafficSplit", {"split": {"arms": [{"name": "second"}]}}, "INVALID_FIELD", "split.arms[0].share: got 0.0"),
        ("RollbackModel", {"expectedLive": "absent"}, "CONFLICT", "is live, not absent"),
    ],
)
def test_what_cannot_be_is_refused(asked: Face, first: str, method: str, body: dict, reason: str, said: str) -> None:
    """With the field, or the name, and what would be right."""
    with pytest.raises(Refused, match=r".*") as refused:
        asked.ask(method, body)
    assert refused.value.reason == reason
    assert said in refused.value.message


def test_the_live_model_gets_what_is_left(asked: Face, first: str) -> None:
    """So it has no share of its own, and no shadow of itself."""
    for method, body in (
        ("SetTrafficSplit", {"split": {"arms": [{"name": first, "share": 0.5}]}}),
        ("SetShadow", {"name": first}),
    ):
        with pytest.raises(Refused) as refused:
            asked.ask(method, body)
        assert "a release other than the live one" in refused.value.message


def test_a_damaged_model_is_refused_by_name_and_the_live_one_goes_on(running: Gateway, asked: Face, first: str) -> None:
    """FAILED_PRECONDITION, or 409, with the file; the manifest is as before."""
    name = f"bad-{asked.name}"
    twin(running.home, name)
    model = folder(running.home, "ranker", name) / "purchase.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"?")
    with pytest.raises(Refused) as refused:
        asked.ask("PromoteModel", {"name": name})
    assert (refused.value.status, refused.value.reason) in (
        ("FAILED_PRECONDITION", "MODEL_REFUSED"),
        (409, "MODEL_REFUSED"),
    )
    assert f"ranker {name}: purchase.onnx: the checksum does not match" in refused.value.message
    assert live(running.home).release == first
    assert ranker(asked) != name


def test_a_split_is_sticky_and_keeps_its_shares(running: Gateway, asked: Face, first: str) -> None:
    """Each visitor stays with one model, on every placement and page; nobody known goes to the live one; the answer
    names the arm; and what an arm decided can be replayed."""
    asked.ask("SetTrafficSplit", {"split": {"arms": [{"name": "second", "share": SHARE}], "seed": "7"}})

    def arm(**fields: object) -> str:
        info = asked.ask("Recommend", {"pageSize": 1, **fields}).serving_info
        assert (info.model_versions["ranker"] == "second") == (info.experiment_arm == "second")
        return str(info.experiment_arm)

    arms = {f"visitor-{number}": arm(visitorId=f"visitor-{number}") for number in range(SPLIT_VISITORS)}
    counts = Counter(arms.values())
    assert set(counts) == {first, "second"}
    sigma = (SPLIT_VISITORS * SHARE * (1 - SHARE)) ** 0.5
    assert abs(counts["second"] - SPLIT_VISITORS * SHARE) < SIGMAS * sigma
    some = next(visitor for visitor, name in arms.items() if name == "second")
    for visitor in (some, *list(arms)[:20]):
        assert arm(visitorId=visitor, placement="trending") == arms[visitor]
        page = asked.ask("RecommendPage", {"visitorId": visitor, "placements": [{"placement": "trending"}]})
        assert page.sections[0].response.serving_info.experiment_arm == arms[visitor]
    assert arm() == first
    assert arm(visitorId=some, personalization="PERSONALIZATION_DENIED") == first
    decision = asked.ask("Recommend", {"visitorId": some}).decision_id
    awaited(lambda: logged(asked, decision), "the decision is logged")
    replayed = asked.ask("ReplayDecision", {"decision_id": decision})
    assert replayed.decision.model_versions["ranker"] == "second"
    assert replayed.identical, replayed.differences
    asked.ask("SetTrafficSplit", {})
    assert arm(visitorId=some) == ""


def logged(face: Face, decision: str) -> bool:
    try:
        return bool(face.ask("GetDecision", {"decision_id": decision}).results)
    except Refused:
        return False


def test_a_shadow_is_compared_and_never_served(running: Gateway, asked: Face, first: str, shop: Shop) -> None:
    """The twin shows what is served, so every page agrees with its own; /metrics and `storegate status` say so."""
    asked.ask("SetShadow", {"name": "second", "share": 1.0})
    (replica,) = running.ready_replicas()

    def counted(name: str) -> float:
        return float(metric(replica, f'storegate_shadow_{name}_total{{shadow="second"}}'))

    def compared() -> bool:
        assert ranker(asked, userId=shop.user) != "second"
        assert ranker(asked, itemIds=[shop.item], placement="similar-items") != "second"  # type: ignore[arg-type]
        return counted("compared") >= 20

    awaited(compared, "twenty answers are compared")
    # some are still being compared, between one reading and the other
    awaited(lambda: counted("overlap") == pytest.approx(counted("compared"), abs=1.0), "all of them agree")
    assert counted("failed") == 0
    assert "answers compared with the shadow" in command(running.home, "status").stdout
    asked.ask("SetShadow", {})
    assert counted("compared") == 0


def test_the_command_does_it_all(running: Gateway, first: str) -> None:
    """Each subcommand against the gateway that runs on the home; a refusal is one line and exit code 2."""

    def said(*arguments: str, code: int = 0) -> str:
        done = command(running.home, "model", *arguments)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    assert "may serve" in said("promote", "second", "--check")
    assert "live: second" in said("promote", "second")
    assert f"live: {first}" in said("rollback", "--expect", "second")
    assert "shadow of 0.5 of the requests: second" in said("shadow", "second", "--share", "0.5")
    assert "0.25 of the visitors: second" in said("split", "second=0.25", "--seed", "3")
    listed = said("list")
    assert "25.0%" in listed
    assert "75.0%" in listed
    assert "ranker" in said("show", "second")
    assert "shadow" not in said("shadow")
    assert "visitors" not in said("split")
    assert "NOT_FOUND" in said("promote", "absent", code=2)
    assert "NAME=SHARE" in said("split", "second", code=2)


def test_swaps_under_load_fail_no_call(new_home: Callable[[], Path]) -> None:
    """The measuring command, small: what it counts is looked at, not what the machine's moment made of the times."""
    done = subprocess.run(
        [sys.executable, "-m", "loadtests.swaps", "--swaps", "20", "--normal-s", "0.5", "--home", new_home(), "--json"],
        capture_output=True, text=True, timeout=250, check=False,
    )  # fmt: skip
    normal, swapping = json.loads(done.stdout)["rows"]
    assert (normal["swaps"], swapping["swaps"]) == (0, 20)
    assert (normal["failed"], swapping["failed"]) == (0, 0)
    assert swapping["calls"] > 0
    assert swapping["uss_last_mib"] > 0


def test_every_replica_goes_over_on_ray(ray_gateway: Gateway) -> None:
    """One is asked; both serve the new model soon, with callers at work, and both go back."""
    twin(ray_gateway.home, "ray-twin")
    over, problems = threading.Event(), []

    def ask_on(client: Client) -> None:
        while not over.is_set():
            try:
                assert client.recommend().results
            except Exception as error:
                problems.append(error)

    with ray_gateway.each_replica() as clients:
        before = live(ray_gateway.home).release
        threads = [threading.Thread(target=ask_on, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        try:
            for name, change in (
                ("ray-twin", lambda client: client.promote_model("ray-twin")),
                (live(ray_gateway.home).models["ranker"], lambda client: client.rollback_model()),
            ):
                change(clients[0])
                for client in clients:
                    awaited(
                        lambda client=client, name=name: (
                            client.recommend().serving_info.model_versions["ranker"] == name
                        ),
                        f"{name} answers",
                    )
        finally:
            over.set()
            for thread in threads:
                thread.join()
    assert problems == []
    assert live(ray_gateway.home).release == before
