"""From what happened to a release that answers, or to one that was refused.

catalogue + past + event log --> whole
   |                               +-- newest slice --> cut (judging.py)
   +-- the same as of the cut --> past --> train --> the candidate, in a folder of its own
                                             |
   candidate and live release answer the customers of the slice --> compare (comparing.py)
       not worse --> train on the whole --> publish, not live --> checks of a gateway --> live, by one rename
       else      --> the candidate stays on disk, not live
   either way    --> card (card.py)

Killed at any moment it leaves the live release as it was: until the last step nothing but drafts and candidates is
written.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

from model_repo.datasets.events import Log
from model_repo.datasets.outside import read_outside
from model_repo.datasets.tables import Dataset
from model_repo.evaluate.knowledge import joined, known_before
from model_repo.evaluate.served import stored_history
from model_repo.publish import PUBLISH_LOCK
from model_repo.recommend import Plan, Report
from model_repo.retrain.card import (
    NOT_FOR_REFUSED,
    Facts,
    data_facts,
    outside_facts,
    page,
    parts_facts,
    rule_text,
    when,
)
from model_repo.retrain.gathering import Goods, gather, learnt, until
from model_repo.retrain.judging import Judged, catalogue_then, cut_of, judge, split_of, store_of
from model_repo.train import train
from serving.adapters import disk
from serving.adapters.bringing_up import BringingUp
from serving.adapters.forecast_files import PART as FORECAST
from serving.adapters.forecast_files import read_forecaster
from serving.adapters.memory_catalogue import MemoryCatalogue
from serving.adapters.model_loader import Loaded, load, load_release
from serving.adapters.recent_requests import RecentRequests
from serving.adapters.releases import Manifest, Release, change, live, manifest
from serving.adapters.retrain_files import KEPT, PROMOTED, WORK, place, write_card
from serving.adapters.versions import DECISIONS, SUMS, folder, offer, read_version, sweep, write_version
from serving.catalogue.live import LiveCatalogue
from serving.core.catalogue import Item
from serving.core.errors import Conflict, ModelDamaged, SettingError
from serving.core.retraining import RetrainParams
from serving.core.rollout import ModelParams
from serving.decisions.recommend.params import Params
from serving.features import FEATURES

ATTEMPTS_MAX: Final = 50
PAUSE_S: Final = 0.1
"""Between attempts to change what is live."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What there is to learn from."""

    log: Log
    written: Mapping[str, Item]
    """Id -> item, of the catalogue service since the live release was published, deleted ones too."""
    transactions: Callable[[int | None], Dataset] | None = None
    """Reads a file of transactions as if it had ended at that second (None = whole); None = there is no file."""
    outside: Path | None = None
    """A file of what is known beside the sales (datasets/outside.py); None = there is none."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it. release: what was made, '' = a dry run keeps nothing."""

    promoted: bool
    reason: str
    release: str
    facts: Facts
    card: Path | None = None


@dataclass(slots=True)
class Stopwatch:
    """Seconds of each step, as they pass."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - begun, 2)


def retrain(
    home: Path, sources: Sources, rules: RetrainParams, *, params: Params | None = None,
    admission: ModelParams | None = None, plan: Plan | None = None, report: Report | None = None,
    records_max: int = 512, dry_run: bool = False, wall_s: float | None = None,
) -> Outcome:  # fmt: skip
    """Call it `alone` (adapters/retrain_files.py). records_max: newest events of a user that the gateway keeps.

    dry_run: nothing but drafts is written. Raises InvalidInput (TOO_LITTLE_DATA) when there is too little to learn from
    or to judge by, NotReady when nothing was ever trained, ModelDamaged when the live release cannot be loaded.
    """
    params, admission = params or Params(), admission or ModelParams()
    plan, say = plan or Plan(moments=rules.moments), report or (lambda what, done, total: None)
    wall_s = time.time() if wall_s is None else wall_s
    work, watch = place(home) / WORK, Stopwatch()
    disk.remove(work)
    before = live(home)
    try:
        with watch.step("gathering"):
            now = load_release(home, before, FEATURES)
            data = Gathered.of(now, sources, rules)
        with watch.step("training the candidate"):
            train(
                work, data.judged, seed=rules.seed, progress=_told(say, "candidate"), plan=plan, params=params,
                wall_s=wall_s, decisions=False,
            )  # fmt: skip
        with watch.step("comparing with the live release"):
            say("asking both releases", 0, 1)
            found = data.judge(now, load(work, FEATURES), params, rules, records_max)
        verdict = found.comparison
        facts = _facts(data, found, before, rules, plan, wall_s)
        carried = {part: version for part, version in before.models.items() if part in DECISIONS}
        if dry_run:
            return Outcome(verdict.passed, verdict.reason, "", facts | {"seconds": watch.seconds})
        if not verdict.passed:
            release = _adopted(home, work, carried)
            facts["parts"] = parts_facts(release, before, dict.fromkeys(DECISIONS, NOT_FOR_REFUSED))
            return _ended(home, release, KEPT, verdict.reason, facts, watch)
        with watch.step("training on everything"):
            made = train(
                home, data.whole, seed=rules.seed, progress=_told(say, "release"), plan=plan, params=params,
                wall_s=wall_s, go_live=False, carried=carried,
            )  # fmt: skip
        release = manifest(home).find(made.release)
        facts["parts"] = parts_facts(release, before, made.absent)
        facts["outside"] = outside_facts(
            sources.outside, data.whole.outside, columns_of(home, before), columns_of(home, release)
        )
        try:
            with watch.step("checks of a gateway"):
                check(home, release, now, params, admission)
        except ModelDamaged as error:
            return _ended(home, release, KEPT, f"it passed the comparison, and must not serve: {error}", facts, watch)
        outcome = _ended(home, release, PROMOTED, verdict.reason, facts, watch)
        try:
            go_live(home, before, release)
        except Conflict as error:
            return _ended(home, release, KEPT, error.message, facts, watch)
        return outcome
    finally:
        disk.remove(work)


@dataclass(frozen=True, slots=True)
class Gathered:
    """whole: everything. judged: what was known at the cut, for training. asked: the same with what came after it."""

    whole: Dataset
    judged: Dataset
    asked: Dataset
    past: Dataset
    log: Log
    cut_s: int
    live_through_s: int
    known_live: Dataset
    """What a gateway with the live release knew at the cut."""

    @classmethod
    def of(cls, now: Loaded, sources: Sources, rules: RetrainParams) -> Gathered:
        """Raises InvalidInput (TOO_LITTLE_DATA), DataError."""
        goods = Goods(now.catalogue_items, sources.written)
        learnt_live, read = learnt(now), sources.transactions
        past = read(None) if read else learnt_live
        whole = gather(goods, past, sources.log)
        if sources.outside is not None:
            whole = replace(whole, outside=read_outside(sources.outside, whole.items))
        through_s = now.models.trained_through_s
        cut_s = cut_of(whole.events, through_s, rules)
        log_then = sources.log.before(cut_s)
        then = gather(goods, read(cut_s) if read else until(past, cut_s), log_then)
        judged, _ = known_before(then, then.events)
        known_live = gather(goods, until(learnt_live, cut_s), log_then) if read else judged
        return cls(
            whole, judged, joined(then, whole, cut_s), past, sources.log, cut_s, through_s, known_live
        )  # fmt: skip

    def judge(self, now: Loaded, candidate: Loaded, params: Params, rules: RetrainParams, records_max: int) -> Judged:
        """Both releases on the slice."""
        return judge(
            self.asked,
            split_of(self.asked.events, self.cut_s, rules.seed),
            (now, store_of(self.known_live, records_max)),
            (candidate, stored_history(candidate.history_dir)),
            catalogue_then(self.asked, self.judged, self.cut_s),
            params,
            margin=rules.margin_percent / 100,
            seed=rules.seed,
        )


def check(home: Path, release: Release, now: Loaded, params: Params, admission: ModelParams) -> None:
    """All that a gateway looks at before a release may serve. Raises ModelDamaged, ModelRefused."""
    catalogue = LiveCatalogue(MemoryCatalogue())
    recent = RecentRequests(home, admission.recorded_max)
    up = BringingUp(params, None, catalogue, None, admission, recent)
    up.serving(load_release(home, release, FEATURES), now.models.rankers)


def go_live(home: Path, before: Release, release: Release) -> None:
    """By one rename; gateways that run follow within a second. Raises Conflict when `before` is not live any more,
    SettingError when the manifest stays locked."""

    def promoted(found: Manifest) -> Manifest:
        if found.live.release != before.release:
            raise Conflict(
                f"release {found.live.release} went live while {release.release} was compared with {before.release}: "
                f"it stays a candidate; retrain again",
                live=found.live.release,
            )
        return found.promoted(release)

    for attempt in range(ATTEMPTS_MAX):
        try:
            change(home, promoted)
            return
        except SettingError:  # somebody else is changing the manifest: a matter of moments
            if attempt + 1 == ATTEMPTS_MAX:
                raise
            time.sleep(PAUSE_S)


def columns_of(home: Path, release: Release) -> tuple[str, ...]:
    """The outside columns that the release's forecast reads; none where it has no forecast that can be read."""
    version = release.models.get(FORECAST)
    if version is None:
        return ()
    try:
        return read_forecaster(read_version(home, FORECAST, version), version).model.outside
    except ModelDamaged:
        return ()


def _adopted(home: Path, work: Path, carried: Mapping[str, str]) -> Release:
    """Brings the candidate from its draft into the home, known and not live, with the live release's decisions."""
    release = live(work)
    release = Release(release.release, {**carried, **release.models})
    with disk.locked(home / PUBLISH_LOCK):
        for part, version in live(work).models.items():
            files = {path.name: path for path in folder(work, part, version).iterdir() if path.name != SUMS}
            write_version(home, part, version, files)
        offer(home, release)
        sweep(home)
    return release


def _ended(home: Path, release: Release, decision: str, reason: str, facts: Facts, watch: Stopwatch) -> Outcome:
    told = {
        "release": release.release,
        "decision": decision,
        "reason": reason,
        **facts,
        "models": dict(release.models),
        "seconds": dict(watch.seconds),
    }
    card = write_card(home, release.release, page(told), told)
    return Outcome(decision == PROMOTED, reason, release.release, told, card)


def _facts(data: Gathered, found: Judged, before: Release, rules: RetrainParams, plan: Plan, wall_s: float) -> Facts:
    comparison = asdict(found.comparison)
    return {
        "date": when(wall_s),
        "rule": rule_text(found.comparison.margin),
        "comparison": comparison,
        "metrics": {"live": found.live, "candidate": found.candidate},
        "split": {
            "from": when(data.cut_s),
            "to": when(int(data.whole.events.time_s[-1])),
            "live_has_seen": when(data.live_through_s),
            "customers": found.comparison.customers,
        },
        "data": data_facts(data.whole, data.past, data.log),
        "seed": rules.seed,
        "recipe": asdict(plan),
        "before": {"release": before.release, "models": dict(before.models)},
    }


def _told(say: Report, whose: str) -> Report:
    return lambda what, done, total: say(f"{whose}: {what}", done, total)
