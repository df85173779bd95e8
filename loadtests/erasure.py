"""Erasing many users at once: how long it takes, and whether a byte of them is left.

python -m loadtests.erasure
python -m loadtests.erasure --users 10000 --events 5 --json
python -m loadtests.erasure --kills 200 --seed 0

A gateway of our own, without Ray, on a copy of a small demo store. The training history is given the users to be
erased and some who stay; events of all of them are written, some pages are asked for and logged; then the users are
erased, pipelined, until every proof is there. At the end every file below home and every key of Redis is searched for
their ids, packed ones unpacked, and those who stay are counted. With --kills movers are killed instead, and all that is
left is compared (erasure_kills.py).
"""

from __future__ import annotations

import io
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

import click
import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from loadtests.bench.process import Tree
from loadtests.bench.report import Result, Row
from loadtests.bench.store import describe, shop
from loadtests.byte_scan import Scan
from loadtests.erasure_kills import Outcome, kill_movers
from loadtests.gateway import OwnGateway, orderly_end
from loadtests.ids import of_home
from loadtests.run import SMALL_ITEMS, SMALL_USERS
from loadtests.telling import tell
from serving.adapters.history_erasure import HISTORY_FILE, PART
from serving.adapters.parquet_archive import ParquetArchive
from serving.adapters.releases import live
from serving.adapters.versions import read_version, rewrite_file
from serving.cli.user_calls import Erasing
from serving.core.errors import StoregateError
from serving.events.history import read_history, write_history
from serving.events.records import RECORD, RECORD_BYTES, encode_rows
from storegate.client import Client
from storegate.v1 import event_pb2 as pb

PROMISED_S = 60.0
"""For 10,000 users."""
STAY_SHARE = 10
"""One who stays for so many who go."""
LOGGED_MAX = 500
"""Pages asked for by users who go, each logged."""
HISTORY_S = 1_700_000_000
PORTION = 5000
ASK_S = 10.0
STREAM_S = 300.0
WAIT_S = 600.0
LOOK_S = 0.2

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured and found."""

    users: int
    events: int
    archived_files: int
    """Of the archive, before; a turn of the events waits in the event log."""
    order_s: float
    """Until all were ordered: their profiles and decisions are gone."""
    complete_s: float
    """From the first order to the last proof."""
    profile_records: int
    decisions: int
    erased_events: int
    history_records: int
    scanned_files: int
    scanned_keys: int
    scanned_mib: float
    found: int
    """Places of the bytes of an erased user, over all files and keys."""
    stayed: int
    stayed_events: int
    lost: int
    """Events of users who stay."""
    twice: int
    places: tuple[str, ...] = ()


@click.command()
@click.option("--users", type=click.IntRange(10, 1_000_000), default=10_000, show_default=True, help="To be erased.")
@click.option("--events", type=click.IntRange(1, 1000), default=5, show_default=True, help="Of each of them.")
@click.option("--kills", type=click.IntRange(0, 100_000), default=0, help="Kill so many movers instead.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--json", "json_", is_flag=True, help="One JSON object on standard output instead of the table.")
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("var/loadtests/home"),
    show_default=True,
    help="A small demo store is made there when nothing has been trained; it is copied.",
)
def main(users: int, events: int, kills: int, seed: int, json_: bool, home: Path) -> None:
    """Erases users and looks for what is left of them; ends with 1 when something is, or it took too long."""
    log = Console(stderr=True, highlight=False)

    def say(line: str) -> None:
        log.print(line, style="dim")

    begun = time.monotonic()
    try:
        if kills:
            with tempfile.TemporaryDirectory(prefix="storegate-kills-") as folder:
                outcome = kill_movers(kills, seed, Path(folder), say)
            row, notes, data = asdict(outcome), _broken(outcome), {"name": "made-up users", "sha256": ""}
        else:
            figures, data = measure(home.absolute(), users, events, seed, say)
            row, notes = asdict(figures), broken(figures)
    except (StoregateError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    result = Result(
        command=" ".join(["python", "-m", "loadtests.erasure", *sys.argv[1:]]),
        data=data,
        seed=seed,
        setup={"runtime": "local"} if not kills else {"movers": kills},
        rows=[{"name": "kills" if kills else "erasure", **row}],
        seconds=time.monotonic() - begun,
        notes=notes,
    )
    tell(result, table(row), json=json_)


def measure(home: Path, users: int, events: int, seed: int, say: Say) -> tuple[Figures, Row]:
    """All of it, and what it was measured on. Raises StoregateError, ValueError."""
    with ExitStack() as stack:
        stack.enter_context(orderly_end())
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storegate-erasure-")))
        facts = shop(home, items=SMALL_ITEMS, users=SMALL_USERS, seed=seed, say=say)
        mine = work / "home"
        shutil.copytree(home, mine, ignore=shutil.ignore_patterns("run", "redis", "events", "erasures", "numba"))
        people = People.drawn(users, events, seed, of_home(mine).items)
        people.into_history(mine)
        say("starting a gateway")
        settings = {"decisions.share": "1", "recommend.profile_timeout_ms": "500", "events.move_s": "2"}
        running = stack.enter_context(closing(OwnGateway(mine, local=True, folder=work, settings=settings)))
        client = stack.enter_context(closing(Client(running.grpc_target, timeout_s=ASK_S, connections=1)))
        found = _erased(people, client, mine, running.tree, say)
    return found, describe(facts)


@dataclass(frozen=True)
class People:
    """Whose ids cannot be there by chance, and what they do."""

    gone: Sequence[str]
    stay: Sequence[str]
    events: int
    items: Sequence[str]
    mark: bytes
    """What the ids of all who go begin with, and nothing else."""

    @classmethod
    def drawn(cls, users: int, events: int, seed: int, items: Sequence[str]) -> People:
        # Not from the seed: what an earlier run has left anywhere must not be found.
        going, staying = f"gone-{secrets.token_hex(8)}-", f"stay-{secrets.token_hex(8)}-"
        rng = np.random.default_rng(seed)
        return cls(
            [f"{going}{number}" for number in range(users)],
            [f"{staying}{number}" for number in range(max(1, users // STAY_SHARE))],
            events,
            [items[place] for place in rng.permutation(len(items))[:100]],
            going.encode(),
        )

    def into_history(self, home: Path) -> None:
        """As if the live release had been trained from purchases of them, too."""
        version = live(home).models[PART]
        folder = read_version(home, PART, version)
        profiles = dict(read_history(folder / HISTORY_FILE))
        for number, name in enumerate((*self.gone, *self.stay)):
            item = self.items[number % len(self.items)]
            profiles[f"u:{name}"] = encode_rows([(number + 1, "purchase-complete", item, HISTORY_S, 1)])
        sizes = [len(blob) // RECORD_BYTES for blob in profiles.values()]
        out = io.BytesIO()
        offsets = np.r_[0, np.cumsum(sizes)].astype(np.int64)
        write_history(out, list(profiles), np.frombuffer(b"".join(profiles.values()), RECORD), offsets)
        rewrite_file(folder, PART, version, HISTORY_FILE, out.getvalue())

    def told(self, now_s: int) -> list[pb.UserEvent]:
        """Events of everybody, mixed, over the last days."""
        made = []
        for turn in range(self.events):
            for number, name in enumerate((*self.gone, *self.stay)):
                item = self.items[(number + turn) % len(self.items)]
                event = pb.UserEvent(
                    event_id=f"{turn}", event_type="detail-page-view", user_id=name, items=[pb.EventItem(item_id=item)]
                )
                event.event_time.seconds = now_s - (number * 7919 + turn * 104_729) % (3 * 86_400)
                made.append(event)
        return made


def _erased(people: People, client: Client, home: Path, tree: Tree, say: Say) -> Figures:
    told = people.told(int(time.time()))
    say(f"writing {len(told):,} events")
    waiting = len(told) // people.events
    _write(client, told[:-waiting])
    archive = ParquetArchive(home / "events")
    files = _archived(archive, len(told) - waiting)
    for name in people.gone[:LOGGED_MAX]:
        client.recommend(name, page_size=5)
    _write(client, told[-waiting:])
    say(f"erasing {len(people.gone):,} users")
    work = Erasing(client, people.gone)
    begun = time.monotonic()
    work.order(lambda _: None)
    ordered_s = time.monotonic() - begun
    if not work.wait(WAIT_S, lambda _: None):
        raise ValueError(f"{work.running} erasures are not complete after {WAIT_S:g} s")
    complete_s = time.monotonic() - begun
    say("looking for what is left")
    scan = Scan([people.mark])
    scan.folder(home)
    scan.redis(f"unix://{quote(str(home / 'redis' / 'redis.sock'))}")
    scan.stored(home)
    stayed = _stayed(archive, client, people)
    sums = {
        name: sum(getattr(one, name) for one in work.found.values())
        for name in ("profile_records", "decisions", "events", "history_records")
    }
    return Figures(
        len(people.gone), len(told), files, ordered_s, complete_s, sums["profile_records"], sums["decisions"],
        sums["events"], sums["history_records"], scan.files, scan.keys, scan.bytes / 2**20,
        sum(scan.places.values()), len(people.stay), sum(stayed.values()),
        sum(max(0, people.events - stayed[name]) for name in people.stay),
        sum(max(0, stayed[name] - people.events) for name in people.stay), tuple(sorted(scan.places)),
    )  # fmt: skip


def _write(client: Client, events: Sequence[pb.UserEvent]) -> None:
    for at in range(0, len(events), PORTION):
        client.stream_events(events[at : at + PORTION], timeout_s=STREAM_S)


def _archived(archive: ParquetArchive, events: int) -> int:
    """Waits until so many events are in the archive; in how many files. Raises ValueError when that takes too long."""
    until = time.monotonic() + WAIT_S
    while True:
        files = [file for day in archive.days() for file in archive.files(day)]
        if sum(file.rows for file in files) >= events:
            return len(files)
        if time.monotonic() > until:
            raise ValueError(f"{events} events are not in the archive after {WAIT_S:g} s")
        time.sleep(LOOK_S)


def _stayed(archive: ParquetArchive, client: Client, people: People) -> Counter[str]:
    """Events of each who stays; an export of one of them must say the same. Raises ValueError."""
    staying = set(people.stay)
    found: Counter[str] = Counter()
    for each in archive.tables():
        found.update(name for name in each["user_id"].to_pylist() if name in staying)
    name = people.stay[-1]
    told = sum(record.WhichOneof("record") == "event" for record in client.export_user(name))
    if told != found[name]:
        raise ValueError(f"an export tells of {told} events, the archive has {found[name]}")
    return found


def broken(found: Figures) -> list[str]:
    """The promises that were not kept."""
    notes = []
    if found.found:
        notes.append(f"{found.found} places with an id of an erased user: {', '.join(found.places)}")
    if found.lost or found.twice:
        notes.append(f"of users who stay {found.lost} events are lost and {found.twice} there twice")
    if found.erased_events < found.users * (found.events // (found.users + found.stayed)):
        notes.append(f"only {found.erased_events} events were erased")
    if found.users <= 10_000 and found.complete_s > PROMISED_S:
        notes.append(f"{found.complete_s:.0f} s for {found.users} users, {PROMISED_S:g} s are promised")
    return notes


def _broken(outcome: Outcome) -> list[str]:
    return ["what is left is not what should be"] if outcome.broken else []


def table(row: Row) -> Table:
    """For people."""
    made = Table(box=box.SIMPLE, show_header=False)
    made.add_column()
    made.add_column(justify="right")
    for name, value in row.items():
        if name != "places":
            shown = f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"
            made.add_row(name.replace("_", " "), shown)
    return made


if __name__ == "__main__":
    main()
