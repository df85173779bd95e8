"""Blocks on Ray Data, over the cluster. Import this after `ray_env.prepare`.

What streams through Ray are numbers of blocks and what workers say of them, a few hundred bytes each: a worker reads
the rows of its block itself and writes its part itself. So the object store stays as small as it is, a block's rows
are in one process alone, and what is done lies in the output when Ray, or the machine, is gone. Ray Data keeps the
workers (actors, so that models are loaded once), gives each one block at a time, starts a killed one again and gives
its block out anew, as often as it takes: a worker gives up a block that kills one after the other.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from serving.core.errors import NotReady
from serving.runtime.batch_driver import Where, Worker
from serving.runtime.process import stand_back


class RayWorker:
    """What Ray Data makes an actor of."""

    def __init__(self, make: Callable[[], Worker]) -> None:
        stand_back()
        self._work = make()

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """One block a call."""
        said = [self._work(int(number)) for number in batch["block"]]
        return {"said": np.array(said, object)}


def run_on_ray(where: Where, make: Callable[[], Worker], blocks: Sequence[int]) -> Iterator[str]:
    """What the workers said of each block, in any order. Raises NotReady when the cluster is not there, or gives up."""
    import ray

    _connect(where)
    try:
        yield from _said(where, make, blocks)
    except ray.exceptions.RayError as error:
        problem = " ".join(str(error).split())[:300]
        raise NotReady(f"Ray has given up the batch ({problem}): look after the cluster, and resume") from error
    finally:
        ray.shutdown()


def _said(where: Where, make: Callable[[], Worker], blocks: Sequence[int]) -> Iterator[str]:
    import ray.data

    for name in ("ray", "ray.data"):  # what they tell of a run is of no use to who waits for it
        logging.getLogger(name).setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = False
    workers = min(where.workers, len(blocks))
    numbers = ray.data.from_items([{"block": number} for number in blocks], override_num_blocks=len(blocks))
    told = numbers.map_batches(
        RayWorker,
        batch_size=1,
        batch_format="numpy",
        compute=ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=1),
        fn_constructor_args=(make,),
        num_cpus=where.worker_cpus,
        runtime_env={"env_vars": where.environ} if where.environ else None,
    )
    for batch in told.iter_batches(batch_size=None, batch_format="numpy", prefetch_batches=0):
        yield from (str(each) for each in batch["said"])


def _connect(where: Where) -> None:
    import ray

    own = where.ray_address == "local"
    more: dict[str, Any] = (
        {
            "num_cpus": int(np.ceil(where.workers * where.worker_cpus)) + 1,
            "object_store_memory": where.object_store_mib << 20,
            "include_dashboard": False,
        }
        if own
        else {}
    )
    try:
        ray.init(
            where.ray_address, namespace="storegate-batch", logging_level=logging.ERROR, log_to_driver=False, **more
        )
    except Exception as error:  # Ray has no one class for it
        raise NotReady(
            f"Ray does not take the batch ({' '.join(str(error).split())[:300]}): try again later"
        ) from error
