"""`EraseUser` and `ExportUser`, as replicas run them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from serving.adapters.erasure_ledger import ErasureLedger
from serving.adapters.parquet_archive import ParquetArchive
from serving.adapters.redis_connection import RedisServer
from serving.adapters.redis_erasures import RedisErasures
from serving.adapters.redis_event_log import RedisEventReader
from serving.adapters.redis_profiles import RedisProfiles
from serving.adapters.user_export import UserExport
from serving.core.errors import InvalidInput, StoregateError, StoreUnavailable
from serving.core.turn import Turn
from serving.decisions.recommend.decision_log import DecisionStore
from serving.events.erasure import Erased, EraseUser, Pseudonyms
from serving.events.export import ExportUser, Page

MARGIN_S: Final = 0.5
"""Of a caller's time that a page leaves for its way back."""
TIMEOUT_S: Final = 2.0
"""A group of erasures may wait so long for the store."""


class UserService:
    """The methods behind the routes."""

    def __init__(self, erasures: RedisErasures, profiles: RedisProfiles, export: UserExport, names: Pseudonyms) -> None:
        self._erasures, self._profiles, self._export, self._names = erasures, profiles, export, names

    def run_erase(self, queries: Sequence[EraseUser], turn: Turn) -> list[Erased | StoregateError]:
        """One answer or error a query, in order; all of them go to the store together. On the writer's thread."""
        asked = [query if query.request_id else replace(query, request_id=uuid.uuid4().hex) for query in queries]
        try:
            found = self._erasures.order(asked)
        except StoreUnavailable as error:
            return [error for _ in asked]
        finally:
            self._profiles.forget([query.profile_key for query in asked])
        return [
            Erased(query.request_id, erasure)
            if erasure.subject == self._names.subject(query.profile_key)
            else InvalidInput("request_id", query.request_id, "one that has not been used for somebody else")
            for query, erasure in zip(asked, found, strict=True)
        ]

    def run_export(self, queries: Sequence[ExportUser], turn: Turn) -> list[Page | StoregateError]:
        """One page or error a query. Takes as long as reading the archive does."""
        return [self._page(query, turn.deadline - turn.now - MARGIN_S) for query in queries]

    def _page(self, query: ExportUser, seconds: float) -> Page | StoregateError:
        try:
            return self._export.page(query, seconds)
        except StoregateError as error:
            return error


class UserStores:
    """What a replica opens to erase and to export users."""

    def __init__(
        self, home: Path, server: RedisServer, names: Pseudonyms, archive: Callable[[], ParquetArchive], *, prefix: str
    ) -> None:
        """archive: opens it; when it is needed."""
        self._names, self._archive, self._ledger = names, archive, ErasureLedger(home)
        self._erasures = RedisErasures(server, names, prefix=prefix, timeout_s=TIMEOUT_S)
        self._log = RedisEventReader(server, prefix=prefix)

    def service(self, profiles: RedisProfiles, decisions: DecisionStore, item_of: Callable[[int], str]) -> UserService:
        """The methods. item_of: see UserExport."""
        export = UserExport(
            self._erasures.profile, self._log, self._archive, decisions, self._ledger, self._names, item_of
        )
        return UserService(self._erasures, profiles, export, self._names)

    def close(self) -> None:
        """Ends the connections. Idempotent."""
        self._erasures.close()
        self._log.close()
