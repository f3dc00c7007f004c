"""One worker: threads read and prepare ahead, this thread paints, threads save behind.

    rows ─► reader threads ─► plans ─► paint, in batches ─► writer threads ─► results

A row's picture does not depend on which worker makes it, when, or beside which others.
"""

from __future__ import annotations

import logging
import sys
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from threading import Event, Lock, local
from typing import Any

from tryon.batch.engines import Engine
from tryon.batch.failures import in_halves
from tryon.batch.job import Job, RowResult
from tryon.batch.preparing import Planned, RowPreparer
from tryon.batch.rows import Row
from tryon.batch.saving import RowSaver
from tryon.errors import BatchError, TryOnError

logger = logging.getLogger(__name__)

RowSource = Callable[[bool], Sequence[Row] | None]
"""Gives the next rows; none if there are none yet and it is not to wait; None at the end."""
Emit = Callable[[RowResult], None]


class Worker:
    """Makes rows into pictures. Opens its engine when the first row needs one.

    number: of this worker, which chooses its device. stop: set it, and the worker gives up what is
    not being painted yet, without a result.
    """

    def __init__(self, job: Job, number: int = 0, stop: Event | None = None) -> None:
        self.job = job
        self.number = number
        self.stop = stop or Event()
        self._engine: Engine | None = None
        self._opening = Lock()
        self._torch_threads = torch_threads()
        self._thread = local()
        self._preparer = RowPreparer(job, self.engine, self.stop)
        self._saver = RowSaver(job, self.engine, self.stop)

    def engine(self) -> Engine:
        """The engine, opened once. Raises BatchError if it cannot be.

        Torch counts its threads for each thread that calls it, and sums differ in their last bits
        by that count: all threads of a worker get the same one.
        """
        with self._opening:
            if self._engine is None:
                torch_threads(self._torch_threads)
                try:
                    self._engine = self.job.source.open(self.number)
                except TryOnError as error:
                    raise BatchError(error.reason, path=error.path, remedy=error.remedy) from error
                self._torch_threads = torch_threads()
                family, folder = getattr(self._engine, "family", None), self.job.cache_folder
                if family is not None and folder is not None:
                    family.keep_image_embeddings(folder, self.job.revision)
        if not getattr(self._thread, "begun", False):
            self._thread.begun = True
            torch_threads(self._torch_threads)
        return self._engine

    def run(self, rows: RowSource, emit: Emit) -> None:
        """Work until there are no more rows; `emit` gets every row's result, in any order.

        Raises BatchError, OutputFullError or WeightsError when it makes no sense to go on.
        """
        options = self.job.options
        with (
            ThreadPoolExecutor(options.readers, "tryon-reader") as readers,
            ThreadPoolExecutor(options.writers, "tryon-writer") as writers,
        ):
            flow = _Flow(self, readers, writers, emit)
            try:
                flow.run(rows)
            except BaseException:
                flow.abandon()
                raise


class _Flow:
    """The rows that are on their way through one worker."""

    def __init__(
        self, worker: Worker, readers: ThreadPoolExecutor, writers: ThreadPoolExecutor, emit: Emit
    ) -> None:
        self.worker, self.readers, self.writers, self.emit = worker, readers, writers, emit
        self.coming: deque[Row] = deque()
        self.reading: deque[Future[Planned | RowResult]] = deque()
        self.batch: list[Planned] = []
        self.failed: list[RowResult] = []  # since the batch was begun
        self.saving: deque[Future[RowResult]] = deque()
        self.ended = False

    def run(self, rows: RowSource) -> None:
        while True:
            if self.worker.stop.is_set():
                self.abandon()
                self.ended = True
            self._read_ahead(rows)
            if self.reading:
                self._take(self.reading.popleft().result())
            elif self.batch:
                self._paint()
            elif self.saving:
                self.emit(self.saving.popleft().result())
            elif self.ended:
                return
            while self.saving and (self.saving[0].done() or len(self.saving) > self._deep):
                self.emit(self.saving.popleft().result())

    def abandon(self) -> None:
        """Drop what is not being painted yet."""
        self.coming.clear()
        for future in self.reading:
            future.cancel()
        for future in self.reading:
            with suppress(BaseException):
                future.result()
        self.reading.clear()
        self.batch.clear()
        self.failed.clear()

    @property
    def _deep(self) -> int:
        """How many rows may be read ahead, or saved behind."""
        options = self.worker.job.options
        return self._batch_size + 2 * max(options.readers, options.writers)

    @property
    def _batch_size(self) -> int:
        return self.worker.job.options.batch_size or default_batch_size(self.worker._engine)

    def _read_ahead(self, rows: RowSource) -> None:
        while len(self.reading) < self._deep:
            if not self.coming and not self.ended:
                busy = bool(self.reading or self.batch or self.saving)
                found = rows(not busy)
                self.ended = found is None
                self.coming.extend(found or ())
            if not self.coming:
                return
            row = self.coming.popleft()
            self.reading.append(self.readers.submit(self.worker._preparer, row))

    def _take(self, item: Planned | RowResult) -> None:
        if isinstance(item, RowResult):
            self.failed.append(item)  # in its turn: who counts failures asks what came before
            if not self.batch:
                self._follow()
            return
        if self.batch and self.batch[0].shared != item.shared:
            self._paint()
        self.batch.append(item)
        if len(self.batch) >= self._batch_size:
            self._paint()

    def _paint(self) -> None:
        batch, self.batch = self.batch, []
        plans = [item.plan for item in batch]
        outcomes = in_halves(self.worker.engine().paint, plans, on_retry=lambda: _again(batch))
        for item, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Exception):
                self.saving.append(_settled(item.failed(outcome, "paint")))
            else:
                self.saving.append(self.writers.submit(self.worker._saver, item, outcome))
        self._follow()

    def _follow(self) -> None:
        """Let the failures follow what was painted before them."""
        self.saving.extend(map(_settled, self.failed))
        self.failed.clear()


def _settled(result: RowResult) -> Future[RowResult]:
    future: Future[RowResult] = Future()
    future.set_result(result)
    return future


def _again(batch: Sequence[Planned]) -> None:
    for item in batch:
        item.tries.again()


def torch_threads(count: int | None = None) -> int | None:
    """Set how many threads torch computes with when called from this one, if a number is given.

    Returns how many they are, None as long as torch is not loaded.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    if count is not None:
        torch.set_num_threads(count)
    return int(torch.get_num_threads())


def default_batch_size(engine: Any) -> int:
    """8 on an accelerator; on a CPU pictures go one by one in any case."""
    device = getattr(getattr(engine, "family", None), "device", None)
    return 1 if device is None or device.type == "cpu" else 8
