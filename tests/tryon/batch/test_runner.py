from __future__ import annotations

import csv
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.tryon.batch.fake_engine import FakeEngine, FakeSource, write_inputs
from tryon.batch import RowResult, Summary, run_batch
from tryon.errors import BatchError, ManifestError, OptionError, OutputError

PRODUCT = [{"people": "people", "garments": "garments"}]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_inputs(tmp_path / "in", people=4, garments=3)
    return tmp_path / "in"


def run(root: Path, out: Path, manifest: Any = PRODUCT, **options: Any) -> Summary:
    options = {"workers": 0, "wait": 0.01} | options
    return run_batch(manifest, out, options.pop("engine", FakeSource()), root=str(root), **options)


def pictures(out: Path) -> dict[str, bytes]:
    """Every result by its path, sidecars among them."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted((out / "looks").rglob("*"))
        if path.is_file()
    }


def ledger(summary: Summary) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(summary.ledger).read_text().splitlines()]


def test_every_row_becomes_one_picture_with_a_sidecar(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    summary = run(root, out)
    found = pictures(out)
    images = [name for name in found if name.endswith(".jpg")]
    assert len(images) == 12 and len(found) == 24
    for line in ledger(summary):
        sidecar = json.loads(found[line["image"].replace(".jpg", ".json")])
        assert sidecar["id"] == line["id"] and sidecar["image"] == line["image"]
        assert sidecar["bytes"] == len(found[line["image"]])
        assert sidecar["parameters"]["seed"] > 0
    assert sorted(line["id"] for line in ledger(summary))[0] == "p000__g000"
    assert summary.tally["done"] == summary.tally["rows"] == 12
    assert not summary.failed and not summary.interrupted and summary.errors is None


def test_a_second_run_has_nothing_to_do(root: Path, tmp_path: Path) -> None:
    out, opened = tmp_path / "out", tmp_path / "opened"
    run(root, out)
    before = {p: (out / p).stat().st_mtime_ns for p in pictures(out)}
    summary = run(root, out, engine=FakeSource(opened=str(opened)))
    assert summary.tally["skipped"] == 12 and summary.tally["done"] == 0
    assert not opened.exists()  # the engine is not even opened
    assert {p: (out / p).stat().st_mtime_ns for p in pictures(out)} == before


def test_what_is_missing_or_cut_off_is_made_again(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(root, out)
    whole = pictures(out)
    names = sorted(whole)
    (out / names[0]).write_bytes(b"")
    (out / names[3]).unlink()
    (out / names[5]).write_bytes(b"{")
    assert names[0].endswith(".jpg") and names[5].endswith(".json")
    summary = run(root, out)
    assert summary.tally["done"] == 3
    assert pictures(out) == whole


@pytest.mark.parametrize("change", ["person", "option", "revision", "preset"])
def test_what_changes_the_picture_changes_its_name(root: Path, tmp_path: Path, change: str) -> None:
    out = tmp_path / "out"
    run(root, out)
    before = pictures(out)
    if change == "person":
        (root / "people" / "p001.jpg").write_bytes(b"somebody else")
        summary = run(root, out)
    elif change == "option":
        summary = run(root, out, [PRODUCT[0] | {"steps": 7}])
    elif change == "revision":
        summary = run(root, out, engine=FakeSource(revision="fake-2"))
    else:
        summary = run(root, out, preset="shopify", suffix=".png")
    assert summary.tally["done"] == (3 if change == "person" else 12)
    assert {name: pictures(out)[name] for name in before} == before


def test_order_workers_and_batches_do_not_change_a_bit(root: Path, tmp_path: Path) -> None:
    one = [
        {"id": f"row {p}{g}", "person": f"people/p00{p}.jpg", "garment": f"garments/g00{g}.jpg"}
        | {"steps": 1 + (p + g) % 2}
        for p in range(4)
        for g in range(3)
    ]
    run(root, tmp_path / "a", one)
    summary = run(
        root, tmp_path / "b", one[::-1], workers=2, readers=2, writers=2, batch_size=5, window=3
    )
    assert summary.tally["retries"] == 0  # batches did not mix settings, and fell apart
    assert pictures(tmp_path / "a") == pictures(tmp_path / "b")


def test_failed_rows_are_a_manifest_of_their_own(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (root / "people" / "p002.jpg").write_bytes(b"nobody")
    rows = [
        {"person": f"people/p00{n}.jpg", "garment": "garments/g000.jpg", "shop": n}
        for n in range(4)
    ]
    summary = run(root, out, [*rows, {"person": "people/p000.jpg"}, {"person": "../x"}])
    assert summary.failed == 3 and summary.tally["done"] == 3
    assert summary.tally["failures"] == {"NoPersonError": 1}
    letters = [json.loads(line) for line in Path(summary.errors or "").read_text().splitlines()]
    assert {letter["error"]["line"]: letter["error"]["kind"] for letter in letters} == {
        3: "NoPersonError",
        5: "RowError",
        6: "RowError",
    }
    (failed,) = [letter for letter in letters if letter["error"]["line"] == 3]
    assert failed["shop"] == 2 and "people/p002.jpg" in failed["error"]["reason"]

    (root / "people" / "p002.jpg").write_bytes(b"somebody")
    again = run(root, out, summary.errors)
    assert again.tally["done"] == 1 and again.failed == 2
    sidecar = json.loads(next(out.rglob("p002*.json")).read_text())
    assert sidecar["metadata"] == {"shop": 2}


def test_errors_vanish_when_there_are_none_left(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(root, out, [{"person": "people/p000.jpg"}])
    assert (out / "errors.jsonl").exists()
    run(root, out)
    assert not (out / "errors.jsonl").exists()


def test_strict_does_nothing_if_a_row_is_wrong(root: Path, tmp_path: Path) -> None:
    rows = [
        {"person": "people/p000.jpg", "garment": "garments/g000.jpg"},
        {"person": "http://x/y.jpg", "garment": "garments/g000.jpg"},
        {"garment": 7},
    ]
    with pytest.raises(ManifestError, match=r"2 of 3 .*line 2: .*http.*line 3: "):
        run(root, tmp_path / "out", rows, strict=True)
    assert not (tmp_path / "out" / "looks").exists()


def test_rows_that_all_fail_alike_stop_the_batch(root: Path, tmp_path: Path) -> None:
    rows = [
        {"id": str(n), "person": "people/p000.jpg", "garment": "garments/g000.jpg"}
        for n in range(100)
    ]
    (root / "people" / "p000.jpg").write_bytes(b"nobody")
    seen: list[RowResult] = []
    with pytest.raises(BatchError, match="first 5 rows all fail with NoPersonError"):
        run(root, tmp_path / "out", rows, breaker=5, on_row=seen.append)
    assert len(seen) == 5
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["interrupted"]
    assert run(root, tmp_path / "out", rows, breaker=0).failed == 100


def test_one_success_keeps_the_batch_going(root: Path, tmp_path: Path) -> None:
    rows = [
        {"id": str(n), "person": "people/p000.jpg", "garment": "garments/g000.jpg"}
        | ({"prompt": "fail"} if n else {})
        for n in range(30)
    ]
    summary = run(root, tmp_path / "out", rows, breaker=5)
    assert summary.failed == 29 and summary.tally["failures"] == {"ValueError": 29}


def test_an_engine_that_cannot_be_opened_stops_the_batch(root: Path, tmp_path: Path) -> None:
    for workers in (0, 1):
        with pytest.raises(BatchError, match="there are no weights"):
            run(root, tmp_path / "out", engine=FakeSource(broken=True), workers=workers)


def test_a_stopped_batch_goes_on_where_it_was(root: Path, tmp_path: Path) -> None:
    whole = run(root, tmp_path / "whole")
    stop, out = threading.Event(), tmp_path / "out"
    count = 0

    def stop_after_three(result: RowResult) -> None:
        nonlocal count
        count += 1
        if count == 3:
            stop.set()

    first = run(root, out, stop=stop, on_row=stop_after_three)
    assert first.interrupted and 3 <= first.tally["done"] < 12
    assert len(ledger(first)) == first.tally["done"]
    rest = run(root, out)
    assert rest.tally["skipped"] == first.tally["done"] and not rest.interrupted
    assert pictures(out) == pictures(tmp_path / "whole")
    assert whole.tally["done"] == rest.tally["done"] + first.tally["done"]


def test_memory_that_is_short_halves_the_batch(root: Path, tmp_path: Path) -> None:
    engine = FakeEngine(FakeSource(most=2))
    summary = run(root, tmp_path / "out", engine=_Loaded(engine), batch_size=8)
    assert summary.tally["done"] == 12
    assert engine.batches[:2] == [8, 4] and max(engine.batches[2:]) <= 4
    assert {size for size in engine.batches if size <= 2} >= {2}
    assert pictures(tmp_path / "out")  # and the pictures are those of small batches
    run(root, tmp_path / "small", batch_size=1)
    assert pictures(tmp_path / "out") == pictures(tmp_path / "small")


def test_one_bad_row_does_not_take_its_batch_along(root: Path, tmp_path: Path) -> None:
    rows = [
        {"id": str(n), "person": "people/p000.jpg", "garment": "garments/g000.jpg"}
        | ({"prompt": "fail"} if n == 3 else {})
        for n in range(8)
    ]
    summary = run(root, tmp_path / "out", rows, batch_size=8)
    assert summary.tally["done"] == 7
    assert [line["id"] for line in ledger(summary) if line["status"] == "failed"] == ["3"]


def test_two_runs_do_not_write_to_one_folder(root: Path, tmp_path: Path) -> None:
    problems: list[Exception] = []

    def second(result: RowResult) -> None:
        if not problems:
            try:
                run(root, tmp_path / "out")
            except OutputError as error:
                problems.append(error)

    run(root, tmp_path / "out", on_row=second)
    assert "another run" in str(problems[0])


def test_columns_that_look_mistyped_are_warned_of(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    row = {"person": "people/p000.jpg", "garment": "garments/g000.jpg", "shop": "x", "step": 3}
    assert run(root, tmp_path / "out", [row]).tally["done"] == 1
    warned = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert len(warned) == 1 and "'step'" in warned[0] and "'steps'" in warned[0]


def test_unknown_options_are_named(root: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="'worker'"):
        run(root, tmp_path / "out", worker=2)
    with pytest.raises(OptionError, match="steps"):
        run(root, tmp_path / "out", defaults={"steps": 0})


class _Loaded:
    """A source for an engine that the test wants to look into."""

    revision = "fake-1"

    def __init__(self, engine: FakeEngine) -> None:
        self.engine = engine

    def open(self, worker: int) -> FakeEngine:
        return self.engine


def test_the_rows_that_failed_are_kept_when_they_are_tried_again(
    root: Path, tmp_path: Path
) -> None:
    out, stop = tmp_path / "out", threading.Event()
    (root / "people" / "p002.jpg").write_bytes(b"nobody")
    errors = Path(run(root, out).errors or "")
    before = errors.read_bytes()
    stop.set()
    assert run(root, out, errors, stop=stop).interrupted
    assert errors.read_bytes() == before, "what was not reached is still to be done"
    (root / "people" / "p002.jpg").write_bytes(b"somebody")
    assert run(root, out, errors).tally["done"] == 3
    assert not errors.exists()
    assert [f.read_bytes() for f in sorted((out / "runs").glob("*.rows.jsonl"))] == [before] * 2


def test_a_report_never_takes_the_manifests_place(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    manifest = out / "results.csv"
    manifest.write_text("person,garment\npeople/p000.jpg,garments/g000.jpg\n")
    (tmp_path / "link.csv").symlink_to(manifest)
    with pytest.raises(OutputError, match="write over the input"):
        run(root, out, str(tmp_path / "link.csv"))
    assert list(out.iterdir()) == [manifest]


def test_the_table_has_a_row_for_each_of_the_manifest(root: Path, tmp_path: Path) -> None:
    (root / "people" / "p001.jpg").write_bytes(b"nobody")
    rows = [{"person": f"people/p00{n}.jpg", "garment": "garments/g000.jpg"} for n in range(3)]
    summary = run(root, tmp_path / "out", [*rows, {"person": "../x", "garment": "g"}])
    with open(tmp_path / "out" / "results.csv", encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["line"] for row in table] == ["1", "2", "3", "4"]
    assert [row["status"] for row in table] == ["done", "failed", "done", "failed"]
    assert (tmp_path / "out" / table[0]["image"]).is_file() and table[0]["category"] == "upper"
    assert table[1]["error"] == "NoPersonError" and float(table[0]["pose"]) >= 0
    assert table[3]["person"] == "../x"
    assert [Path(name).name for name in summary.results][:1] == ["results.csv"]
    pyarrow = pytest.importorskip("pyarrow.parquet", reason="Parquet needs pyarrow")
    found = pyarrow.read_table(tmp_path / "out" / "results.parquet").to_pylist()
    assert [str(row["line"]) for row in found] == [row["line"] for row in table]
    assert found[1]["reason"] == table[1]["reason"] and found[1]["image"] is None


def test_pictures_may_have_names_of_the_shops_own(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    rows = [
        {"person": f"people/p00{n}.jpg", "garment": "garments/g000.jpg", "view": f"v{n}"}
        | ({"format": "png"} if n else {})
        for n in range(2)
    ]
    run(root, out, rows, name="{garment}_{view}")
    names = ["g000_v0.jpg", "g000_v0.json", "g000_v1.json", "g000_v1.png"]
    assert sorted(p.name for p in (out / "looks").iterdir()) == names
    assert run(root, out, rows, name="{garment}_{view}").tally["skipped"] == 2
    changed = run(root, out, rows, name="{garment}_{view}", defaults={"steps": 3})
    assert changed.tally["done"] == 2
    assert sorted(p.name for p in (out / "looks").iterdir()) == names
    once_more = {"person": "out/looks/g000_v0.jpg", "garment": "in/garments/g000.jpg", "view": "x"}
    chained = run(tmp_path, out, [once_more], name="{view}")
    assert chained.failed == 1 and "may be replaced" in chained.tally["causes"][0]["reason"]
    before = pictures(out)
    with pytest.raises(ManifestError, match="line 2.*g000.*line 1 already"):
        run(root, out, rows, name="{garment}")
    assert pictures(out) == before


def test_what_many_rows_fail_of_is_one_hint(root: Path, tmp_path: Path) -> None:
    for number in range(3):
        (root / "people" / f"p00{number}.jpg").write_bytes(b"nobody")
    (cause,) = run(root, tmp_path / "out").tally["causes"]
    assert cause["count"] == 9 and cause["kind"] == "NoPersonError"
    assert cause["reason"] == "nobody is in the photo"
