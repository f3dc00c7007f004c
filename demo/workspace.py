"""The folder of one running server: all that it writes is in there, and goes with it."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO

PREFIX = "tryon-demo-"
LOCK = ".lock"


@contextmanager
def workspace() -> Iterator[Path]:
    """A new folder, in which this process makes all its temporary files; deleted at the end.

    Those that killed servers of the same user have left are deleted first: a living one holds a
    lock, which ends with its process however it dies.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        remove_if_left(folder)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    before, environment = tempfile.tempdir, os.environ.get("TMPDIR")
    lock = open(folder / LOCK, "wb")  # noqa: SIM115 - held until the end
    try:
        hold(lock)
        tempfile.tempdir = os.environ["TMPDIR"] = str(folder)  # half an upload, too
        yield folder
    finally:
        tempfile.tempdir = before
        os.environ.pop("TMPDIR")
        if environment is not None:
            os.environ["TMPDIR"] = environment
        shutil.rmtree(folder, ignore_errors=True)
        lock.close()
        shutil.rmtree(folder, ignore_errors=True)  # where open files cannot be deleted


def remove_if_left(folder: Path) -> None:
    """Delete the folder of a server that is dead. What is somebody else's is left alone."""
    with suppress(OSError):
        if folder.is_symlink() or (hasattr(os, "getuid") and folder.stat().st_uid != os.getuid()):
            return
        with open(folder / LOCK, "r+b") as lock:  # one without a lock has nothing in it yet
            hold(lock)
            shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def hold(file: IO[bytes]) -> None:
    """Lock a file until it is closed. Raises OSError where another process holds it."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Stopped(BaseException):
    """A signal asked this process to end."""


@contextmanager
def stopping_by_signals() -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP end what is inside, and all that is around it is cleaned up.

    The first one counts: further ones do not disturb the cleaning. Only on the main thread.
    """
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    signals = [getattr(signal, name) for name in names if hasattr(signal, name)]

    def stop(number: int, frame: FrameType | None) -> None:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped

    before = {each: signal.signal(each, stop) for each in signals}
    try:
        yield
    except Stopped:
        pass
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
