"""InventoryService over the live release: its forecast, with stock, costs and prices of the catalogue as it is now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from serving.adapters.batch_columns import CATALOGUE_FILE
from serving.adapters.catalogue_file import load_items
from serving.adapters.forecast_files import PART, read_forecaster
from serving.adapters.live_part import LivePart
from serving.adapters.min_cost_flow import min_cost_flow
from serving.adapters.releases import releases
from serving.adapters.versions import read_version
from serving.core.catalogue import Catalogue
from serving.core.errors import NotReady, StoregateError
from serving.core.turn import Turn
from serving.decisions.replenish.contract import AllocateAnswer, AllocateQuery, PlanAnswer, PlanQuery
from serving.decisions.replenish.demand import DemandModel
from serving.decisions.replenish.params import Params
from serving.decisions.replenish.service import InventoryService


class LiveInventory:
    """Works without a forecast where requests give their demand; takes one up as soon as a release brings it."""

    def __init__(
        self,
        home: Path,
        catalogue: Callable[[], Catalogue],
        params: Params,
        opened: Callable[[Path, str], DemandModel] = read_forecaster,
    ) -> None:
        """catalogue: as it is now. opened: reads a version of the forecast."""
        self._live = LivePart(home, PART, opened)
        self._service = InventoryService(lambda: self._live.current.value, catalogue, min_cost_flow, params)
        self._service.warm()

    @property
    def version(self) -> str:
        """Of the forecast. Raises NotReady, ModelDamaged."""
        return self._live.current.version

    @property
    def told(self) -> str:
        """What there is to plan by, for people."""
        try:
            return f"forecast {self.version}"
        except StoregateError as error:
            return error.message

    def start(self) -> None:
        """Begins to follow the manifest."""
        self._live.start()

    def close(self) -> None:
        """Ends the following. Idempotent."""
        self._live.close()

    def run_plan(self, queries: Sequence[PlanQuery], turn: Turn) -> list[PlanAnswer | StoregateError]:
        """PlanReplenishment."""
        return self._service.run_plan(queries, turn)

    def run_allocate(self, queries: Sequence[AllocateQuery], turn: Turn) -> list[AllocateAnswer | StoregateError]:
        """AllocateStock."""
        return self._service.run_allocate(queries, turn)


@dataclass(frozen=True, slots=True)
class Published:
    """What is live on a disk, for a process without a store."""

    service: InventoryService
    catalogue: Catalogue


def published_inventory(home: Path, params: Params) -> Published:
    """The live forecast with the catalogue that was published with it. Raises NotReady where nothing is live,
    ModelDamaged."""
    known = releases(home)
    if not known:
        raise NotReady("nothing has been trained yet: run `storegate train`")
    items = load_items(read_version(home, "catalogue", known[0].models["catalogue"]) / CATALOGUE_FILE)
    catalogue, live = Catalogue.build(items), LivePart(home, PART, read_forecaster)
    service = InventoryService(lambda: live.current.value, lambda: catalogue, min_cost_flow, params)
    return Published(service, catalogue)
