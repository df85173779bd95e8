"""A release that must not serve is refused by name, whatever is wrong with it, and the one before goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from releases import NEIGHBOURS_ONLY, WIDTH, A, B, network, release
from worlds import checkerboard, few

from model_repo.publish import Trained, publish
from model_repo.ranker.onnx_file import to_onnx
from serving.adapters.admission import check_rankers, rehearse
from serving.adapters.live_models import LiveModels
from serving.adapters.memory_catalogue import MemoryCatalogue
from serving.adapters.model_service import ModelService
from serving.adapters.onnx_checks import check_graph
from serving.adapters.onnx_scorer import OnnxScorer
from serving.adapters.releases import live as live_release
from serving.core.clock import NEVER
from serving.core.errors import ModelDamaged, ModelFailed, ModelRefused, StoregateError
from serving.core.rollout import Promote
from serving.core.turn import Turn
from serving.decisions.recommend.contract import Query
from serving.decisions.recommend.models import Rankers
from serving.decisions.recommend.pipeline import Recommender
from serving.features import FEATURES

TURN = Turn(0.0, 1_700_000_000.0, NEVER)
DEPTH, BREADTH = 24, 1024
"""Of a network that takes thousands of times as long as the live one."""


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveModels]:
    publish(tmp_path, release(A, "A"), wall_s=1.7e9)
    made = LiveModels(tmp_path, NEIGHBOURS_ONLY, None, MemoryCatalogue())
    yield made
    made.close()


def graph(nodes: list[NodeProto], constants: dict[str, np.ndarray], domain: str = "") -> ModelProto:
    """A model of the rankers' signature from nodes that lead from "features" to "scores"."""
    made = helper.make_graph(
        nodes,
        "ranker",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", WIDTH])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n"])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", 17), *([helper.make_opsetid(domain, 1)] if domain else [])]
    model = helper.make_model(made, opset_imports=opsets, ir_version=8)
    helper.set_model_props(model, {"features": "\n".join(FEATURES)})
    return model


def summing(factor: float) -> ModelProto:
    """Scores are the rows' sums times `factor`."""
    nodes = [
        helper.make_node("ReduceSum", ["features", "axes"], ["sums"], keepdims=0),
        helper.make_node("Mul", ["sums", "factor"], ["scores"]),
    ]
    return graph(nodes, {"axes": np.array([1]), "factor": np.array(factor, np.float32)})


def external() -> bytes:
    """The factor lies in a file of its own."""
    model = summing(1.0)
    tensor = model.graph.initializer[1]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../etc/hostname")
    return model.SerializeToString()


def custom(node_domain: str = "shop.custom") -> bytes:
    node = helper.make_node("Rank", ["features"], ["scores"], domain=node_domain)
    return graph([node], {}, node_domain).SerializeToString()


def deep() -> bytes:
    """The same large layer again and again."""
    constants = {
        "in": np.full((WIDTH, BREADTH), 1e-3, np.float32),
        "again": np.full((BREADTH, BREADTH), 1e-3, np.float32),
        "out": np.full((BREADTH, 1), 1e-3, np.float32),
        "flat": np.array([-1]),
    }
    nodes = [helper.make_node("MatMul", ["features", "in"], ["x0"])]
    nodes += [helper.make_node("MatMul", [f"x{n}", "again"], [f"x{n + 1}"]) for n in range(DEPTH)]
    nodes += [
        helper.make_node("MatMul", [f"x{DEPTH}", "out"], ["column"]),
        helper.make_node("Reshape", ["column", "flat"], ["scores"]),
    ]
    return graph(nodes, constants).SerializeToString()


FAST = summing(1.0).SerializeToString()


def failing() -> bytes:
    """Its signature is right, and it reads a feature that is not there."""
    constants = {"far": np.array([WIDTH]), "flat": np.array([-1])}
    nodes = [
        helper.make_node("Gather", ["features", "far"], ["column"], axis=1),
        helper.make_node("Reshape", ["column", "flat"], ["scores"]),
    ]
    return graph(nodes, constants).SerializeToString()


def with_ranker(file: bytes) -> Callable[[Trained], Trained]:
    """Another click ranker, of which no golden rows are kept."""
    return lambda trained: replace(trained, rankers={**trained.rankers, "click": file}, golden={})


def without_numbers(trained: Trained) -> Trained:
    """The items' statistics are NaN: no ranker is to blame, the answers are."""
    stats = np.full_like(trained.models.item_stats, np.nan)
    return replace(trained, models=replace(trained.models, item_stats=stats))


BAD: dict[str, tuple[Callable[[Trained], Trained], str]] = {
    "another model than was trained": (
        lambda trained: replace(trained, rankers={**trained.rankers, "basket": to_onnx(network(7), FEATURES)}),
        r"ranker: basket\.onnx: . of 8 golden rows come out otherwise: row \d scores .*, expected",
    ),
    "not a number": (with_ranker(summing(np.nan).SerializeToString()), r"ranker: click\.onnx: it scores nan"),
    "infinite": (with_ranker(summing(np.inf).SerializeToString()), r"ranker: click\.onnx: it scores -?inf"),
    "too slow": (with_ranker(deep()), r"ranker: click\.onnx: 256 rows take .* ms, at most .* 4 times the live one's"),
    "external data": (with_ranker(external()), r"ranker: click\.onnx: the tensor 'factor' lies in another file"),
    "custom operator": (
        with_ranker(custom()),
        r"click\.onnx: the operator Rank is of the domain 'shop.custom'",
    ),
    "cannot be run": (with_ranker(failing()), r"ranker: click\.onnx: it cannot be run"),
    "other features": (
        with_ranker(to_onnx(network(), FEATURES[::-1])),
        r"click\.onnx: it was trained on other",
    ),
    "another signature": (with_ranker(b""), r"ranker: click\.onnx: onnxruntime cannot read it"),
    "answers without numbers": (without_numbers, r"release .*: an answer has the score nan"),
}


@pytest.mark.parametrize(("make", "said"), BAD.values(), ids=BAD.keys())
def test_a_bad_release_is_refused_and_the_old_one_goes_on(live: LiveModels, tmp_path: Path, make, said: str) -> None:
    """However it got into the manifest: named, and nobody is answered otherwise; the next good one is taken."""
    first = live.release
    name = publish(tmp_path, make(release(B, "B")), wall_s=1.7e9 + 1)
    assert not live.refresh()
    assert live.release == first
    (told,) = live.refused
    assert name in told
    assert pytest.raises(StoregateError, match=said).matches(StoregateError(told))
    (answer,) = live.run([Query()], TURN)
    assert {answer.catalogue.items[row].title[0] for row in answer.rows} == {"A"}
    publish(tmp_path, release(B, "B"), wall_s=1.7e9 + 2)
    assert live.refresh()
    assert live.refused == []


def test_a_damaged_file_is_refused_by_its_checksum(live: LiveModels, tmp_path: Path) -> None:
    """By the service too, which then has changed nothing: the error is typed and names the file."""
    first = live_release(tmp_path)
    name = publish(tmp_path, release(B, "B"), wall_s=1.7e9 + 1, go_live=False)
    assert live_release(tmp_path) == first
    newest = max((tmp_path / "models" / "ranker").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    data = bytearray((newest / "golden.npz").read_bytes())
    data[len(data) // 2] ^= 1
    (newest / "golden.npz").write_bytes(data)
    (answer,) = ModelService(tmp_path, live).run_change([Promote(name)], TURN)
    assert isinstance(answer, ModelRefused)
    assert "golden.npz: the checksum does not match" in answer.message
    assert (answer.reason, live_release(tmp_path), live.release) == ("MODEL_REFUSED", first, first.release)


def test_the_budget_of_a_model_stands_above_the_live_ones_time(tmp_path: Path) -> None:
    """Generous: the slow ranker may serve; tight: an ordinary one may not, whoever serves; a wrong one is named."""
    rankers = {name: OnnxScorer(file, FEATURES) for name, file in (("slow", deep()), ("fast", FAST))}
    slow, fast = (Rankers(rankers[name], rankers[name], rankers[name]) for name in ("slow", "fast"))
    check_rankers(tmp_path, fast, WIDTH, None, 4.0)
    description = tmp_path / "model.toml"
    description.write_text("[budget]\nmicros_per_row = 1e6\n")
    check_rankers(tmp_path, slow, WIDTH, fast, 4.0)
    description.write_text("[budget]\nmicros_per_row = 1e-6\n")
    with pytest.raises(ModelRefused, match=r"purchase\.onnx: 256 rows take .*: its budget") as refused:
        check_rankers(tmp_path, fast, WIDTH, fast, 4.0)
    assert refused.value.check == "budget"
    for text in ("[budget]\nmicros_per_row = 'fast'\n", "[budget]\nmicros_per_row = 0\n", "budget = 3\n", "["):
        description.write_text(text)
        with pytest.raises(ModelDamaged, match=r"model\.toml"):
            check_rankers(tmp_path, fast, WIDTH, None, 4.0)


def test_what_is_hidden_in_a_branch_is_found() -> None:
    """A custom operator and an external tensor in the body of an If, and in a function of the model's own."""
    node = helper.make_node("Rank", ["x"], ["y"], domain="shop.custom")
    tensor = numpy_helper.from_array(np.zeros(1, np.float32), "weights")
    tensor.data_location = TensorProto.EXTERNAL
    for nodes, tensors, said in (([node], [], "operator Rank"), ([], [tensor], "tensor 'weights'")):
        body = helper.make_graph(nodes, "body", [], [helper.make_tensor_value_info("y", 1, ["n"])], tensors)
        branch = helper.make_node("If", ["which"], ["scores"], then_branch=body, else_branch=body)
        with pytest.raises(ModelRefused, match=said):
            check_graph(graph([branch], {}).SerializeToString(), "ranker")
    model = summing(1.0)
    opsets = [helper.make_opsetid("", 17)]
    model.functions.append(helper.make_function("shop", "Own", ["x"], ["y"], [node], opsets))
    with pytest.raises(ModelRefused, match="operator Rank"):
        check_graph(model.SerializeToString(), "ranker")


class Refusing:
    """A ranker that onnxruntime refuses to run."""

    def score(self, features: np.ndarray) -> np.ndarray:
        raise ModelFailed("ranker", "out of memory")


def test_a_rehearsal_answers_what_was_recorded(caplog: pytest.LogCaptureFixture) -> None:
    """A recorded request that fails is held against a release where another one has answered it; at a start, when there
    is no other, it is left out. An answer that falls back is no answer."""
    models, catalogue = checkerboard()
    pipeline = Recommender(models, lambda: catalogue, None, few())
    impossible = Query(placement="on-the-roof")
    rehearse(pipeline, "r1", [Query(item_ids=("i1",), placement="similar-items")], strict=True)
    with pytest.raises(ModelRefused, match="release r1: a recorded request fails: KeyError"):
        rehearse(pipeline, "r1", [impossible], strict=True)
    rehearse(pipeline, "r1", [impossible], strict=False)
    assert "left out of the warm-up" in caplog.text
    failing = replace(models, rankers=Rankers(Refusing(), Refusing(), Refusing()))
    with pytest.raises(ModelRefused, match="the stage scorer falls back on a request: out of memory"):
        rehearse(Recommender(failing, lambda: catalogue, None, few()), "r1", [], strict=True)
