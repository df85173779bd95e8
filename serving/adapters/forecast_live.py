"""ForecastService over the live release: forecasts of its model, with the prices of the catalogue as it is now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from serving.adapters.batch_columns import CATALOGUE_FILE
from serving.adapters.catalogue_file import load_items
from serving.adapters.forecast_files import read_forecaster
from serving.adapters.live_part import LivePart
from serving.adapters.versions import read_version
from serving.core.catalogue import Catalogue
from serving.core.errors import ModelFailed, StoregateError
from serving.core.turn import Turn
from serving.decisions.forecast.contract import Answer, Query
from serving.decisions.forecast.pipeline import DemandModel, ForecastPipeline

PART = "forecast"
WEEK = 7
WARM_QUANTILES = (0.1, 0.5, 0.9)


class ForecastService:
    """Works without a forecast model, and says so; takes one up as soon as a release brings it."""

    def __init__(
        self,
        home: Path,
        catalogue: Callable[[], Catalogue],
        opened: Callable[[Path, str], DemandModel] = read_forecaster,
    ) -> None:
        """catalogue: as it is now. opened: reads a version of the model."""
        self._live = LivePart(
            home, PART, lambda folder, version: ForecastPipeline(_warmed(opened(folder, version)), catalogue)
        )

    @property
    def version(self) -> str:
        """Of the model that serves. Raises NotReady, ModelDamaged."""
        return self._live.current.version

    def start(self) -> None:
        """Begins to follow the manifest."""
        self._live.start()

    def refresh(self) -> bool:
        """Follows it at once; whether another model serves now."""
        return self._live.refresh()

    def close(self) -> None:
        """Ends the following. Idempotent."""
        self._live.close()

    def run_forecast(self, queries: Sequence[Query], turn: Turn) -> Sequence[Answer | StoregateError]:
        """ForecastDemand."""
        try:
            pipeline = self._live.current.value
        except StoregateError as error:
            return [error] * len(queries)
        return pipeline.run(queries, turn)


def _warmed(model: DemandModel) -> DemandModel:
    """Kernels are compiled, and the trees have run once, before anybody waits for them."""
    row, levels = np.zeros(min(1, len(model.item_ids)), np.int32), np.array(WARM_QUANTILES)
    for block_days in (1, WEEK):
        with suppress(ModelFailed):  # who asks is told, and answered by the statistical methods
            model.forecast(row, WEEK, levels, block_days=block_days)
    return model


def published_pipeline(home: Path) -> ForecastPipeline:
    """The live model with the catalogue that was published with it, for a process without a store. Raises NotReady,
    ModelDamaged."""
    held = LivePart(home, PART, read_forecaster).current
    items = load_items(read_version(home, "catalogue", held.release.models["catalogue"]) / CATALOGUE_FILE)
    catalogue = Catalogue.build(items)
    return ForecastPipeline(held.value, lambda: catalogue)
