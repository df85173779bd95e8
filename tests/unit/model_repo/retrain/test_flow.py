"""The loop: what happened since teaches a release that goes live, or one that is refused; nothing else changes."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from retraining import PLAN, RULES, WALL_S, Shop, shuffled

from model_repo import decisions
from model_repo.datasets.events import Log
from model_repo.retrain.card import NOT_FOR_REFUSED, outside_facts, parts_told
from model_repo.retrain.flow import Gathered, Outcome, Sources, go_live, retrain
from model_repo.retrain.gathering import until
from model_repo.retrain.judging import TOO_LITTLE
from serving.adapters import disk
from serving.adapters.forecast_files import read_forecaster
from serving.adapters.model_loader import load, load_release
from serving.adapters.releases import LOCK, live, manifest, set_live
from serving.adapters.retrain_files import read_card
from serving.adapters.versions import DECISIONS, read_version
from serving.core.errors import InvalidInput
from serving.core.retraining import RetrainParams
from serving.events.history import read_history
from serving.events.records import RECORD
from serving.features import FEATURES


def run(home: Path, log: Log, rules: RetrainParams = RULES, **options: object) -> Outcome:
    transactions, outside = options.pop("transactions", None), options.pop("outside", None)
    return retrain(home, Sources(log, {}, transactions, outside), rules, plan=PLAN, wall_s=WALL_S, **options)  # type: ignore[arg-type]


def content(home: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(home)): path.read_bytes()
        for path in sorted(home.rglob("*"))
        if path.is_file() and "retrain" not in path.relative_to(home).parts
    }


@pytest.fixture(scope="module")
def promoted(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    home = shop.copy(tmp_path_factory.mktemp("promoted"))
    return home, run(home, shop.log)


def test_what_is_not_worse_goes_live(shop: Shop, promoted: tuple[Path, Outcome]) -> None:
    """It knows all of the log; the release before is the first to go back to; no draft and no candidate is left."""
    home, outcome = promoted
    assert outcome.promoted, outcome.reason
    found = manifest(home)
    assert found.live.release == outcome.release
    assert [release.release for release in found.previous] == [live(shop.home).release]
    assert found.candidates == ()
    assert load(home, FEATURES).models.trained_through_s == int(shop.log.time_s[-1])
    assert not (home / "retrain" / "work").exists()


def test_forecasts_are_made_anew_with_the_rest(shop: Shop, promoted: tuple[Path, Outcome]) -> None:
    """They begin on the day after what was learnt ends: four weeks later than those before."""
    home, _ = promoted
    first = []
    for place in (shop.home, home):
        version = live(place).models["forecast"]
        forecaster = read_forecaster(read_version(place, "forecast", version), version)
        asked = forecaster.forecast(np.arange(len(forecaster.item_ids), dtype=np.int32), 7, np.array([0.5]))
        assert asked.mean.sum() > 0
        assert forecaster.version == version
        first.append(forecaster.first_day)
    assert first[1] - first[0] == 28


def test_what_is_known_beside_the_sales_is_learnt_again(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is read by the items as they are numbered then; the card says what became of each decision's model."""
    home, file = shop.copy(tmp_path), tmp_path / "outside.csv"
    last = datetime.fromtimestamp(int(shop.log.time_s[-1]), UTC).date()
    rows = [f"{last - timedelta(days=k)},{k % 7},," for k in range(60)]
    rows += [f"{last - timedelta(days=9)},,{item.item_id},{row + 1}" for row, item in enumerate(shop.past.items)]
    file.write_text("day,rain,item,competitor\n" + "\n".join(rows) + "\n")

    def defective(dataset: object, seed: int, report: object) -> tuple[object, str]:
        raise ZeroDivisionError

    monkeypatch.setitem(decisions.BUILDERS, "price", defective)
    before = live(home)
    outcome = run(home, shop.log, outside=file)
    assert outcome.promoted
    now = live(home)
    model = read_forecaster(read_version(home, "forecast", now.models["forecast"]), "").model
    assert model.outside == ("rain", "competitor")
    said = {item.item_id: row + 1 for row, item in enumerate(shop.past.items)}
    assert [said.get(item_id) for item_id in model.item_ids] == model.outside_item[: len(model.item_ids), 1].tolist()
    assert now.models["price"] == before.models["price"]
    text = read_card(home, outcome.release)
    assert f"| price | carried over | {decisions.DEFECT} |" in text
    assert "| forecast | trained |  |" in text
    assert "rain, competitor" in text
    assert outcome.facts["outside"]["lost"] == []


def test_columns_that_the_forecast_has_lost_are_told() -> None:
    """Without the file: a fresh forecast without them is better than an old one with them, and it is said."""
    facts = {
        "parts": {"forecast": {"state": "trained", "why": ""}},
        "outside": outside_facts(None, None, ("rain",), ()),
    }
    assert facts["outside"]["lost"] == ["rain"]
    (told,) = parts_told(facts)
    assert "knows rain no more" in told
    assert "retrain.outside" in told


def test_the_card_tells_what_was_done(shop: Shop, promoted: tuple[Path, Outcome]) -> None:
    """To people and to programs: data with checksums, split, both releases' figures, rule, decision, versions."""
    home, outcome = promoted
    text, facts = read_card(home, outcome.release), json.loads(read_card(home, outcome.release, for_programs=True))
    assert facts == json.loads(json.dumps(outcome.facts))
    assert facts["decision"] == "promoted"
    assert facts["before"]["release"] == live(shop.home).release
    assert facts["models"] == dict(live(home).models)
    assert facts["data"]["log"]["rows"] == len(shop.log)
    assert len(facts["data"]["sha256"]) == 64
    assert facts["comparison"]["customers"] >= RULES.customers_min
    assert set(facts["metrics"]["live"]) == set(facts["metrics"]["candidate"])
    for said in (
        outcome.release,
        "Promoted",
        f"{facts['comparison']['live']:.4f}",
        facts["split"]["from"],
        "bootstrap",
    ):
        assert said in text
    assert not any(user in text or user in json.dumps(facts) for user in shop.past.users)


def test_profiles_hold_every_event_once(promoted: tuple[Path, Outcome]) -> None:
    """Of the past and of the log."""
    home, _ = promoted
    for _, blob in read_history(load(home, FEATURES).history_dir / "profiles.npz"):
        marks = np.frombuffer(blob, RECORD)["event"]
        assert len(np.unique(marks)) == len(marks)


def test_the_same_data_and_seed_give_the_same_models(
    shop: Shop, promoted: tuple[Path, Outcome], tmp_path: Path
) -> None:
    """And the same verdict."""
    again = run(shop.copy(tmp_path), shop.log)
    assert again.release == promoted[1].release
    assert again.facts["models"] == promoted[1].facts["models"]
    assert again.facts["comparison"] == promoted[1].facts["comparison"]


def test_without_anything_new_nothing_changes(shop: Shop, promoted: tuple[Path, Outcome], tmp_path: Path) -> None:
    """A second retraining on the same log has nothing to be judged by."""
    home = shutil.copytree(promoted[0], tmp_path / "home")
    before = content(home)
    with pytest.raises(InvalidInput, match="none after") as refused:
        run(home, shop.log)
    assert refused.value.reason == TOO_LITTLE
    assert content(home) == before


def test_a_worse_one_stays_a_candidate(shop: Shop, tmp_path: Path) -> None:
    """A file in which everybody has what somebody else bought: refused, kept on the disk, and the card says why."""
    home, before = shop.copy(tmp_path), live(shop.home)
    garbage = shuffled(shop.past)
    outcome = run(home, shop.log, transactions=lambda cut_s: garbage if cut_s is None else until(garbage, cut_s))
    assert not outcome.promoted
    assert "worse by more than 30 %" in outcome.reason
    found = manifest(home)
    assert found.live == before
    assert [release.release for release in found.candidates] == [outcome.release]
    load_release(home, found.candidates[0], FEATURES)
    assert {part: found.candidates[0].models[part] for part in DECISIONS} == {
        part: before.models[part] for part in DECISIONS
    }, "who promotes it all the same loses no decision"
    assert f"| forecast | carried over | {NOT_FOR_REFUSED} |" in read_card(home, outcome.release)
    assert "**Kept**" in read_card(home, outcome.release)
    assert outcome.reason in read_card(home, outcome.release)


def test_a_dry_run_changes_nothing(shop: Shop, tmp_path: Path) -> None:
    home = shop.copy(tmp_path)
    before = content(home)
    outcome = run(home, shop.log, dry_run=True)
    assert outcome.promoted
    assert outcome.release == ""
    assert content(home) == before


def test_too_little_is_said_and_nothing_changes(shop: Shop, tmp_path: Path) -> None:
    """How many customers there are, and how many are needed."""
    home = shop.copy(tmp_path)
    before = content(home)
    with pytest.raises(InvalidInput, match=r"known customers who bought.*1000 or more"):
        run(home, shop.log, replace(RULES, customers_min=1000))
    assert content(home) == before


def test_nothing_of_the_slice_is_learnt_from(shop: Shop) -> None:
    """With another future, what the candidate is trained on is the same to the last bit."""
    now = load(shop.home, FEATURES)
    one = Gathered.of(now, Sources(shop.log, {}), RULES)
    assert one.cut_s > shop.cut_s
    later = shop.log.time_s >= one.cut_s
    item = shop.log.item.copy()
    item[later] = (item[later] + 7) % len(shop.log.items)
    owner = shop.log.owner + 1
    owner[later] = np.roll(owner[later], 1)
    owner[-3:] = 0
    another = replace(shop.log, owners=("u:!new", *shop.log.owners), owner=owner, item=item)
    other = Gathered.of(now, Sources(another, {}), RULES)
    assert other.cut_s == one.cut_s
    assert other.whole.sha256 != one.whole.sha256
    assert other.judged.items == one.judged.items
    assert other.judged.users == one.judged.users
    assert "!new" in other.whole.users
    for name in ("user", "item", "time_s", "type", "quantity", "price", "basket", "mark"):
        np.testing.assert_array_equal(getattr(other.judged.events, name), getattr(one.judged.events, name))
    assert int(one.judged.events.time_s.max()) < one.cut_s


def test_another_release_that_goes_live_meanwhile_is_not_overruled(
    shop: Shop, promoted: tuple[Path, Outcome], tmp_path: Path
) -> None:
    """What was compared with is not what is live any more: the new one stays a candidate."""
    home = shutil.copytree(promoted[0], tmp_path / "home")
    now, back = manifest(home).live, manifest(home).previous[0]
    set_live(home, back)

    def someone_else(what: str, done: int, total: int) -> None:
        if what.startswith("release:") and live(home) == back:
            set_live(home, now)

    outcome = run(home, shop.log, report=someone_else)
    assert not outcome.promoted
    assert "went live while" in outcome.reason
    assert live(home) == now
    assert "**Kept**" in read_card(home, outcome.release)


def test_a_manifest_that_is_being_changed_is_waited_for(promoted: tuple[Path, Outcome], tmp_path: Path) -> None:
    """An operator's change takes a moment; hours of training are not lost to it."""
    home = shutil.copytree(promoted[0], tmp_path / "home")
    found = manifest(home)
    with ThreadPoolExecutor(1) as beside:
        with disk.locked(home / LOCK):
            went = beside.submit(go_live, home, found.live, found.previous[0])
            with pytest.raises(TimeoutError):
                went.result(0.05)
        went.result(30)
    assert live(home) == found.previous[0]
