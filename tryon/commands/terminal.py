"""What the commands show on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from tryon.batch import Tally

EVERY = 30  # seconds between the lines of a batch in a pipe


def console() -> Console:
    """Of standard output: as wide as the terminal, and wide enough for a table in a pipe."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 160)


@contextmanager
def progress(first: str) -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar on a terminal's standard error; nothing in a pipe."""
    if not sys.stderr.isatty():
        yield lambda stage, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:>10}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task, under_way = bar.add_task(first, total=None), first

        def update(stage: str, done: int, total: int) -> None:
            nonlocal under_way
            if stage.split()[0] != under_way:  # the time left is not told by another stage's speed
                bar.reset(task)
                under_way = stage.split()[0]
            bar.update(task, description=stage, completed=done, total=total or None)

        yield update


@contextmanager
def batch_progress() -> Iterator[Callable[[Tally], None]]:
    """What a batch has done: a live line on a terminal, a line now and then in a pipe."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("checking the manifest", total=None)
        yield lambda tally: bar.update(
            task, completed=tally.seen, total=tally.total, description=state_of(tally)
        )


def state_of(tally: Tally) -> str:
    """How a batch stands, in a line."""
    left = tally.seconds_left
    parts = [f"{tally.counts['done']} done"]
    parts += [f"{tally.counts['skipped']} were there"] if tally.counts["skipped"] else []
    parts += [f"{tally.failed} failed"] if tally.failed else []
    parts += [f"{tally.per_minute:.1f}/min"]
    parts += [f"{_duration(left)} left"] if left is not None else []
    parts += [f"most time in {tally.limit}"] if tally.limit else []
    return ", ".join(parts)


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


class _Lines:
    """Writes how a batch stands to standard error, at most every `EVERY` seconds."""

    def __init__(self) -> None:
        self.last = time.monotonic()

    def __call__(self, tally: Tally) -> None:
        if time.monotonic() - self.last >= EVERY:
            self.last = time.monotonic()
            sys.stderr.write(f"tryon: {tally.seen} of {tally.total} rows: {state_of(tally)}\n")
