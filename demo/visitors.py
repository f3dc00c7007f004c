"""What is kept for a visitor while their page is open, and forgotten when it closes."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Container, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from PIL import Image

from tryon.demo.jobs import Job
from tryon.demo.limits import Limits

if TYPE_CHECKING:  # it loads torch, which only the engine's thread does: see `dressing`
    from tryon.preparation import Garment, Person

Digest = str
Files = OrderedDict[Path, int]
"""Files of Gradio's with their bytes, the longest unused first."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A look on a visitor's page. before, after: reduced. file: at its own size, to download.
    caption: what it shows, in the visitor's language."""

    before: str
    after: str
    file: str
    caption: str


@dataclass(eq=False)
class Visit:
    """One open page.

    people, garments: what was found in this visitor's photos, kept for their next click.
    reduced: the sizes of those person photos that were reduced when they came.
    automatic: the mask that was found, the size of the photo. editor_photo: what the editor shows,
    reduced. bases: the automatic masks at its size that it showed lately, grown as wanted, without
    what was brushed. turn: counts how often the editor was filled; asked: how often a mask was
    looked for; mask_open: whether the editor is in view.
    looks: the history of the visit, the newest first.
    folder: holds this visitor's training. jobs: what they wait for. files: see `Visitors.keep`.
    session: Gradio's; "" for a program without one, whose files nobody notes: `Visitors.sweep`
    takes them. browser: what brought the files, see `Visitors.bring`. used: of `time.monotonic`.
    gone: the page is closed.
    """

    session: str = ""

    people: OrderedDict[Hashable, Person] = field(default_factory=OrderedDict)
    garments: OrderedDict[Hashable, Garment] = field(default_factory=OrderedDict)
    reduced: dict[str, tuple[int, int]] = field(default_factory=dict)
    automatic: Image.Image | None = None
    editor_photo: Image.Image | None = None
    bases: deque[Image.Image] = field(default_factory=lambda: deque(maxlen=6))
    turn: int = 0
    asked: int = 0
    mask_open: bool = False
    looks: deque[Shown] = field(default_factory=deque)
    jobs: set[Job[Any]] = field(default_factory=set)
    files: Files = field(default_factory=OrderedDict)
    folder: Path | None = None
    browser: str = ""
    used: float = 0.0
    gone: bool = False

    def stop(self, tab: str | None = None) -> None:
        """End what this visitor waits for in a tab of the page, or everything."""
        for job in tuple(self.jobs):
            if tab in (None, job.tab):
                job.cancel()

    def pinned(self) -> set[Path]:
        """The files that the page still needs, however old they are."""
        return {Path(file) for look in self.looks for file in (look.before, look.after, look.file)}


class Visitors:
    """The visits of one server, by the session that Gradio gives a page, and their files.

    A file is a visitor's from the moment that it is uploaded: first the browser's that brought it,
    then the page's that uses it. It is deleted when the last who holds it is gone, or when they
    hold more than `limits` let them: the longest unused goes first.

    public: files that belong to the page itself, such as examples. Gradio names what it copies by
        the content, so that a visitor's copy of an example is the example.
    """

    def __init__(self, limits: Limits | None = None, public: Container[Digest] = ()) -> None:
        self.limits = limits or Limits()
        self.public = public
        self._visits: OrderedDict[str, Visit] = OrderedDict()
        self._brought: dict[str, Files] = {}
        self._brought_at: dict[str, float] = {}
        self._holders: Counter[Path] = Counter()
        self._lock = RLock()

    def visit(self, session: str | None, browser: str = "") -> Visit:
        """The visit of a session, begun if there is none."""
        if not session:
            return Visit(browser=browser)
        with self._lock:
            visit = self._visits.pop(session, None) or Visit(session=session, browser=browser)
            visit.browser = visit.browser or browser
            visit.used = time.monotonic()
            self._visits[session] = visit
            idle = [key for key, other in self._visits.items() if not other.jobs][:-1]
            for key in idle[: len(self._visits) - self.limits.visitors]:
                self._forget(self._visits.pop(key))
            return visit

    def known(self, session: str | None) -> Visit | None:
        """The visit of a session, None where its page is closed."""
        with self._lock:
            return self._visits.get(session or "")

    def keep(self, visit: Visit, *files: str | Path | None) -> None:
        """Delete these files of Gradio's when the last visitor who holds them leaves."""
        with self._lock:
            for file in files:
                if file is None or self._is_public(Path(file)):
                    continue
                path = Path(file)
                if visit.gone:
                    self._delete(path)
                if visit.gone or not visit.session:
                    continue
                if path not in visit.files:
                    self._holders[path] += 1
                visit.files[path] = _bytes_of(path)
                visit.files.move_to_end(path)
                brought: Files = self._brought.get(visit.browser, OrderedDict())
                if brought.pop(path, None) is not None:
                    self._let_go(path)
            self._trim(visit.files, visit.pinned())

    def bring(self, browser: str, *files: str | Path) -> None:
        """Files that were just uploaded, which no page has used so far."""
        with self._lock:
            brought = self._brought.setdefault(browser, OrderedDict())
            self._brought_at[browser] = time.monotonic()
            for path in map(Path, files):
                if self._is_public(path) or self._used_by(browser, path):
                    continue
                if path not in brought:
                    self._holders[path] += 1
                brought[path] = _bytes_of(path)
                brought.move_to_end(path)
            self._trim(brought, set())

    def held(self) -> int:
        """Bytes of all files of all visitors."""
        with self._lock:
            lists = [*self._brought.values(), *(visit.files for visit in self._visits.values())]
            return sum(sum(files.values()) for files in lists)

    def leave(self, session: str | None) -> None:
        """Stop what the visitor started and delete what they brought and got."""
        with self._lock:
            visit = self._visits.pop(session or "", None)
            if visit is not None:
                visit.stop()
                self._forget(visit)

    def sweep(self, folder: Path, now: float | None = None) -> None:
        """Delete what nobody fetches any more: visits that ended without a word, uploads that no
        page used, and whatever else lies in the folder for longer than a visitor may stay."""
        now = time.monotonic() if now is None else now
        limits = self.limits
        with self._lock:
            for session, visit in list(self._visits.items()):
                if not visit.jobs and now - visit.used > limits.stay:
                    self.leave(session)
            open_ones = {visit.browser for visit in self._visits.values()}
            for browser, since in list(self._brought_at.items()):
                if browser not in open_ones and now - since > limits.unused:
                    self._drop(browser)
        oldest = time.time() + now - time.monotonic() - limits.unused
        files = [Path(root) / name for root, _, names in os.walk(folder) for name in names]
        for path in files:
            if path in self._holders or self._is_public(path):
                continue
            with suppress(OSError):
                if path.stat().st_mtime < oldest:
                    self._delete(path)

    def _used_by(self, browser: str, path: Path) -> bool:
        pages = [visit for visit in self._visits.values() if visit.browser == browser]
        return any(path in visit.files for visit in pages)

    def _is_public(self, path: Path) -> bool:
        return path.parent.name in self.public

    def _forget(self, visit: Visit) -> None:
        visit.gone = True
        self._release(visit.files)
        visit.looks.clear()
        if visit.folder is not None:
            shutil.rmtree(visit.folder, ignore_errors=True)
        if all(other.browser != visit.browser for other in self._visits.values()):
            self._drop(visit.browser)

    def _drop(self, browser: str) -> None:
        self._release(self._brought.pop(browser, OrderedDict()))
        self._brought_at.pop(browser, None)

    def _trim(self, files: Files, pinned: set[Path]) -> None:
        """Let the longest unused go until the rest is within the limits."""
        spare = [path for path in files if path not in pinned]
        while spare and (
            len(files) > self.limits.files or sum(files.values()) > self.limits.of_visitor
        ):
            files.pop(path := spare.pop(0))
            self._let_go(path)

    def _release(self, files: Files) -> None:
        while files:
            path, _ = files.popitem()
            self._let_go(path)

    def _let_go(self, path: Path) -> None:
        self._holders[path] -= 1
        if self._holders[path] <= 0:
            del self._holders[path]
            self._delete(path)

    def _delete(self, path: Path) -> None:
        """The file, and Gradio's folder for it."""
        if path in self._holders:
            return
        with suppress(OSError):
            path.unlink()
        with suppress(OSError):
            path.parent.rmdir()


def _bytes_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
