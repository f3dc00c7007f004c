from __future__ import annotations

import re
from base64 import b64decode, b64encode
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tryon.batch.contact_sheet import contact_sheet
from tryon.batch.inputs import Inputs
from tryon.batch.job import Failure, RowResult
from tryon.batch.order import chunks, grouped
from tryon.batch.outputs import Outputs
from tryon.batch.rows import Row
from tryon.batch.tally import WORST, Durations, Tally, quality


def result(n: int, status: Any = "done", **scores: float) -> RowResult:
    row = Row(f"r{n}", n, f"p{n}", f"g{n}")
    failure = Failure("read", scores.pop("kind", "NoPersonError"), "nobody")  # type: ignore[arg-type]
    return RowResult(
        row,
        status,
        image=None if status == "failed" else f"looks/{n}.jpg",
        scores=scores,
        seconds={"read": 0.1, "denoise": 0.4},
        failure=failure if status == "failed" else None,
    )


def test_rows_are_counted_and_times_added_up() -> None:
    tally = Tally(total=10, unusable=2)
    for n in range(4):
        tally.add(result(n))
    tally.add(result(5, "skipped"))
    tally.add(result(6, "failed"))
    assert (tally.seen, tally.failed, tally.limit) == (8, 3, "denoise")
    record = tally.as_record()
    assert record["failures"] == {"NoPersonError": 1}
    assert record["stages"]["denoise"]["seconds"] == pytest.approx(1.6)
    assert record["stages"]["denoise"]["share"] == pytest.approx(0.8)
    assert record["stages"]["denoise"]["p50"] == pytest.approx(0.4, rel=0.05)
    left = tally.seconds_left
    assert left is not None and left == pytest.approx(tally.seconds / 6 * 2, rel=0.2)


def test_quantiles_hold_to_five_per_cent() -> None:
    durations = Durations()
    for n in range(1, 1001):
        durations.add(n / 1000)
    assert durations.quantile(0.5) == pytest.approx(0.5, rel=0.05)
    assert durations.quantile(0.95) == pytest.approx(0.95, rel=0.05)


def test_only_rows_that_all_fail_alike_are_alike() -> None:
    def failed(*kinds: str) -> Tally:
        tally = Tally()
        for n, kind in enumerate(kinds):
            tally.add(result(n, "failed", kind=kind))  # type: ignore[arg-type]
        return tally

    assert failed("A", "A", "A").alike(3) == "A"
    assert failed("A", "A").alike(3) is None
    assert failed("A", "B", "A").alike(3) is None
    assert failed("A", "A", "A").alike(0) is None
    tally = failed("A", "A", "A")
    tally.add(result(9))
    assert tally.alike(3) is None


def test_the_worst_come_first_and_the_best_are_dropped() -> None:
    tally = Tally()
    for n in range(2 * WORST):
        tally.add(result(n, pose=1 - n / 1000, likeness=0.99))
    worst = [quality(item) for item in tally.worst_first()]
    assert len(worst) == WORST and worst == sorted(worst)
    assert worst[0] == pytest.approx(1 - (2 * WORST - 1) / 1000)


def test_quality_is_the_lower_score() -> None:
    assert quality(result(1, pose=0.9, likeness=0.4, repainted=0.1)) == 0.4
    assert quality(result(1)) == 1.0


def test_the_sheet_shows_the_worst_first_and_runs_nothing(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    outputs = Outputs(tmp_path / "out")
    (tmp_path / "out" / "looks").mkdir(parents=True)
    Image.new("RGB", (900, 1200), "red").save(tmp_path / "in" / "p1", "JPEG")
    Image.new("RGBA", (600, 600), (0, 0, 255, 0)).save(tmp_path / "in" / "g1", "PNG")
    Image.new("RGB", (900, 1200), "green").save(tmp_path / "out" / "looks" / "1.jpg")
    bad = RowResult(Row("<script>alert(1)</script>", 2, "p1", "g1"), "done", "looks/none.jpg")
    page = contact_sheet(
        [result(1, pose=0.2), bad],
        [{"line": 3, "id": "<b>", "kind": "RowError", "reason": "\"'><img src=x>"}],
        {"rows": 2},
        Inputs(tmp_path / "in"),
        outputs,
    )
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    allowed = b64encode(sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{allowed}'" in page
    assert page.count("<script") == 1 and "<b>" not in page.replace("<b>r1</b>", "").replace(
        "<b>&lt;script", ""
    )
    assert "<img src=x>" not in page and "default-src 'none'" in page
    assert page.index("r1") < page.index("&lt;script&gt;alert")
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    data = re.findall(r'alt="(\w+)" src="data:image/jpeg;base64,([^"]+)"', page)
    assert [name for name, _ in data] == ["person", "garment", "picture", "person", "garment"]
    sizes = [Image.open(BytesIO(b64decode(content))).size for _, content in data[:3]]
    assert sizes == [(192, 256), (256, 256), (192, 256)]


def test_rows_that_share_work_are_neighbours() -> None:
    rows = [Row(f"{n}", n, f"p{n % 3}", f"g{n % 5}") for n in range(30)]
    people = [row.person for row in grouped(rows, 30)]
    assert people == sorted(people)
    assert sorted(grouped(rows, 7), key=lambda row: row.line) == rows


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_chunks_shrink_so_that_all_end_together(workers: int) -> None:
    rows = [Row(f"{n}", n, "p", "g") for n in range(500)]
    sizes = []
    seen: list[Row] = []
    for chunk in chunks(iter(rows), len(rows), workers):
        sizes.append(len(chunk))
        seen += chunk
    assert seen == rows
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] == 1 and sizes[0] <= 32


def test_remote_inputs_are_read_through_their_store() -> None:
    import fsspec

    from tryon.errors import ImageNotFoundError

    store = fsspec.filesystem("memory")
    store.pipe_file("/shop/people/a.jpg", b"photo")
    store.pipe_file("/shop/people/note.txt", b"note")
    inputs = Inputs("memory://shop")
    assert inputs.listed("people") == ["people/a.jpg"]
    place = inputs.locate("people/a.jpg")
    with inputs.local_file(place) as path:
        assert path.read_bytes() == b"photo" and path.suffix == ".jpg"
    assert not path.exists()
    first = inputs.sha256(place)
    store.pipe_file("/shop/people/a.jpg", b"other")
    assert inputs.sha256(place) != first
    with pytest.raises(ImageNotFoundError, match="nowhere"):
        inputs.sha256(inputs.locate("nowhere.jpg"))
