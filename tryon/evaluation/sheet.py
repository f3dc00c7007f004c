"""Contact sheets: people down, garments across; or each pair in a row of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw

_GROUND = (236, 236, 236)
_CAPTION = 16  # pixels


def picture_grid(
    left: Mapping[str, Image.Image],
    top: Mapping[str, Image.Image],
    pictures: Mapping[tuple[str, str], Image.Image],
    height: int,
) -> Image.Image:
    """RGB: every picture by its (left name, top name), in cells of `height` x 3/4 of it.

    The first row and column show what the pictures were made from; a missing picture stays empty.
    """
    width = round(height * 3 / 4)
    sheet = Image.new("RGB", ((len(top) + 1) * width, (len(left) + 1) * height), _GROUND)

    def place(picture: Image.Image, column: int, row: int) -> None:
        _paste(sheet, picture, (column * width, row * height), (width, height))

    for column, picture in enumerate(top.values(), 1):
        place(picture, column, 0)
    for row, (name, picture) in enumerate(left.items(), 1):
        place(picture, 0, row)
        for column, other in enumerate(top, 1):
            if (name, other) in pictures:
                place(pictures[name, other], column, row)
    return sheet


def captioned_rows(
    rows: Sequence[tuple[str, Sequence[Image.Image]]], height: int, across: int = 1
) -> Image.Image:
    """RGB: for each (caption, pictures) a line of words above its pictures, side by side.

    height: of a picture; its width is 3/4 of it. across: how many of the rows stand in a line.
    """
    width = round(height * 3 / 4)
    columns = max((len(pictures) for _, pictures in rows), default=0)
    size = (columns * width, height + _CAPTION)
    lines = -(-len(rows) // across)
    sheet = Image.new("RGB", (max(across * size[0], 1), max(lines * size[1], 1)), _GROUND)
    draw = ImageDraw.Draw(sheet)
    for number, (caption, pictures) in enumerate(rows):
        left, top = number % across * size[0], number // across * size[1]
        draw.text((left + 3, top + 2), caption, fill="black")
        for column, picture in enumerate(pictures):
            _paste(sheet, picture, (left + column * width, top + _CAPTION), (width, height))
    return sheet


def _paste(
    sheet: Image.Image, picture: Image.Image, corner: tuple[int, int], size: tuple[int, int]
) -> None:
    """Paste a picture into the middle of a cell, shrunk to fit."""
    small = picture.convert("RGB")
    small.thumbnail(size, Image.Resampling.LANCZOS)
    x, y = (
        start + (room - own) // 2 for start, room, own in zip(corner, size, small.size, strict=True)
    )
    sheet.paste(small, (x, y))
