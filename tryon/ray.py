"""Batch workers on a Ray cluster (extra `ray`): one actor a GPU, or one a core.

Ray Data gives the actors pieces of the manifest as they become free, starts dead ones again and
repeats what they had in hand. Pictures and sidecars are written by the actors themselves, so what
is done stays done without Ray's checkpoints; only the results' few facts travel back.

All machines must see the same root and output folder: a shared file system or an object store.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from threading import Event
from typing import Any

from tryon.batch.job import Failure, Job, RowResult
from tryon.batch.local import Chunks
from tryon.batch.outputs import UNFINISHED, Outputs
from tryon.batch.rows import Row
from tryon.batch.worker import Emit, Worker
from tryon.errors import BatchError, DependencyError, TryOnError

logger = logging.getLogger(__name__)

MOST_BLOCKS = 10_000  # pieces that Ray keeps account of
OBJECT_STORE = 256 << 20  # bytes, of a cluster made here: only row numbers pass through it


def work_on_ray(
    job: Job,
    chunks: Chunks,
    stop: Event,
    emit: Emit,
    workers: int | None = None,
    address: str | None = None,
) -> None:
    """Do all chunks on a cluster: the one at `address`, the one in use, or one made here.

    workers: actors, None or 0: one a GPU of the cluster, or one a core.
    `emit` gets every row's result; `stop` ends it early.

    Raises BatchError, OutputFullError or WeightsError when it makes no sense to go on, and
    DependencyError if Ray is not installed.
    """
    ray = _imported_ray()
    with _cluster(ray, address, workers), _spooled(job, chunks) as (file, places):
        if not places:
            return
        gpus = int(ray.cluster_resources().get("GPU", 0))
        actors = workers or gpus or int(ray.cluster_resources().get("CPU", 1))
        actors = min(actors, len(places))
        logger.info("%d actors, %d pieces", actors, len(places))
        results = (
            ray.data.from_items(places, override_num_blocks=min(len(places), MOST_BLOCKS))
            .map_batches(
                ChunkWorker,
                fn_constructor_kwargs={"job": job, "file": file},
                batch_size=1,
                num_cpus=0 if gpus else 1,
                num_gpus=1 if gpus else 0,
                compute=ray.data.ActorPoolStrategy(size=actors, max_tasks_in_flight_per_actor=2),
            )
            .iter_batches(batch_size=None, prefetch_batches=0)
        )
        try:
            for batch in results:
                for content in batch["result"]:
                    _told(pickle.loads(content), emit)  # made by our own actors, through Ray
                if stop.is_set():
                    return
        except TryOnError:
            raise
        except ray.exceptions.RayError as error:
            raise BatchError(
                f"the cluster gave up ({_first_line(error)})",
                remedy="The same command goes on from here.",
            ) from error
        finally:
            del results  # ends the actors


class ChunkWorker:
    """An actor: loads the engine once, and works on the pieces of the manifest that Ray gives it.

    file: where the pieces lie, below the output folder.
    """

    def __init__(self, job: Job, file: str) -> None:
        self.job, self.file = job, file
        self.worker = Worker(job)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[bytes]]:
        """Results of the pieces' rows, pickled; the last is an error if it makes no sense to go on.

        batch: `start` and `end`, int (n,), bytes of the file.
        """
        results: list[RowResult | TryOnError] = []
        for start, end in zip(batch["start"], batch["end"], strict=True):
            rows = rows_from_json(self.job.outputs.read(self.file, int(start), int(end)))
            try:
                results += self._results(rows, f"{self.file}.{start}")
            except TryOnError as error:
                results.append(error)
                break
        return {"result": [pickle.dumps(result) for result in results]}

    def _results(self, rows: list[Row], mark: str) -> list[RowResult]:
        """Of a piece. If an actor died over it already, its rows are tried one by one, and the
        one that kills again is to blame. Raises TryOnError."""
        results: list[RowResult] = []
        with begun(self.job.outputs, mark) as deaths:
            if not deaths:
                self._run(rows, results)
                return results
            for row in rows:
                with begun(self.job.outputs, f"{mark}.{row.id}") as deaths:
                    if deaths:
                        failure = Failure("paint", "WorkerDied", "an actor died over this row")
                        results.append(RowResult(row, "failed", failure=failure))
                    else:
                        self._run([row], results)
        return results

    def _run(self, rows: list[Row], results: list[RowResult]) -> None:
        pieces = iter([rows])
        self.worker.run(lambda wait: next(pieces, None), results.append)


@contextmanager
def begun(outputs: Outputs, mark: str) -> Iterator[int]:
    """Leaves a mark among the outputs for as long as something is being done.

    Gives how often that was begun before and never ended.
    """
    digest = hashlib.sha256(mark.encode()).hexdigest()[:32]
    name = f"{UNFINISHED}/begun-{digest}"
    try:
        before = int(outputs.read(name))
    except FileNotFoundError:
        before = 0
    with outputs.unfinished() as file:
        file.write_text(str(before + 1), "ascii")
        outputs.publish(file, name)
    yield before
    outputs.remove(name)


def _told(result: RowResult | TryOnError, emit: Emit) -> None:
    if isinstance(result, TryOnError):
        raise result
    emit(result)


def rows_to_json(rows: list[Row]) -> bytes:
    """Rows as one line."""
    return (json.dumps([asdict(row) for row in rows], separators=(",", ":")) + "\n").encode()


def rows_from_json(content: bytes) -> list[Row]:
    """The inverse of `rows_to_json`."""
    rows = []
    for values in json.loads(content):
        options = values["options"]
        if "lora" in options:
            options["lora"] = tuple(options["lora"])
        rows.append(Row(**values))
    return rows


@contextmanager
def _spooled(job: Job, chunks: Chunks) -> Iterator[tuple[str, list[dict[str, int]]]]:
    """A file among the results with a chunk a line, and where each line begins and ends."""
    places, at = [], 0
    with job.outputs.told(), job.outputs.unfinished(".rows") as path:
        with open(path, "wb") as file:
            for rows in chunks:
                line = rows_to_json(rows)
                file.write(line)
                places.append({"start": at, "end": at + len(line)})
                at += len(line)
        name = f"{UNFINISHED}/{path.name}"
        job.outputs.publish(path, name)
        try:
            yield name, places
        finally:
            job.outputs.remove(name)


@contextmanager
def _cluster(ray: Any, address: str | None, workers: int | None) -> Iterator[None]:
    if ray.is_initialized():
        yield
        return
    if address is not None:
        ray.init(address=address, log_to_driver=False)
    else:
        # One slot more than actors: Ray keeps some for itself.
        cores = (workers or os.cpu_count() or 1) + 1
        ray.init(
            num_cpus=cores,
            include_dashboard=False,
            log_to_driver=False,
            object_store_memory=OBJECT_STORE,
        )
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = False
    try:
        yield
    finally:
        ray.shutdown()


def _imported_ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise DependencyError("Ray is not installed", remedy="pip install 'tryon[ray]'") from error
    return ray


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in reversed(str(error).splitlines()) if line.strip()), "")
