"""Workers on this machine: in this process, or one process each, replaced when they die."""

from __future__ import annotations

import logging
import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from threading import Event
from typing import Any

from tryon.accelerators import may_have_cuda
from tryon.batch.job import Failure, Job, RowResult
from tryon.batch.rows import Row
from tryon.batch.worker import Emit, Worker
from tryon.errors import BatchError, TryOnError

logger = logging.getLogger(__name__)

Chunks = Iterable[list[Row]]
PATIENCE = 0.5  # seconds after which the stop is looked at
_DEATHS = 4  # in a row, without a result between them


def work_here(job: Job, chunks: Chunks, stop: Event, emit: Emit) -> None:
    """Do all chunks in this process. `emit` gets every row's result; `stop` ends it early.

    Raises BatchError, OutputFullError or WeightsError when it makes no sense to go on.
    """
    pieces = iter(chunks)
    Worker(job, 0, stop).run(lambda wait: None if stop.is_set() else next(pieces, None), emit)


def work_in_processes(job: Job, chunks: Chunks, stop: Event, emit: Emit, workers: int) -> None:
    """Do all chunks in so many processes; a row that kills its worker twice fails.

    Raises BatchError, OutputFullError or WeightsError when it makes no sense to go on.
    """
    pool = _Pool(job, iter(chunks), emit)
    try:
        for number in range(workers):
            pool.start(number)
        pool.run(stop)
    finally:
        pool.end()


@dataclass(eq=False)
class _Process:
    number: int
    process: Any
    connection: Connection
    in_hand: dict[str, Row] = field(default_factory=dict)
    last: int = 0  # rows that it got last

    def send(self, rows: Sequence[Row] | None) -> None:
        """Give it rows, or tell it that there are no more."""
        with suppress(OSError):  # it is dead, and its rows are found in its hands
            self.connection.send(rows)
        self.last = len(rows or ())
        self.in_hand |= {row.id: row for row in rows or ()}


class _Pool:
    """Processes, what each has in hand, and rows that may have killed one.

    When a worker dies, each row that it had in hand is given to a worker alone; the one that kills
    again is to blame.
    """

    def __init__(self, job: Job, chunks: Iterator[list[Row]], emit: Emit) -> None:
        self.job, self.chunks, self.emit = job, chunks, emit
        self.context = process_context(getattr(job.source, "preload", ()))
        self.stopping = self.context.Event()
        self.processes: list[_Process] = []
        self.suspects: deque[Row] = deque()
        self.accused: set[str] = set()
        self.exhausted = False
        self.deaths = 0

    def start(self, number: int) -> None:
        here, there = self.context.Pipe()
        process = self.context.Process(
            target=_serve, args=(self.job, number, there, self.stopping), daemon=True
        )
        with _one_thread_each():
            process.start()
        there.close()
        self.processes.append(_Process(number, process, here))

    def run(self, stop: Event) -> None:
        while self.processes:
            if stop.is_set() and not self.stopping.is_set():
                self.stopping.set()
                for process in self.processes:
                    process.send(None)
            if not self.stopping.is_set():
                for process in self.processes:
                    self._feed(process)
            speakers = {process.connection: process for process in self.processes}
            for connection in wait(list(speakers), PATIENCE):
                self._hear(speakers[connection])  # type: ignore[index]

    def _feed(self, process: _Process) -> None:
        """Keep two chunks in its hands; a suspect goes alone."""
        if self.suspects:
            if not process.in_hand:
                process.send([self.suspects.popleft()])
            return
        if self.accused & process.in_hand.keys():
            return
        while not self.exhausted and len(process.in_hand) <= process.last:
            rows = next(self.chunks, None)
            if rows is None:
                self.exhausted = True
            else:
                process.send(rows)
        if self.exhausted and not process.in_hand:
            process.send(None)

    def _hear(self, process: _Process) -> None:
        try:
            while process.connection.poll():
                message: RowResult | TryOnError | None = process.connection.recv()
                if isinstance(message, TryOnError):
                    raise message
                if message is None:
                    self._ended(process)
                    return
                self.deaths = 0
                process.in_hand.pop(message.row.id, None)
                self.accused.discard(message.row.id)
                self.emit(message)
        except (EOFError, OSError):
            self._died(process)

    def _ended(self, process: _Process) -> None:
        process.process.join()
        process.connection.close()
        self.processes.remove(process)

    def _died(self, process: _Process) -> None:
        self._ended(process)
        rows, code = list(process.in_hand.values()), process.process.exitcode
        if self.stopping.is_set():
            return
        self.deaths += 1
        logger.warning("worker %d ended unasked (%s): another one goes on", process.number, code)
        if self.deaths >= _DEATHS:
            raise BatchError(
                f"workers keep dying (exit code {code})",
                remedy="Fewer workers or smaller batches need less memory.",
            )
        if len(rows) == 1 and rows[0].id in self.accused:
            self.accused.discard(rows[0].id)
            self.deaths = 0
            reason = f"a worker died over this row, twice (exit code {code})"
            failure = Failure("paint", "WorkerDied", reason)
            self.emit(RowResult(rows[0], "failed", failure=failure))
        else:
            self.accused |= {row.id for row in rows}
            self.suspects.extend(rows)
        if self.suspects or not self.exhausted:
            self.start(process.number)

    def end(self) -> None:
        """Kill what has not ended by itself."""
        for process in self.processes:
            process.process.kill()
            process.process.join()
            process.connection.close()


def process_context(preload: Sequence[str]) -> Any:
    """How workers are started. preload: modules that take long to import.

    On Linux they come from one process that has imported these once, and has done nothing else;
    where there may be a GPU, whose driver no process may inherit, each begins anew.
    """
    if not sys.platform.startswith("linux") or may_have_cuda() or not preload:
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    return context


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes that start now compute in one thread each, as there are as many as cores.

    BLAS and OpenMP read this once, before anybody can tell them otherwise. It also makes sums come
    out the same on every machine. A model that is given more threads takes them by itself.
    """
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _serve(job: Job, number: int, connection: Connection, stop: Any) -> None:
    """The life of a worker process."""
    for name in (signal.SIGINT, signal.SIGTERM):  # the parent says when to stop
        signal.signal(name, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    waiting: queue.SimpleQueue[list[Row] | None] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(connection, waiting), daemon=True).start()

    def rows(wait: bool) -> list[Row] | None:
        try:
            return waiting.get(block=wait)
        except queue.Empty:
            return []

    try:
        Worker(job, number, stop).run(rows, connection.send)
        connection.send(None)
    except TryOnError as error:
        connection.send(error)
    except Exception as error:
        logger.exception("worker %d", number)
        connection.send(BatchError(f"worker {number} failed: {type(error).__name__}: {error}"))


def _receive(connection: Connection, waiting: queue.SimpleQueue[list[Row] | None]) -> None:
    """Always listening, so that neither side waits for the other to read."""
    rows: list[Row] | None = []
    while rows is not None:
        try:
            rows = connection.recv()
        except (EOFError, OSError):
            rows = None
        waiting.put(rows)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
