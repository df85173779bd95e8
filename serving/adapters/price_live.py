"""Prices of the live release: decided when it is loaded, when the catalogue changes, and when a period begins."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from serving.adapters.live_part import DEFECT_PAUSE_S
from serving.adapters.price_files import PART, read_price_model
from serving.adapters.quote_log import QuoteLog
from serving.adapters.releases import last_manifest
from serving.catalogue.state import View
from serving.core.catalogue import Catalogue
from serving.core.clock import Clock
from serving.core.errors import NotReady, StoregateError
from serving.core.prices import Quoted
from serving.core.priority import yield_to_others
from serving.core.turn import Turn
from serving.decisions.price import quoting
from serving.decisions.price.contract import AllQuery, Curves, QuoteQuery, Quotes, SimulateQuery
from serving.decisions.price.demand import DemandModel
from serving.decisions.price.rules import Params
from serving.decisions.price.table import NO_MODEL, PriceTable, Pricing

LOOK_S: Final = 0.1
"""Between two looks at the catalogue."""
VIEWS_MAX: Final = 8
"""Views of other releases whose prices are kept at hand: the arms of a split, and a shadow."""
NICE: Final = 5
OFF: Final = "price.mode is off: no prices are decided"

log = logging.getLogger(__name__)


def price_model(home: Path, release: str) -> tuple[DemandModel | None, str]:
    """The demand model of a release, or None and why: prices are then decided without one."""
    try:
        found = last_manifest(home)
        known = {one.release: one for one in found.known} if found else {}
        version = known[release].models.get(PART) if release in known else None
        return (None, NO_MODEL) if version is None else (read_price_model(home, version), "")
    except StoregateError as error:
        log.error("release %s is priced without its model: %s", release, error.message)
        return None, error.message
    except Exception:  # a defect here must not keep a release from serving
        log.exception("release %s is priced without its model", release)
        return None, "the release's price model could not be read: the gateway's log says why"


def quoted_again(home: Path, params: Params, release: str, catalogue: Catalogue, wall_s: float) -> Quoted | None:
    """What pages showed at that time, by the rules as they are now; None = the catalogue's prices. release: the one
    that decided them, whoever answers."""
    if params.mode != "live":
        return None
    model, cause = price_model(home, release)
    return replace(Pricing(params).table(catalogue, model, wall_s, cause=cause).quoted(), release=release)


class LivePrices:
    """Readers take one reference, that of the table; it is replaced, and never changed.

    Prices are those of the live release for everybody: the arms of a split, too, show them.
    """

    def __init__(self, home: Path, params: Params, clock: Clock) -> None:
        self._home, self._clock = home, clock
        self._pricing = Pricing(params)
        self.log: Final = QuoteLog(home, params.log_days)
        self._mode = params.mode
        self.tell: Callable[[], None] = lambda: None
        """Called when there are other prices that pages show."""
        self._guard = threading.Lock()
        self._release, self._cause = "", NO_MODEL
        self._model: DemandModel | None = None
        self._view: View | None = None
        self._made: tuple[View, PriceTable, str] | None = None
        """All prices, the view whose rows they have, and its release; replaced together."""
        self._failed: tuple[Catalogue, int, DemandModel | None] | None = None
        """Of what prices could not be decided last, and have not been since: that is not tried again."""
        self._shown: dict[int, tuple[View, PriceTable, Quoted | None]] = {}
        """By the view's id: what its pages show of this table."""
        self._problem = OFF if params.mode == "off" else "prices have not been decided yet"
        self._closing = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="live-prices", daemon=True)

    @property
    def table(self) -> PriceTable:
        """All quotes. Raises NotReady."""
        if self._made is None:
            raise NotReady(self._problem)
        return self._made[1]

    def start(self) -> None:
        """Begins to follow the catalogue and the clock; what has come since the release was loaded is priced first."""
        if self._mode != "off":
            self._look_and_tell()
            self._watcher.start()

    def close(self) -> None:
        """Ends it, and logs what is not logged yet. Idempotent."""
        self._closing.set()
        if self._watcher.is_alive():
            self._watcher.join()
            self._note(ends=True)

    def follow(self, release: str, view: View) -> None:
        """Decides the prices of this release from now on; all of them before it answers."""
        if self._mode == "off" or (self._release == release and self._view is view):
            return
        with self._guard:
            if self._release != release:
                self._model, self._cause = price_model(self._home, release)
            self._release, self._view, self._failed = release, view, None
            self._decide()

    def look(self) -> bool:
        """Whether the catalogue or the period is another one, and prices were decided anew."""
        view, made = self._view, self._made
        if view is None:
            return False
        period = self._pricing.period(self._clock.wall())
        if made is not None and made[1].catalogue is view.snapshot and made[1].period == period:
            return False
        with self._guard:
            return self._decide()

    def over(self, view: View) -> Quoted | None:
        """What pages of this view show; None = the catalogue's prices. One caller at a time."""
        made = self._made
        if self._mode != "live" or made is None:
            self._shown.clear()
            return None
        main, table, release = made
        kept = self._shown.get(id(view))
        if kept is not None and kept[0] is view and kept[1] is table:
            return kept[2]
        current = {key: one for key, one in self._shown.items() if one[1] is table}
        self._shown = current if len(current) < VIEWS_MAX else {}
        quoted = _over(table, None if view is main else view.snapshot, release)
        self._shown[id(view)] = (view, table, quoted)
        return quoted

    def run_quote(self, queries: Sequence[QuoteQuery], turn: Turn) -> list[Quotes | StoregateError]:
        """QuotePrices, from memory."""
        try:
            table = self.table
        except NotReady as error:
            return [error] * len(queries)
        return [quoting.quote(table, query) for query in queries]

    def run_simulate(self, queries: Sequence[SimulateQuery], turn: Turn) -> list[Curves | StoregateError]:
        """SimulatePrices."""
        return [self._simulated(query) for query in queries]

    def bulk(self, query: QuoteQuery | AllQuery) -> Quotes:
        """BatchQuotePrices, inline. Raises NotReady."""
        table = self.table
        return quoting.page(table, query) if isinstance(query, AllQuery) else quoting.quote(table, query)

    def _simulated(self, query: SimulateQuery) -> Curves | StoregateError:
        try:
            return quoting.simulate(self.table, query)
        except StoregateError as error:
            return error

    def _decide(self) -> bool:
        """Whether there are other prices now, or none any more.

        A defect here must not keep a release from serving: its last prices stay, and are decided from nothing the next
        time; without any there are no quotes, and pages show the catalogue's prices.
        """
        view, made, wall_s = self._view, self._made, self._clock.wall()
        assert view is not None
        snapshot, period, failed = view.snapshot, self._pricing.period(wall_s), self._failed
        if failed and failed[0] is snapshot and failed[1] == period and failed[2] is self._model:
            return False
        before = made[1] if made is not None and failed is None else None
        try:
            table = self._pricing.table(snapshot, self._model, wall_s, before, self._cause)
            self._made, self._failed = (view, table, self._release), None
        except Exception:
            self._made = made if made is not None and made[0] is view else None
            self._failed = snapshot, period, self._model
            self._problem = "prices could not be decided: the gateway's log says why"
            log.exception("prices of release %s could not be decided", self._release)
        return self._made is not made

    def _look_and_tell(self) -> None:
        if self.look() and self._mode == "live":
            self.tell()

    def _note(self, *, ends: bool = False) -> None:
        if (made := self._made) is not None:
            self.log.note(made[1], made[2], self._clock.wall(), ends=ends)

    def _watch(self) -> None:
        yield_to_others(NICE)
        while not self._closing.wait(LOOK_S if self._failed is None else DEFECT_PAUSE_S):
            try:
                self._look_and_tell()
                self._note()
            except Exception:  # a defect here must not end the watching
                log.exception("following the catalogue failed; prices stay as they are")
                self._closing.wait(DEFECT_PAUSE_S)


def _over(table: PriceTable, catalogue: Catalogue | None, release: str) -> Quoted | None:
    """See PriceTable.quoted. A defect here must not keep a release from serving: its pages show the catalogue's."""
    try:
        return replace(table.quoted(catalogue), release=release)
    except Exception:
        log.exception("prices of release %s could not be brought to its pages", release)
        return None
