"""The shadow from a release: which models are refused, what history they are given, and what is shown for it."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
import worlds

from model_repo.publish import publish
from serving.adapters.history_scorer import HistoryScorer
from serving.adapters.model_loader import SHADOW_FILE, load
from serving.adapters.onnx_shadow import OnnxShadow
from serving.adapters.versions import SHADOW, folder, live, promote, sweep
from serving.core.errors import InvalidInput, ModelDamaged, ModelFailed
from serving.decisions.recommend.contract import Query
from serving.decisions.recommend.pipeline import Recommender
from serving.decisions.recommend.shadow import Sampled, Shadow

HERE = Path(__file__).parent
TINY = runpy.run_path(str(HERE / "tiny_release.py"))
MADE = runpy.run_path(str(HERE / "history_models.py"))
FEATURES, tiny_release = TINY["FEATURES"], TINY["tiny_release"]
history_model, DOUBLE = MADE["history_model"], MADE["DOUBLE"]
IDS = tuple(f"i{row}" for row in range(40))


def shadow(op: str = "Identity") -> OnnxShadow:
    return OnnxShadow(HistoryScorer(history_model(IDS, op), IDS), IDS)


def sampled(*events: tuple[str, str, float], sold_out: tuple[str, ...] = (), **query: object) -> Sampled:
    """What the checkerboard answered, with these events of the visitor's."""
    models, catalogue = worlds.checkerboard()
    catalogue = worlds.sold_out(catalogue, *sold_out)
    asked, blob = Query(user_id="ada", page_size=4, **query), worlds.blob(*events)
    pipeline = Recommender(models, lambda: catalogue, worlds.Shelf({"u:ada": blob}), worlds.few())
    return Sampled(asked, blob, worlds.NOW, pipeline.run([asked], worlds.TURN)[0])


def test_scores_are_the_models() -> None:
    history = np.random.default_rng(0).random((3, 40), np.float32)
    scorer = HistoryScorer(history_model(IDS, "Neg", half_life_days="inf"), IDS)
    assert (scorer.model, scorer.half_life_days) == ("neg", np.inf)
    np.testing.assert_array_equal(scorer.score(history), -history)


@pytest.mark.parametrize(
    ("file", "says"),
    [
        (b"not a model", "shadow: onnxruntime cannot read it"),
        (history_model(IDS, width=39), "shadow: the model has .*39.*expected .*40"),
        (history_model(IDS, kind=DOUBLE), r"shadow: the model has .*double.*expected .*float"),
        (history_model(IDS[::-1]), "shadow: it was trained over other items"),
        (history_model(IDS, half_life_days="soon"), "half_life_days in its metadata is 'soon'"),
        (history_model(IDS, half_life_days="0"), "half_life_days in its metadata is '0'"),
    ],
    ids=["bytes", "width", "type", "items", "text", "zero"],
)
def test_what_breaks_the_contract_is_refused(file: bytes, says: str) -> None:
    with pytest.raises(ModelDamaged, match=says):
        HistoryScorer(file, IDS)


def test_the_history_is_purchases_by_age() -> None:
    """Half after the model's half-life; views and unknown items count nothing, lines of one basket once."""
    bought = "purchase-complete"
    blob = worlds.blob(
        (bought, "i3", 0), (bought, "i3", 0), (bought, "i3", 10), (bought, "i7", 20), ("detail-page-view", "i9", 1),
        (bought, "elsewhere", 1),
    )  # fmt: skip
    expected = np.zeros(40, np.float32)
    expected[3], expected[7] = 1.5, 0.25
    np.testing.assert_allclose(shadow().history(blob, worlds.NOW), expected, rtol=1e-6)
    np.testing.assert_array_equal(shadow().history(b"", worlds.NOW), np.zeros(40))


def test_the_page_is_the_best_that_may_be_shown() -> None:
    """As long as what was served; without what is excluded or sold out; of equals, the first."""
    events = [("purchase-complete", f"i{row}", float(row)) for row in (8, 6, 4, 2)]
    made: Shadow = shadow()
    assert made.page(sampled(*events)) == ["i2", "i4", "i6", "i8"]
    assert made.page(sampled(*events, sold_out=("i4",), exclude=("i2", "unknown"))) == ["i6", "i8", "i0", "i1"]


def test_scores_that_are_no_numbers_fail() -> None:
    """The logarithm of what was never bought is not finite."""
    with pytest.raises(ModelFailed, match="log: it gave scores that are no numbers"):
        shadow("Log").page(sampled(("purchase-complete", "i2", 1)))


def published(home: Path, file: bytes, seed: int = 0) -> str:
    trained = tiny_release(seed)
    return publish(home, type(trained)(**{**fields(trained), "shadow": file}), wall_s=1_700_000_000 + seed)


def fields(trained: object) -> dict[str, object]:
    return {name: getattr(trained, name) for name in trained.__dataclass_fields__}  # type: ignore[attr-defined]


def test_a_release_brings_its_shadow(tmp_path: Path) -> None:
    """What was published is loaded; a release without one is whole, and takes the old one out of the window at last."""
    ids = tiny_release().models.item_ids
    published(tmp_path, history_model(ids))
    found = load(tmp_path, FEATURES)
    assert found.shadow is not None
    assert (found.shadow.name, found.refused) == ("identity", [])
    for seed in range(1, 8):
        publish(tmp_path, tiny_release(seed), wall_s=1_700_000_000 + seed)
    assert load(tmp_path, FEATURES).shadow is None
    sweep(tmp_path)
    assert list((tmp_path / SHADOW).iterdir()) == []


@pytest.mark.parametrize("damage", ["flipped", "gone", "other items"])
def test_a_damaged_shadow_does_not_keep_a_release_from_serving(tmp_path: Path, damage: str) -> None:
    ids = tiny_release().models.item_ids
    release = published(tmp_path, history_model(ids[::-1] if damage == "other items" else ids))
    path = folder(tmp_path, SHADOW, live(tmp_path).models[SHADOW]) / SHADOW_FILE
    if damage == "flipped":
        data = bytearray(path.read_bytes())
        data[20] ^= 1
        path.write_bytes(data)
    elif damage == "gone":
        path.unlink()
    found = load(tmp_path, FEATURES)
    assert (found.release, found.shadow) == (release, None)
    (line,) = found.refused
    assert release in line
    assert SHADOW_FILE in line


def test_a_release_cannot_name_a_shadow_that_is_not_there(tmp_path: Path) -> None:
    published(tmp_path, history_model(tiny_release().models.item_ids))
    known = live(tmp_path)
    with pytest.raises(InvalidInput, match=r"release.models\[shadow\]"):
        promote(tmp_path, type(known)("r2", {**known.models, SHADOW: "never-written"}))
