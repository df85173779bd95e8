"""The shop that is measured: a demo store below a home of its own, made once and told by a small file beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from loadtests.ids import of_home
from serving.adapters.releases import live
from serving.core.errors import NotReady, SettingError

FACTS = "bench.json"
SPARE = 1.2
"""Customers made for every user wanted: one in seven has no event within the history."""


@dataclass(frozen=True, slots=True)
class Shop:
    """What is in the home. users: ids of users with events."""

    name: str
    sha256: str
    items: int
    users: tuple[str, ...]
    fresh: bool
    """Whether it was made just now."""


def shop(home: Path, *, items: int, users: int, seed: int, say: Callable[[str], None]) -> Shop:
    """The shop below `home`, made when nothing is there. One that is there is taken as it is, also a real one.

    Raises SettingError when a shop that the bench once made has another size than is asked for.
    """
    asked = {"items": items, "users": users, "seed": seed}
    fresh = not _trained(home)
    facts = _make(home, items, users, seed, asked, say) if fresh else _facts(home, asked)
    ids = of_home(home)
    return Shop(facts["name"], facts["sha256"], len(ids.items), ids.users[:users], fresh)


def _make(
    home: Path, items: int, users: int, seed: int, asked: dict[str, int], say: Callable[[str], None]
) -> dict[str, str]:
    from model_repo.datasets.demo_store import generate
    from model_repo.train import train

    say(f"making a demo store of {items:,} items and {users:,} users below {home}")
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    dataset = generate(items, round(users * SPARE), seed=seed)
    said: list[str] = []

    def progress(what: str, done: int, total: int) -> None:
        if not said or said[-1] != what:
            said.append(what)
            say(what)

    train(home, dataset, seed=seed, progress=progress)
    facts = {"name": dataset.name, "sha256": dataset.sha256}
    (home / FACTS).write_text(json.dumps({"asked": asked, **facts}) + "\n")
    return facts


def _facts(home: Path, asked: dict[str, int]) -> dict[str, str]:
    """What is known of the shop that is there. Raises SettingError when it is ours and of another size."""
    path = home / FACTS
    if not path.exists():
        release = live(home)
        return {"name": f"release {release.release}", "sha256": release.release.rsplit("-", 1)[-1]}
    said = json.loads(path.read_text())
    if said["asked"] != asked:
        raise SettingError(f"--home: {home} holds a shop made with {said['asked']}, asked for is {asked}: use another")
    return {"name": said["name"], "sha256": said["sha256"]}


def _trained(home: Path) -> bool:
    try:
        live(home)
    except NotReady:
        return False
    return True


def describe(found: Shop) -> dict[str, object]:
    """For the report."""
    told = asdict(found)
    return {"name": told["name"], "sha256": told["sha256"], "items": told["items"], "users": len(found.users)}
