from __future__ import annotations

from PIL import Image

from tryon.evaluation.sheet import captioned_rows, picture_grid


def plain(colour: str, size: tuple[int, int] = (30, 40)) -> Image.Image:
    return Image.new("RGB", size, colour)


def test_pictures_lie_between_their_person_and_their_garment() -> None:
    left = {"a": plain("red"), "b": plain("blue")}
    top = {"x": plain("lime"), "y": plain("white", (60, 40))}
    sheet = picture_grid(left, top, {("b", "x"): plain("black", (300, 400))}, 40)
    assert sheet.size == (90, 120)
    assert sheet.getpixel((15, 60)) == (255, 0, 0)
    assert sheet.getpixel((15, 100)) == (0, 0, 255)
    assert sheet.getpixel((45, 20)) == (0, 255, 0)
    assert sheet.getpixel((45, 100)) == (0, 0, 0)
    empty = sheet.getpixel((75, 100))
    assert empty == sheet.getpixel((0, 0)) == sheet.getpixel((62, 2))


def test_rows_stand_side_by_side_under_their_captions() -> None:
    rows = [("one", [plain("red"), plain("blue")]), ("two", [plain("lime")]), ("three", [])]
    sheet = captioned_rows(rows, 40, across=2)
    assert sheet.size == (120, 112)
    assert sheet.getpixel((15, 36)) == (255, 0, 0) and sheet.getpixel((45, 36)) == (0, 0, 255)
    assert sheet.getpixel((75, 36)) == (0, 255, 0)
    captions = sheet.crop((0, 56, 60, 72)).convert("L")
    assert captions.getextrema()[0] < 100
    assert sheet.crop((60, 56, 120, 112)).getcolors() == [(60 * 56, (236, 236, 236))]
