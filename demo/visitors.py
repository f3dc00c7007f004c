"""What is kept for a visitor while their page is open, and forgotten when it closes."""

from __future__ import annotations

import shutil
from collections import Counter, OrderedDict, deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from PIL import Image

from tryon.demo.jobs import Job

if TYPE_CHECKING:  # it loads torch, which only the engine's thread does: see `dressing`
    from tryon.preparation import Garment, Person

Digest = str


@dataclass(eq=False)
class Visit:
    """One open page.

    people, garments: what was found in this visitor's photos, kept for their next click.
    automatic: the mask that was found, the size of the photo. editor_photo: what the editor shows,
    reduced. bases: the automatic masks at its size that it showed lately, grown as wanted, without
    what was brushed. turn: counts how often the editor was filled; asked: how often a mask was
    looked for.
    looks: before, after and the file to download, of the samples on their page.
    folder: holds this visitor's training. jobs: what they wait for. files: see `Visitors.keep`.
    """

    people: OrderedDict[Hashable, Person] = field(default_factory=OrderedDict)
    garments: OrderedDict[Hashable, Garment] = field(default_factory=OrderedDict)
    automatic: Image.Image | None = None
    editor_photo: Image.Image | None = None
    bases: deque[Image.Image] = field(default_factory=lambda: deque(maxlen=6))
    turn: int = 0
    asked: int = 0
    looks: list[tuple[str, str, str]] = field(default_factory=list)
    jobs: set[Job[Any]] = field(default_factory=set)
    files: set[Path] = field(default_factory=set)
    folder: Path | None = None

    def stop(self, tab: str | None = None) -> None:
        """End what this visitor waits for in a tab of the page, or everything."""
        for job in tuple(self.jobs):
            if tab in (None, job.tab):
                job.cancel()


class Visitors:
    """The visits of one server, by the session that Gradio gives a page.

    most: how many are remembered; the longest idle one is forgotten first.
    public: files that belong to the page itself, such as examples. Gradio names what it copies by
        the content, so that a visitor's copy of an example is the example.
    """

    def __init__(self, most: int = 64, public: Iterable[Digest] = ()) -> None:
        self.most = most
        self.public = set(public)
        self._visits: OrderedDict[str, Visit] = OrderedDict()
        self._holders: Counter[Path] = Counter()
        self._lock = Lock()

    def visit(self, session: str | None) -> Visit:
        """The visit of a session, begun if there is none."""
        name = session or ""
        with self._lock:
            visit = self._visits.pop(name, None) or Visit()
            self._visits[name] = visit
            idle = [key for key, other in self._visits.items() if not other.jobs][:-1]
            forgotten = [self._visits.pop(key) for key in idle[: len(self._visits) - self.most]]
        for other in forgotten:
            self._forget(other)
        return visit

    def keep(self, visit: Visit, *files: str | Path | None) -> None:
        """Delete these files of Gradio's when the last visitor who holds them leaves."""
        for file in files:
            if file is None or Path(file).parent.name in self.public:
                continue
            path = Path(file)
            with self._lock:
                if path not in visit.files:
                    visit.files.add(path)
                    self._holders[path] += 1

    def leave(self, session: str | None) -> None:
        """Stop what the visitor started and delete what they brought and got."""
        with self._lock:
            visit = self._visits.pop(session or "", None)
        if visit is not None:
            visit.stop()
            self._forget(visit)

    def _forget(self, visit: Visit) -> None:
        with self._lock:
            self._holders.subtract(visit.files)
            gone = [path for path in visit.files if self._holders[path] <= 0]
            for path in gone:
                del self._holders[path]
            visit.files.clear()
        for path in gone:
            path.unlink(missing_ok=True)
        if visit.folder is not None:
            shutil.rmtree(visit.folder, ignore_errors=True)
