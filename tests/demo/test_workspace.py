"""The folder of a server, when the server ends in any of the ways in which servers end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tryon.demo.workspace import LOCK, PREFIX, workspace

SERVER = """
import tempfile, time
from tryon.demo.workspace import stopping_by_signals, workspace
with stopping_by_signals(), workspace() as folder:
    (folder / "files").mkdir()
    (folder / "files" / "face.jpg").write_bytes(b"face")
    tempfile.NamedTemporaryFile(delete=False).write(b"half an upload")
    print("ready", flush=True)
    while True:
        time.sleep(1)
"""
ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are those of POSIX")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files of a machine of its own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def server() -> subprocess.Popen[bytes]:
    """A server that somebody has sent a photo, with an upload on its way."""
    process = subprocess.Popen([sys.executable, "-c", SERVER], cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"ready\n"
    process.stdout.close()
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_everything_goes_with_the_server(machine: Path, number: signal.Signals) -> None:
    process = server()
    assert len(list(machine.rglob("*.jpg"))) == 1 and len(list(machine.iterdir())) == 1
    process.send_signal(number)
    assert process.wait(20) == 0
    assert list(machine.iterdir()) == []


def test_what_a_killed_server_left_goes_at_the_next_start(machine: Path) -> None:
    killed, living = server(), server()
    killed.kill()
    killed.wait(20)
    assert len(list(machine.glob(f"{PREFIX}*"))) == 2
    with workspace() as folder:
        assert folder.parent == machine
        others = [path for path in machine.glob(f"{PREFIX}*") if path != folder]
        assert [len(list(other.rglob("face.jpg"))) for other in others] == [1], "the living one's"
    living.terminate()
    assert living.wait(20) == 0
    assert list(machine.iterdir()) == []


def test_what_is_not_a_servers_is_left_alone(machine: Path) -> None:
    """Another one that is just starting, and a link to somebody's folder."""
    (machine / f"{PREFIX}new").mkdir()
    precious = machine / "precious"
    precious.mkdir()
    (precious / LOCK).touch()
    (machine / f"{PREFIX}link").symlink_to(precious)
    with workspace():
        pass
    assert (machine / f"{PREFIX}new").is_dir() and (precious / LOCK).exists()


def test_it_goes_with_an_error_too(machine: Path) -> None:
    with pytest.raises(ZeroDivisionError), workspace() as folder:
        assert tempfile.gettempdir() == str(folder)
        raise ZeroDivisionError
    assert list(machine.iterdir()) == [] and tempfile.gettempdir() == str(machine)
