"""The contact sheet in a browser: filtered, decided on, and saved as a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from tryon.batch.contact_sheet import contact_sheet
from tryon.batch.inputs import Inputs
from tryon.batch.job import RowResult
from tryon.batch.manifest import Manifest
from tryon.batch.outputs import Outputs
from tryon.batch.rows import Row


def test_what_is_rejected_is_a_manifest_with_other_seeds(browser: Any, tmp_path: Path) -> None:
    Image.new("RGB", (60, 80), "red").save(tmp_path / "photo.jpg")
    results = [
        RowResult(
            Row(f"</script><b>{n}", n, "photo.jpg", "photo.jpg", metadata={"shop": "de"}),
            "done",
            image=f"looks/{n}.jpg",
            scores={"pose": 0.3 if n == 1 else 0.9},
            category="upper",
        )
        for n in range(1, 4)
    ]
    page_file = tmp_path / "contact-sheet.html"
    html = contact_sheet(results, [], {"rows": 3}, Inputs(tmp_path), Outputs(tmp_path))
    page_file.write_text(html, "utf-8")
    page = browser.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(page_file.as_uri())
    assert page.locator("figure:visible").count() == 3
    page.select_option("#doubt", "pose")
    assert page.locator("figure:visible").count() == 1
    assert "the pose is not sure" in page.locator("figure:visible").inner_text()
    page.locator("figure:visible >> text=Reject").click()
    page.select_option("#doubt", "")
    page.select_option("#verdict", "none")
    page.click("#approve-shown")
    saved = {}
    for verdict in ("rejected", "approved"):
        with page.expect_download() as download:
            page.click(f"#save-{verdict}")
        saved[verdict] = tmp_path / f"{verdict}.jsonl"
        download.value.save_as(saved[verdict])
    page.close()
    assert complaints == []
    (again,) = Manifest(saved["rejected"], Inputs(tmp_path))
    assert isinstance(again, Row) and again.id == results[0].row.id
    assert again.seed == results[0].row.seed + 1
    assert again.metadata == {"shop": "de", "verdict": "rejected"}
    kept = list(Manifest(saved["approved"], Inputs(tmp_path)))
    assert [row.seed for row in kept if isinstance(row, Row)] == [r.row.seed for r in results[1:]]
