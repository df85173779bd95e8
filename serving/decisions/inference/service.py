"""The methods of the Open Inference Protocol. All but index, load and unload look at memory only.

Requests that wait together for one model, with rows of one shape, are one run of it, up to its batch limit. Where such
a run fails, each is run alone, so that one bad request does not take its neighbours with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import numpy as np

from serving.core.clock import Clock
from serving.core.errors import InvalidInput, ModelFailed, NotFound, NotReady, StoregateError
from serving.core.ports import ModelShelf
from serving.core.tensors import Array, Tensor
from serving.core.turn import Turn
from serving.decisions.inference.contract import (
    Index,
    IndexQuery,
    InferAnswer,
    InferQuery,
    LoadQuery,
    ModelFacts,
    ModelQuery,
    ServerFacts,
    Statistics,
)
from serving.decisions.inference.jobs import Job, batches, job
from serving.decisions.inference.statistics import Counters

EXTENSIONS: Final = ("binary_tensor_data", "model_repository", "statistics")

_Query = TypeVar("_Query")
_Answer = TypeVar("_Answer")


class InferenceService:
    """One answer or StoregateError a query, in order. infer and statistics run on one thread at a time."""

    def __init__(self, shelf: ModelShelf, clock: Clock, server_version: str) -> None:
        self._shelf, self._clock = shelf, clock
        self._facts = ServerFacts("storegate", server_version, EXTENSIONS)
        self._counters: dict[tuple[str, str], Counters] = {}
        """Of what is in memory, and of little else: see `_counted`."""

    def run_live(self, queries: Sequence[None], turn: Turn) -> list[bool]:
        return [True] * len(queries)

    def run_server_ready(self, queries: Sequence[None], turn: Turn) -> list[bool]:
        return [self._shelf.ready()] * len(queries)

    def run_server_metadata(self, queries: Sequence[None], turn: Turn) -> list[ServerFacts]:
        return [self._facts] * len(queries)

    def run_model_ready(self, queries: Sequence[ModelQuery], turn: Turn) -> list[bool]:
        """A model that is not there is not ready: no error."""
        return [self._is_ready(query) for query in queries]

    def run_metadata(self, queries: Sequence[ModelQuery], turn: Turn) -> list[ModelFacts | StoregateError]:
        return _each(queries, self._metadata)

    def run_statistics(self, queries: Sequence[ModelQuery], turn: Turn) -> list[Statistics | StoregateError]:
        return _each(queries, self._statistics)

    def run_index(self, queries: Sequence[IndexQuery], turn: Turn) -> list[Index]:
        states = self._shelf.index()
        return [Index([state for state in states if state.ready or not query.ready_only]) for query in queries]

    def run_load(self, queries: Sequence[LoadQuery], turn: Turn) -> list[StoregateError | None]:
        return _each(queries, lambda query: self._shelf.load(query.model, query.versions))

    def run_unload(self, queries: Sequence[ModelQuery], turn: Turn) -> list[StoregateError | None]:
        return _each(queries, lambda query: self._shelf.unload(query.model))

    def run_infer(self, queries: Sequence[InferQuery], turn: Turn) -> list[InferAnswer | StoregateError]:
        found: dict[int, InferAnswer | StoregateError] = {}
        jobs = []
        for place, query in enumerate(queries):
            try:
                jobs.append(self._job(place, query))
            except StoregateError as error:
                found[place] = error
        for batch in batches(jobs):
            for one, answer in zip(batch, self._run(batch, turn), strict=True):
                found[one.place] = answer
        return [found[place] for place in range(len(queries))]

    def _job(self, place: int, query: InferQuery) -> Job:
        version, model = self._shelf.find(query.model, query.version)
        try:
            return job(place, query, version, model)
        except InvalidInput:
            self._counted(query.model, version).failed(0.0)
            raise

    def _run(self, batch: Sequence[Job], turn: Turn) -> Sequence[InferAnswer | StoregateError]:
        """batch: of one kind. Answers of one run, or where it fails of each alone."""
        first = batch[0]
        counters = self._counted(first.query.model, first.version)
        clock, began = self._clock.monotonic, self._clock.monotonic()
        try:
            inputs = gathered(batch)
            ready = clock()
            outputs = first.model.run(inputs, first.outputs)
            ran = clock()
            answers = split(batch, outputs)
        except (InvalidInput, ModelFailed) as error:
            if len(batch) > 1:
                return [self._run([one], turn)[0] for one in batch]
            counters.failed(clock() - began)
            return [error]
        rows = sum(one.rows for one in batch) or len(batch)
        counters.ran(len(batch), rows, (ready - began, ran - ready, clock() - ran), turn.wall)
        return answers

    def _counted(self, model: str, version: str) -> Counters:
        """Whatever has left memory since is forgotten when a new one is first counted."""
        key = (model, version)
        counters = self._counters.get(key)
        if counters is None:
            held = set(self._shelf.held())
            self._counters = {known: one for known, one in self._counters.items() if known in held}
            counters = self._counters[key] = Counters()
        return counters

    def _is_ready(self, query: ModelQuery) -> bool:
        try:
            self._shelf.find(query.model, query.version)
        except (NotFound, NotReady):
            return False
        return True

    def _metadata(self, query: ModelQuery) -> ModelFacts:
        _, model = self._shelf.find(query.model, query.version)
        versions = [version for _, version in self._shelf.held(query.model)]
        return ModelFacts(query.model, versions, model.inputs, model.outputs)

    def _statistics(self, query: ModelQuery) -> Statistics:
        if query.version:
            version, _ = self._shelf.find(query.model, query.version)
            held = [(query.model, version)]
        else:
            held = self._shelf.held(query.model)
        return Statistics([(*key, self._counters.get(key) or Counters()) for key in held])


def gathered(batch: Sequence[Job]) -> dict[str, Array]:
    """The inputs of all, row below row."""
    first = batch[0].inputs
    if len(batch) == 1:
        return first
    return {name: np.concatenate([one.inputs[name] for one in batch]) for name in first}


def split(batch: Sequence[Job], outputs: Sequence[Array]) -> list[InferAnswer]:
    """Each one's rows of the outputs. Raises ModelFailed when these are not a row for each row of the inputs."""
    specs = {spec.name: spec.datatype for spec in batch[0].model.outputs}
    total = sum(one.rows for one in batch)
    if len(batch) > 1 and any(not values.ndim or len(values) != total for values in outputs):
        shapes = [values.shape for values in outputs]
        raise ModelFailed(batch[0].query.model, f"{total} rows went in and outputs of {shapes} came out")
    answers = []
    end = 0
    for one in batch:
        begin, end = end, end + one.rows
        parts = [values if len(batch) == 1 else values[begin:end] for values in outputs]
        tensors = [Tensor(name, specs[name], part) for name, part in zip(one.outputs, parts, strict=True)]
        query = one.query
        answers.append(InferAnswer(query.model, one.version, tensors, query.request_id, query.typed))
    return answers


def _each(queries: Sequence[_Query], run: Callable[[_Query], _Answer]) -> list[_Answer | StoregateError]:
    """The answers, or the error of each query that has one."""
    answers: list[_Answer | StoregateError] = []
    for query in queries:
        try:
            answers.append(run(query))
        except StoregateError as error:
            answers.append(error)
    return answers
