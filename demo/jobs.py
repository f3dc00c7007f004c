"""What visitors ask of the engine: one job each, with its progress and its end."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from tryon.errors import (
    Cancelled,
    CatalogError,
    GarmentError,
    LoraError,
    MaskError,
    OptionError,
    PersonError,
    TryOnError,
)

Result = TypeVar("Result")
Field = Literal["person", "garment", "mask", "settings", "page"]
"""The part of the page that an error is about."""


class TimeUp(Cancelled):
    """A job had the engine for as long as the server lets it."""


OnProgress = Callable[[str, int, int], None]
EVERY = 0.25  # seconds between two looks at a job's progress


class Complaint(Exception):
    """An error of ours, and the field of the page that it concerns."""

    def __init__(self, field: Field, error: TryOnError) -> None:
        self.field = field
        self.error = error
        super().__init__(str(error))


def field_of(error: TryOnError) -> Field:
    """The field that an error concerns, as far as its kind tells."""
    kinds: tuple[tuple[Field, tuple[type[TryOnError], ...]], ...] = (
        ("person", (PersonError,)),
        ("garment", (GarmentError, CatalogError)),
        ("mask", (MaskError,)),
        ("settings", (OptionError, LoraError)),
    )
    return next((name for name, classes in kinds if isinstance(error, classes)), "page")


@contextmanager
def concerning(field: Field | None = None) -> Iterator[None]:
    """Errors inside are complaints about this field; without one, their kind tells."""
    try:
        yield
    except Cancelled:
        raise
    except TryOnError as error:
        raise Complaint(field or field_of(error), error) from error


@dataclass(slots=True)
class Progress:
    """How far a job is. ahead: jobs in line before it; done, total: of the stage, 0 if unknown.

    since: when the stage began, of `time.monotonic`.
    """

    ahead: int = 0
    stage: str = "waiting"
    done: int = 0
    total: int = 0
    since: float = 0.0

    @property
    def seconds_left(self) -> float | None:
        """Of this stage, once a part of it is done."""
        if not 0 < self.done < self.total:
            return None
        return (time.monotonic() - self.since) / self.done * (self.total - self.done)


class Job(Generic[Result]):
    """Work for the engine's thread, and what its visitor sees of it.

    work: called with the engine and `report`, on that thread.
    model: the family it is for. seconds: after so many it is stopped; None lets it run.
    """

    def __init__(
        self,
        work: Callable[[Any, OnProgress], Result],
        *,
        model: str,
        seconds: float | None = None,
    ) -> None:
        self.work = work
        self.model = model
        self.seconds = seconds
        self.progress = Progress()
        self.visitor = self.tab = ""
        self.future: Future[Result] = Future()
        self._cancelled = threading.Event()
        self._started: float | None = None

    def cancel(self) -> None:
        """Stop: at once if it waits, at its next report if it runs."""
        self._cancelled.set()
        if self._started is None:
            self.fail(Cancelled("stopped"))

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    def report(self, stage: str, done: int, total: int) -> None:
        """Note progress. Raises Cancelled if the job was cancelled or has had its time."""
        now = time.monotonic()
        self._started = self._started or now
        if stage != self.progress.stage or done < self.progress.done:
            self.progress.since = now
        progress = self.progress
        progress.stage, progress.done, progress.total = stage, done, total
        if self.cancelled:
            raise Cancelled("stopped")
        if self.seconds is not None and now - self._started > self.seconds:
            raise TimeUp("it took too long", remedy="Try a smaller photo or fewer steps.")

    def end(self, result: Result) -> None:
        """Hand the result over, unless nobody wants it any more."""
        if self.cancelled:
            return self.fail(Cancelled("stopped"))
        with suppress(InvalidStateError):  # it was stopped in this moment
            self.future.set_result(result)

    def fail(self, error: BaseException) -> None:
        """End without a result, unless it has ended."""
        with suppress(InvalidStateError):
            self.future.set_exception(error)

    async def updates(self) -> AsyncIterator[Progress]:
        """The progress now and then until the job has ended. Closing it early stops the job."""
        ended = asyncio.wrap_future(self.future)
        ended.add_done_callback(_seen)
        try:
            while not self.future.done():
                yield self.progress
                await asyncio.wait([ended], timeout=EVERY)
        finally:
            if not self.future.done():
                self.cancel()


def _seen(ended: asyncio.Future[Any]) -> None:
    """Tell asyncio that an error is not lost: it is raised again by `Job.future`."""
    if not ended.cancelled():
        ended.exception()
