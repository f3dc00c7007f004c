"""One thread that uses the engine, and a fair line of jobs before it."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from tryon.demo.dressing import DressJob, dress_together
from tryon.demo.jobs import Complaint, Job
from tryon.errors import BusyError, Cancelled, TryOnError

logger = logging.getLogger(__name__)

KEPT = 2  # engines of different models in memory
LAST_STEP = 5  # seconds that a closing server waits for its engine: containers give it ten


class EngineQueue:
    """Runs jobs one after the other, visitors taking turns.

    open_engine: loads the engine of a model; the last two that were asked for are kept.
    waiting, of_one: how many jobs may be in line, of all visitors and of one.
    together: how many pictures are painted in one batch on a GPU. On a CPU every picture is
        painted alone: batches are no faster there, and stop later.
    """

    def __init__(
        self,
        open_engine: Callable[[str], Any],
        *,
        waiting: int = 16,
        of_one: int = 16,
        together: int = 8,
    ) -> None:
        self.waiting = waiting
        self.of_one = of_one
        self.together = together
        self._open_engine = open_engine
        self._engines: OrderedDict[str, Any] = OrderedDict()
        self._lines: OrderedDict[Hashable, deque[Job[Any]]] = OrderedDict()
        self._changed = threading.Condition()
        self._closed = False
        self._running: Sequence[Job[Any]] = ()
        self._thread = threading.Thread(target=self._serve, name="tryon-engine", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def submit(self, visitor: str, jobs: Sequence[Job[Any]]) -> None:
        """Put jobs in line, all or none. Raises BusyError if there is no room for them."""
        with self._changed:
            self._drop_cancelled()
            line = self._lines.get(visitor, deque())
            if self._closed or len(self) + len(jobs) > self.waiting:
                raise BusyError(
                    f"{len(self)} pictures are in line before yours",
                    remedy="That is as many as can wait here: try again in a minute.",
                )
            if len(line) + len(jobs) > self.of_one:
                raise BusyError(
                    f"{len(line)} of your own pictures are in line already",
                    remedy="Wait for them, or stop them.",
                )
            for job in jobs:
                job.visitor = visitor
                line.append(job)
            if jobs:
                self._lines[visitor] = line
            self._count()
            self._changed.notify()

    def engine(self, model: str) -> Any:
        """The engine of a model, loaded if it is not. Only for the thread of the jobs."""
        if model not in self._engines:
            while len(self._engines) >= KEPT:
                self._engines.popitem(last=False)  # first, to make room
            self._engines[model] = self._open_engine(model)
        self._engines.move_to_end(model)
        return self._engines[model]

    def warm(self, model: str) -> None:
        """Load an engine while nobody waits yet; an error is told to who asks first."""
        job: Job[None] = Job(lambda engine, report: None, model=model)
        with self._changed:
            self._lines[""] = deque([job])
            self._changed.notify()

    def close(self) -> None:
        """Stop everything and end the thread, which is given a moment for its last step."""
        self.stop()
        self._thread.join(timeout=LAST_STEP)

    def stop(self) -> None:
        """Stop everything: what waits at once, what runs at its next report."""
        with self._changed:
            self._closed = True
            for line in self._lines.values():
                for job in line:
                    job.cancel()
            for job in self._running:
                job.cancel()
            self._drop_cancelled()
            self._changed.notify()

    def _serve(self) -> None:
        while (jobs := self._next()) is not None:
            self._running = jobs
            try:
                engine = self.engine(jobs[0].model)
                alone = getattr(getattr(engine, "family", None), "device", None)
                if isinstance(jobs[0], DressJob):
                    if alone is not None and alone.type != "cpu":
                        jobs += self._more_like(jobs[0])
                    dress_together(engine, [job for job in jobs if isinstance(job, DressJob)])
                else:
                    jobs[0].end(jobs[0].work(engine, jobs[0].report))
            except (TryOnError, Complaint) as error:
                _fail(jobs, error)
            except Exception as error:  # a bug, or no memory: told to the visitor, not the end
                logger.exception("a job failed")
                _fail(jobs, error)

    def _next(self) -> list[Job[Any]] | None:
        """The job whose turn it is; waits for one. None when the line is closed."""
        with self._changed:
            while True:
                self._drop_cancelled()
                if self._lines:
                    visitor, line = self._lines.popitem(last=False)
                    job = line.popleft()
                    if line:
                        self._lines[visitor] = line  # at the end: the others come first
                    self._count()
                    return [job]
                if self._closed:
                    return None
                self._changed.wait(timeout=1)

    def _more_like(self, first: Job[Any]) -> list[Job[Any]]:
        """The next dress jobs for the same model, in turn, to be painted together."""
        more: list[Job[Any]] = []
        with self._changed:
            for line in list(self._lines.values()):
                for job in list(line):
                    alike = isinstance(job, DressJob) and job.model == first.model
                    if alike and len(more) < self.together - 1:
                        line.remove(job)
                        more.append(job)
            self._drop_cancelled()
            self._count()
        return more

    def _drop_cancelled(self) -> None:
        """Take stopped jobs out of the line, so that nobody waits behind them."""
        for visitor, line in list(self._lines.items()):
            for job in [job for job in line if job.cancelled]:
                line.remove(job)
                job.fail(Cancelled("stopped"))
            if not line:
                del self._lines[visitor]

    def _count(self) -> None:
        """Tell every job how many come before it, taking turns."""
        lines = [list(line) for line in self._lines.values()]
        place = 0
        for turn in range(max(map(len, lines), default=0)):
            for line in lines:
                if turn < len(line):
                    line[turn].progress.ahead = place
                    place += 1


def _fail(jobs: Sequence[Job[Any]], error: BaseException) -> None:
    for job in jobs:
        job.fail(error)
