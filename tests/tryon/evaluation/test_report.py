from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from PIL import Image

from tryon.errors import OutputError
from tryon.evaluation.report import Failure, Report, Row, Table, grouped_overall, shown

ROWS = tuple(
    Row(case, group, method, {"psnr": psnr, "delta_e": delta})
    for case, group, method, psnr, delta in (
        ("1", "upper", "warp", 20.0, 5.0),
        ("1", "upper", "pasted", 14.0, 6.0),
        ("2", "upper", "warp", 22.0, 9.0),
        ("2", "upper", "pasted", 23.0, 10.0),
        ("3", "lower", "warp", 18.0, 4.0),
        ("3", "lower", "pasted", math.nan, 3.0),
    )
)
TABLE = Table("Try-on", (*ROWS, *grouped_overall(ROWS)), "In dB.", ("psnr",))
REPORT = Report("synthetic", {"count": 2}, (TABLE,), (Failure("4", "dress", "all", "lost"),))


def test_averages_are_by_group_and_method() -> None:
    means = TABLE.averages()
    assert means["upper", "warp"]["psnr"].value == 21
    assert means["upper", "warp"]["psnr"].error == pytest.approx(1)  # sqrt(2) / sqrt(2)
    assert means["all", "warp"]["delta_e"].value == 6
    rows = (*ROWS, Row("5", "upper", "warp", {"psnr": 90.0, "delta_e": 7.0}))
    middle = Table("", rows, medians=("psnr",)).averages()["upper", "warp"]
    assert middle["psnr"].value == 22
    assert middle["delta_e"].value == 7


def test_what_was_not_measured_is_left_out() -> None:
    means = TABLE.averages()
    assert means["all", "pasted"]["psnr"].count == 2
    assert means["lower", "pasted"]["psnr"].count == 0
    assert shown(means["lower", "pasted"]["psnr"]) == "–"


def test_wins_know_which_way_is_better() -> None:
    assert TABLE.wins("warp", "psnr") == {
        ("upper", "pasted"): (1, 2),
        ("all", "pasted"): (1, 2),
    }
    assert TABLE.wins("warp", "delta_e") == {
        ("upper", "pasted"): (2, 2),
        ("lower", "pasted"): (0, 1),
        ("all", "pasted"): (2, 3),
    }


def test_markdown_has_a_line_for_each_group_and_method() -> None:
    text = REPORT.markdown()
    assert "| upper | warp | 2 | 21.00 ± 1.00 |" in text
    assert "| lower | pasted | 1 | – |" in text
    assert "delta_e" not in text.replace("In dB.", "")
    assert "* dress 4, all: lost" in text


def test_json_has_every_row_and_no_nan(tmp_path: Path) -> None:
    sheet = {"warp.png": Image.new("RGB", (4, 4))}
    report = Report("synthetic", {}, (TABLE,), pictures=sheet)
    written = report.write(tmp_path / "out")
    assert [path.name for path in written] == ["report.json", "report.md", "warp.png"]
    assert all(path.is_file() for path in written)
    said = json.loads(written[0].read_text("utf-8"))
    rows = said["tables"][0]["rows"]
    assert rows[0] == {"case": "1", "group": "upper", "method": "warp", "psnr": 20, "delta_e": 5}
    assert rows[5]["psnr"] is None
    assert len(rows) == len(TABLE.rows)


def test_a_report_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        REPORT.write(tmp_path / "file")


def test_tables_are_found_by_their_titles() -> None:
    assert REPORT.table("Try-on") is TABLE
    with pytest.raises(KeyError):
        REPORT.table("Prints")
