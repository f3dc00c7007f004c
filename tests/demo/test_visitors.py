from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tryon.demo.jobs import Job
from tryon.demo.limits import Limits
from tryon.demo.visitors import Shown, Visitors


def file_in(folder: Path, name: str, size: int = 5) -> Path:
    file = folder / "files" / name / "photo.jpg"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x" * size)
    return file


def left_in(folder: Path) -> list[Path]:
    """Every file and every folder that is still there."""
    return sorted((folder / "files").rglob("*"))


def test_files_go_when_their_last_holder_leaves(tmp_path: Path) -> None:
    visitors = Visitors()
    own, shared = file_in(tmp_path, "own"), file_in(tmp_path, "shared")
    visitors.keep(visitors.visit("a"), own, str(shared), str(shared), None)
    visitors.keep(visitors.visit("b"), shared)
    visitors.leave("a")
    assert left_in(tmp_path) == [shared.parent, shared], "nor is an empty folder left"
    visitors.leave("b")
    assert left_in(tmp_path) == []
    visitors.leave("b")  # again, or a stranger: nothing happens


def test_what_a_browser_brought_goes_with_its_last_page(tmp_path: Path) -> None:
    """Uploads that no event names, such as the copies of the mask editor."""
    visitors = Visitors()
    copy, used = file_in(tmp_path, "copy"), file_in(tmp_path, "used")
    visitors.bring("firefox", copy, used)
    one, _ = visitors.visit("page 1", "firefox"), visitors.visit("page 2", "firefox")
    visitors.keep(one, used)
    visitors.bring("firefox", used)  # the same content once more
    visitors.leave("page 1")
    assert copy.exists() and not used.exists(), "what a page used is that page's"
    visitors.leave("page 2")
    assert left_in(tmp_path) == []


def test_what_handlers_make_for_a_page_that_has_closed_is_not_kept(tmp_path: Path) -> None:
    visitors = Visitors()
    visit = visitors.visit("a")
    visitors.leave("a")
    visitors.keep(visit, file_in(tmp_path, "late"))
    assert left_in(tmp_path) == []


def test_the_longest_unused_goes_where_a_visitor_has_too_much(tmp_path: Path) -> None:
    visitors = Visitors(Limits(files=3, of_visitor=100))
    visit = visitors.visit("a")
    photo, old, look, new = (file_in(tmp_path, name) for name in ("photo", "old", "look", "new"))
    visit.looks.append(Shown(str(look), str(look), str(look), "shirt"))
    visitors.keep(visit, photo, old, look)
    visitors.keep(visit, photo)  # used again
    visitors.keep(visit, new)
    assert not old.exists() and photo.exists() and look.exists() and new.exists()
    visitors.keep(visit, file_in(tmp_path, "large", 90))
    assert not photo.exists() and look.exists(), "the history stays as long as it can"
    for number in range(5):
        visitors.bring("firefox", file_in(tmp_path, f"copy {number}"))
    copies = [path.parent.name for path in left_in(tmp_path) if "copy" in path.parent.name]
    assert copies == ["copy 2", "copy 3", "copy 4"]


def test_what_nobody_fetches_is_swept(tmp_path: Path) -> None:
    visitors = Visitors(Limits(unused=60, stay=600), public={"example"})
    abandoned, fresh, held = (file_in(tmp_path, name) for name in ("abandoned", "fresh", "held"))
    example = file_in(tmp_path, "example")
    for path in (abandoned, example, held):
        os.utime(path, (time.time() - 100,) * 2)
    visitors.keep(visitors.visit("a", "firefox"), held)
    visitors.bring("curl", fresh)
    visitors.sweep(tmp_path / "files")
    assert not abandoned.exists() and fresh.exists() and held.exists() and example.exists()
    visitors.sweep(tmp_path / "files", time.monotonic() + 90)
    assert not fresh.exists() and held.exists(), "no page of that browser is open"
    visitors.sweep(tmp_path / "files", time.monotonic() + 700)
    assert left_in(tmp_path) == [example.parent, example]
    visitors.sweep(tmp_path / "nowhere")


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
    visitors = Visitors(Limits(visitors=2))
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
def test_programs_without_a_session_share_nothing(session: str | None, tmp_path: Path) -> None:
    visitors = Visitors()
    assert visitors.visit(session) is not visitors.visit(session)
    answer = file_in(tmp_path, "answer")
    visitors.keep(visitors.visit(session), answer)
    assert answer.exists() and visitors.held() == 0, "it can be fetched until it is swept"
