from __future__ import annotations

from pathlib import Path

import pytest

from tryon.demo.jobs import Job
from tryon.demo.visitors import Visitors


def file_in(folder: Path, name: str) -> Path:
    file = folder / name / "photo.jpg"
    file.parent.mkdir()
    file.write_bytes(b"photo")
    return file


def test_files_go_when_their_last_holder_leaves(tmp_path: Path) -> None:
    visitors = Visitors()
    own, shared = file_in(tmp_path, "own"), file_in(tmp_path, "shared")
    visitors.keep(visitors.visit("a"), own, str(shared), str(shared), None)
    visitors.keep(visitors.visit("b"), shared)
    visitors.leave("a")
    assert not own.exists() and shared.exists()
    visitors.leave("b")
    assert not shared.exists()
    visitors.leave("b")  # again, or a stranger: nothing happens


def test_the_pages_own_files_stay(tmp_path: Path) -> None:
    example = file_in(tmp_path, "digest")
    visitors = Visitors(public=["digest"])
    visitors.keep(visitors.visit("a"), example)
    visitors.leave("a")
    assert example.exists()


def test_leaving_stops_what_was_started_and_empties_the_folder(tmp_path: Path) -> None:
    visitors = Visitors()
    visit = visitors.visit("a")
    job = Job(lambda engine, report: None, model="mini")
    visit.jobs.add(job)
    visit.folder = tmp_path / "training"
    visit.folder.mkdir()
    visitors.leave("a")
    assert job.cancelled and not visit.folder.exists()


def test_the_longest_idle_visit_is_forgotten_but_never_a_busy_one(tmp_path: Path) -> None:
    visitors = Visitors(most=2)
    busy, idle = visitors.visit("busy"), visitors.visit("idle")
    busy.jobs.add(Job(lambda engine, report: None, model="mini"))
    files = file_in(tmp_path, "busy"), file_in(tmp_path, "idle")
    visitors.keep(busy, files[0])
    visitors.keep(idle, files[1])
    visitors.visit("new")
    assert files[0].exists() and not files[1].exists()
    assert visitors.visit("busy") is busy
    assert visitors.visit("idle") is not idle


@pytest.mark.parametrize("session", [None, ""])
def test_a_page_without_a_session_is_served_too(session: str | None) -> None:
    visitors = Visitors()
    assert visitors.visit(session) is visitors.visit(session)
