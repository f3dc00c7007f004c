"""200 rows that mean harm or make no sense, and good ones among them, through the real engine."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from shutil import copy
from typing import Any

import pytest
from PIL import Image

from tryon import TryOn
from tryon.batch import run_batch

PERSON = {"person": "person.png", "category": "upper"}
FINE = PERSON | {"garment": "shirt.png"}


def png_bomb(path: Path) -> None:
    """A few bytes that claim to be 30 000 x 30 000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(10_000))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def broken_photos(root: Path) -> list[str]:
    """Files that are found, and are no photos that can be used."""
    png_bomb(root / "bomb.png")
    (root / "empty.jpg").write_bytes(b"")
    (root / "text.jpg").write_text("<html>404</html>")
    (root / "cut.png").write_bytes((root / "person.png").read_bytes()[:20_000])
    Image.new("RGB", (300, 400), "white").save(root / "blank.png")
    Image.new("RGB", (8, 8)).save(root / "tiny.png")
    frames = [Image.new("RGB", (300, 300), colour) for colour in ("red", "blue")]
    frames[0].save(root / "moving.webp", save_all=True, append_images=frames[1:])
    (root / "folder.jpg").mkdir()
    return ["bomb.png", "empty.jpg", "text.jpg", "cut.png", "blank.png", "tiny.png", "moving.webp",
            "folder.jpg", "nowhere.jpg"]  # fmt: skip


PLACES = [
    *(
        "../person.png",
        "/etc/passwd",
        "a/../../b.jpg",
        "..\\..\\b.jpg",
        "~root/../x",
        "outside.png",
    ),
    *(
        "http://a/b.jpg",
        "https://a/b.jpg",
        "ftp://a/b.jpg",
        "file:///etc/passwd",
        "data:image/png,x",
    ),
    *("zip://a.zip::http://b", "simplecache::s3://a/b", "s3:a", "gopher://x", "\\\\server\\share"),
    *(
        "",
        " ",
        "a\0b",
        "a\nb",
        "\x1b[2J",
        "a\u202eb",
        "x" * 2000,
        "=1+1",
        "@SUM(1)",
        "+cmd|x",
        "\t=1",
    ),
    *(7, 1.5, True, [], ["person.png"], {}, {"path": "person.png"}),
]
VALUES: list[tuple[str, Any]] = [
    *(("category", value) for value in ("hat", "", 7, ["upper"], {"a": 1})),
    *(("steps", value) for value in (0, -1, 10**9, "7", 1.5, True, [3])),
    *(("seed", value) for value in (-1, 2**63, "x", 0.5)),
    *(("guidance", value) for value in (0, 1e9, "high")),
    *(("strength", value) for value in (0, 2, "all")),
    *(("lora", value) for value in ("../x", "http://x/y", 7, ["a"] * 99, ["x" * 2000], {"a": 1})),
    *(("lora", value) for value in ("shirt.png:9", "nowhere", "/etc/passwd")),
    *(("prompt", value) for value in ("x" * 5000, 7, "a\0b", "<lora:../x>", "<lora:>")),
    *(
        ("output", value)
        for value in ("../x", "/x", "a/../b", ".hidden", "a//b", "a\\b", "x" * 300)
    ),
    *(("output", value) for value in ("CON?", "a:b", "é/ü", 7)),
    *(("id", value) for value in ("x" * 300, "a\0b", "=1", 7, "", None)[:5]),
    *(("mask", value) for value in ("../m.png", "http://m", "nowhere.png", 3)),
    *(("sku", value) for value in ("a", "../a", 7)),
    *(("note", value) for value in ("x" * 20_000, "a\0b", {"deep": ["x" * 20_000]})),
    *(("people", value) for value in ("..", "person.png", 7, ["person.png"])),
    *(("colour_match", value) for value in ("yes", 1, None)[:2]),
    *(("mask_mode", value) for value in ("or", 1)),
]
LINES = [
    *(b"{", b"}", b"[]", b"null", b"7", b'"text"', b"not json", b"{'a': 1}", b'{"a": 1,}'),
    *(
        b'{"person": NaN}',
        b'{"person": Infinity}',
        b'{"a": 1, "a": 2}',
        b"\xff\xfe{}",
        b'{"\xff": 1}',
    ),
    *(
        b'{"person": "\\ud800"}',
        b'{"a":' * 50_000,
        b"[" * 100_000,
        b'{"steps": ' + b"9" * 9000 + b"}",
    ),
    *(b"{}", b'{"person": "person.png"}', b'{"garment": "shirt.png"}', b'{"x": 1}', b"\0", b"{\0}"),
]


@pytest.fixture
def root(tmp_path: Path, astronaut: Path, shirt: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    copy(astronaut, folder / "person.png")
    copy(shirt, folder / "shirt.png")
    copy(shirt, tmp_path / "secret.png")
    (folder / "outside.png").symlink_to(tmp_path / "secret.png")
    return folder


def test_every_hostile_row_is_told_and_the_good_ones_are_done(root: Path, tmp_path: Path) -> None:
    hostile = [FINE | {"person": place} for place in PLACES]
    hostile += [FINE | {"garment": place} for place in PLACES]
    hostile += [FINE | {"mask": place} for place in PLACES]
    hostile += [FINE | {name: value} for name, value in VALUES]
    broken = broken_photos(root)
    hostile += [FINE | {"person": name} for name in broken]
    hostile += [PERSON | {"garment": name} for name in broken]
    for number, row in enumerate(hostile):
        row.setdefault("id", f"hostile-{number}")
    lines = [json.dumps(row).encode() for row in hostile] + LINES
    lines += [json.dumps(FINE | {"id": "good-0"}).encode()] * 3  # two are duplicates
    assert len(lines) >= 200
    for number in range(3):
        good = json.dumps(FINE | {"id": f"good-{number}", "steps": 1 + number}).encode()
        lines.insert(number * 80, good)
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_bytes(b"\n".join(lines) + b"\n")

    summary = run_batch(manifest, tmp_path / "out", TryOn("none"), root=str(root), wait=0.01)

    letters = [json.loads(line) for line in Path(summary.errors or "").read_text().splitlines()]
    told = {letter["error"]["line"]: letter["error"]["reason"] for letter in letters}
    expected = {n for n, line in enumerate(lines, 1) if b'"good-' not in line or n > 160}
    expected -= {161}
    assert summary.tally["done"] == 3
    assert set(told) == expected and len(letters) == len(expected)
    assert all(len(reason) > 5 for reason in told.values())
    found = sorted(p.name for p in (tmp_path / "out" / "looks").rglob("*.jpg"))
    assert [name[:6] for name in found] == ["good-0", "good-1", "good-2"]
    page = Path(summary.sheet or "").read_text()
    assert page.count("<script") == 1 and "\x1b" not in page  # the sheet's own
