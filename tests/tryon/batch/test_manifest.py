from __future__ import annotations

import csv
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.tryon.batch.fake_engine import write_inputs
from tryon.batch.inputs import Inputs
from tryon.batch.manifest import Manifest, likely_typing_errors
from tryon.batch.naming import NameTemplate
from tryon.batch.rows import BadRow, Row
from tryon.errors import DependencyError, InputError, OptionError

GOOD: dict[str, Any] = {
    "id": "one",
    "person": "people/p000.jpg",
    "garment": "garments/g000.jpg",
    "category": "upper",
    "seed": 7,
    "lora": ["linen:0.5"],
    "colour_match": False,
    "shop": "de",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_inputs(tmp_path, people=3, garments=2)
    return tmp_path


def rows_of(source: Any, root: Path) -> list[Row | BadRow]:
    return list(Manifest(source, Inputs(root)))


def good(rows: list[Row | BadRow]) -> list[Row]:
    assert all(isinstance(row, Row) for row in rows), rows
    return [row for row in rows if isinstance(row, Row)]


def write_jsonl(path: Path, record: dict[str, Any]) -> Path:
    path.write_text("# a comment\n\n" + json.dumps(record) + "\n")
    return path


def write_csv(path: Path, record: dict[str, Any]) -> Path:
    record = record | {"lora": ";".join(record["lora"])}
    with open(path, "w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file, delimiter=";" if path.stem == "german" else ",")
        table.writerow([*record, "guidance"])
        table.writerow([*record.values(), ""])
    return path


def write_parquet(path: Path, record: dict[str, Any]) -> Path:
    pyarrow = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    import pyarrow.parquet as parquet

    parquet.write_table(pyarrow.Table.from_pylist([record | {"guidance": None}]), path)
    return path


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("m.jsonl", write_jsonl),
        ("m.csv", write_csv),
        ("german.csv", write_csv),
        ("m.parquet", write_parquet),
    ],
)
def test_all_formats_say_the_same(
    root: Path, name: str, write: Callable[[Path, dict[str, Any]], Path]
) -> None:
    (row,) = good(rows_of(write(root / name, GOOD), root))
    assert row.id == "one" and row.seed == 7 and row.metadata == {"shop": "de"}
    assert row.options == {
        "category": "upper",
        "seed": 7,
        "lora": ("linen:0.5",),
        "colour_match": False,
    }


def test_a_record_comes_back_as_it_was(root: Path) -> None:
    (row,) = good(rows_of([GOOD], root))
    assert row.as_record() == GOOD
    (again,) = good(rows_of([row.as_record() | {"error": {"kind": "Any"}}], root))
    assert again == row


def test_a_cross_product_is_spread_out(root: Path) -> None:
    people = ["people/p000.jpg", "people/p002.jpg"]
    (root / "m.jsonl").write_text(
        json.dumps({"people": people, "garments": "garments", "steps": 3, "id": "s"}) + "\n"
    )
    rows = good(rows_of(root / "m.jsonl", root))
    assert [row.id for row in rows] == [
        "s__p000__g000",
        "s__p000__g001",
        "s__p002__g000",
        "s__p002__g001",
    ]
    assert {row.options["steps"] for row in rows} == {3}
    assert len({row.seed for row in rows}) == 4
    pattern = rows_of([{"people": "people/p00[01].jpg", "skus": ["a-1", "a-2"]}], root)
    assert [row.sku for row in good(pattern)] == ["a-1", "a-2"] * 2


def test_a_large_product_takes_no_memory(root: Path) -> None:
    names = [f"people/p{n}.jpg" for n in range(100)]
    manifest = Manifest([{"people": names, "garments": names}], Inputs(root))
    peaks = []
    for count in (1_000, 10_000):
        tracemalloc.start()
        for number, row in enumerate(manifest):
            assert isinstance(row, Row)
            if number == count - 1:
                break
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 300_000


def test_seeds_come_from_ids_alone(root: Path) -> None:
    plain = {"person": "people/p000.jpg", "garment": "garments/g000.jpg"}
    (a,) = good(rows_of([plain | {"id": "a"}], root))
    (_, b) = good(rows_of([plain | {"id": "z"}, plain | {"id": "a", "steps": 4}], root))
    assert a.seed == b.seed == 222_752_054_364_699  # the first 6 bytes of sha256("a")


def test_ids_that_no_file_can_have_do_not_collide(root: Path) -> None:
    plain = {"person": "people/p000.jpg", "garment": "garments/g000.jpg"}
    names = ["a b", "a-b", "a/b", "a~b", "ä", "..", "A" * 200, "A" * 199]
    stems = [row.stem for row in good(rows_of([plain | {"id": name} for name in names], root))]
    assert len(set(stems)) == len(names)
    assert all(stem.isascii() and ".." not in stem and len(stem) < 100 for stem in stems)


def test_names_that_are_taken_are_told_with_their_first_line(root: Path) -> None:
    plain = {"person": "people/p000.jpg", "garment": "garments/g000.jpg"}
    rows = rows_of(
        [plain, plain, plain | {"id": "x", "output": "y"}, plain | {"id": "z", "output": "y"}], root
    )
    assert isinstance(rows[1], BadRow) and "stands on line 1 already" in rows[1].reason
    assert isinstance(rows[3], BadRow) and "'y' stands on line 3" in rows[3].reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"person": None}, "no person"),
        ({"person": 7}, "person is a number"),
        ({"person": ""}, "person is empty"),
        ({"person": "../../etc/passwd"}, "climbs out"),
        ({"person": "/etc/passwd"}, "outside the root"),
        ({"person": "link.jpg"}, "outside the root"),
        ({"person": "http://a/b.jpg"}, "only paths below the root"),
        ({"person": "file:///etc/passwd"}, "only paths below the root"),
        ({"person": "s3:bucket/key"}, "only paths below the root"),
        ({"person": "zip://a::http://b"}, "chained"),
        ({"person": "simplecache::s3://b/c"}, "chained"),
        ({"person": "a\0b"}, "control characters"),
        ({"person": "=cmd|' /C calc'!A0"}, "formula"),
        ({"id": "@SUM(A1)"}, "formula"),
        ({"id": "x" * 201}, "201 characters"),
        ({"id": "a\nb"}, "control characters"),
        ({"garment": None}, "neither a garment nor a sku"),
        ({"sku": "a"}, "both a garment and a sku"),
        ({"mask": "../m.png"}, "climbs out"),
        ({"lora": "../x.safetensors"}, "climbs out"),
        ({"prompt": "red <lora:../x:1>"}, "climbs out"),
        ({"lora": {"a": 1}}, "lora is neither"),
        ({"lora": ["a"] * 17}, "too many"),
        ({"output": "../x"}, "output is '../x'"),
        ({"output": "/x"}, "output is '/x'"),
        ({"output": ".unfinished/x"}, "output is"),
        ({"category": "hat"}, "category is 'hat'"),
        ({"category": ["upper"]}, "category is"),
        ({"steps": 0}, "steps is 0"),
        ({"steps": 10**400}, "steps is"),
        ({"steps": "7"}, "steps is '7'"),
        ({"steps": True}, "steps is True"),
        ({"seed": -1}, "seed is -1"),
        ({"guidance": float("nan")}, "guidance is nan"),
        ({"colour_match": "yes"}, "colour_match must be"),
        ({"prompt": "x" * 5000}, "longer than 4096"),
        ({"prompt": 5}, "prompt must be text"),
        ({"note": "x" * 20_000}, "unknown columns hold"),
        ({"note": "a\0"}, "NUL"),
        ({"note": {1, 2}}, "not JSON"),
        ({"x\0": 1}, "a column's name"),
        ({"people": "people"}, "no person of its own"),
    ],
)
def test_what_is_wrong_with_a_row_is_told(
    root: Path, tmp_path_factory: pytest.TempPathFactory, change: dict[str, Any], reason: str
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secret.jpg"
    outside.write_bytes(b"secret")
    (root / "link.jpg").symlink_to(outside)
    plain = {"id": "one", "person": "people/p000.jpg", "garment": "garments/g000.jpg"}
    (row,) = rows_of([plain | change], root)
    assert isinstance(row, BadRow) and reason in row.reason and row.line == 1


def test_everything_wrong_with_a_row_is_told_at_once(root: Path) -> None:
    (row,) = rows_of([{"person": 7, "steps": 0, "output": ".."}], root)
    assert isinstance(row, BadRow) and row.reason.count(";") == 3


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b'{"person": NaN}', "NaN is not a number"),
        (b'{"person": "a", "person": "b"}', "twice"),
        (b'{"person": "\xff"}', "not UTF-8"),
        (b'{"person": "\\ud800"}', "surrogate"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"steps": ' + b"9" * 5000 + b"}", "not JSON"),
        (b'{"people": ["a"]}', "garments is neither"),
        (b'{"people": "nowhere", "garments": "garments"}', "nowhere"),
        (b'{"people": "../..", "garments": "garments"}', "climbs out"),
        (b'{"people": [], "garments": "garments"}', "people is neither"),
        (b'{"people": [{}], "garments": "garments"}', "people is neither"),
    ],
)
def test_a_broken_line_does_not_hide_the_others(root: Path, line: bytes, reason: str) -> None:
    fine = json.dumps({"person": "people/p000.jpg", "garment": "garments/g000.jpg"}).encode()
    (root / "m.jsonl").write_bytes(line + b"\n" + fine + b"\n")
    bad, row = rows_of(root / "m.jsonl", root)
    assert isinstance(bad, BadRow) and bad.line == 1 and reason in bad.reason
    assert isinstance(row, Row) and row.line == 2


def test_cells_of_a_table_are_read_as_their_column_wants(root: Path) -> None:
    (root / "m.csv").write_text(
        "person,garment,steps,colour_match,note,shop\n"
        "people/p000.jpg,garments/g000.jpg,4,yes,-3.5,\n"
        'people/p001.jpg,garments/g000.jpg,four,no,"a\nb",\n'
        "people/p002.jpg,garments/g000.jpg,,,=1+1,\n"
        "people/p002.jpg,garments/g000.jpg,,,,,,\n"
        "people/p002.jpg,garments/g001.jpg,,maybe,,\n"
    )
    rows = rows_of(root / "m.csv", root)
    first = rows[0]
    assert isinstance(first, Row)
    assert first.options == {"steps": 4, "colour_match": True}
    assert first.metadata == {"note": "-3.5"}
    told = [(row.line, row.reason) for row in rows[1:] if isinstance(row, BadRow)]
    assert [line for line, _ in told] == [3, 5, 6, 7]
    for (_, reason), part in zip(told, ("'four'", "formula", "8 cells", "'maybe'"), strict=True):
        assert part in reason


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("m.xml", b"", "names no format"),
        ("m.xlsx", b"PK", "a workbook.*CSV UTF-8"),
        ("m.csv", b"a,b\n1,2\n", "names no column 'person'"),
        ("m.csv", b"person,person\n", "a column twice"),
        ("m.parquet", b"not parquet", "not a Parquet file"),
    ],
)
def test_a_file_that_is_no_manifest_is_refused(
    root: Path, name: str, content: bytes, reason: str
) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    (root / name).write_bytes(content)
    with pytest.raises(InputError, match=reason):
        rows_of(root / name, root)
    with pytest.raises(InputError, match="cannot be read"):
        rows_of(root / "nowhere.jsonl", root)


def test_parquet_without_pyarrow_says_what_to_install(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (root / "m.parquet").write_bytes(b"")
    with pytest.raises(DependencyError, match=r"tryon\[parquet\]"):
        rows_of(root / "m.parquet", root)


def test_columns_that_look_mistyped_are_noticed() -> None:
    assert likely_typing_errors(["categroy", "shop", "person", "step"]) == {
        "categroy": "category",
        "step": "steps",
    }


TABLE = "person,garment,상점\np.jpg,g.jpg,서울\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp949"])
def test_what_excel_writes_is_read(root: Path, encoding: str) -> None:
    text = TABLE.replace(",", "\t") if encoding == "utf-16" else TABLE
    name = "m.txt" if encoding == "utf-16" else "m.csv"
    (root / name).write_bytes(text.encode(encoding))
    (row,) = Manifest(root / name, Inputs(root))
    assert isinstance(row, Row) and row.metadata == {"상점": "서울"}


def test_other_letters_are_not_taken_for_korean(root: Path) -> None:
    table = "person,garment,shop\np.jpg,g.jpg,Gro\xdfe M\xfcller\n"
    (root / "m.csv").write_bytes(table.encode("latin-1"))
    (row,) = Manifest(root / "m.csv", Inputs(root))
    assert isinstance(row, BadRow) and "CSV UTF-8" in row.reason


def test_json_lines_of_a_power_shell_are_read(root: Path) -> None:
    text = '# a comment\r\n{"person": "p.jpg", "garment": "g.jpg", "shop": "서울"}\r\n'
    (root / "m.jsonl").write_bytes(text.encode("utf-16"))
    (row,) = Manifest(root / "m.jsonl", Inputs(root))
    assert isinstance(row, Row) and row.metadata == {"shop": "서울"} and row.line == 2


def test_columns_named_like_options_are_options_or_refused(root: Path) -> None:
    one = {"person": "p.jpg", "garment": "g.jpg"}
    (row,) = Manifest([one | {"preset": "google", "format": ".PNG"}], Inputs(root))
    assert isinstance(row, Row) and row.rendering == {"preset": "google", "format": "png"}
    assert row.as_record() | {"id": 0} == one | {"preset": "google", "format": "png", "id": 0}
    wrong = [{"size": "XL"}, {"workers": 3}, {"preset": "ebay"}, {"format": "gif"}]
    for column, bad in zip(wrong, Manifest([one | w for w in wrong], Inputs(root)), strict=True):
        assert isinstance(bad, BadRow) and next(iter(column)) in bad.reason


def test_pictures_are_named_as_asked(root: Path) -> None:
    one = {"person": "people/p.jpg", "garment": "g.jpg", "sku": None, "view": "앞 모습/1"}
    template = NameTemplate("{garment}/{person}_{view}")
    rows = list(Manifest([one, one | {"id": "2", "view": ""}], Inputs(root), template))
    assert isinstance(rows[0], Row) and rows[0].name == "g/p_앞-모습-1"
    assert isinstance(rows[1], BadRow) and "'view'" in rows[1].reason
    same = [one | {"id": "a"}, one | {"id": "b", "view": "앞 모습-1"}]
    _, collision = Manifest(same, Inputs(root), template)
    assert isinstance(collision, BadRow) and collision.collides and "line 1" in collision.reason


@pytest.mark.parametrize("text", ["shirt", "{}", "{sku", "{sku.strip}", "{sku!r}", "{sku:>9}"])
def test_a_name_without_columns_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match="name"):
        NameTemplate(text)
