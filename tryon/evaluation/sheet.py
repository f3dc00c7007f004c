"""Contact sheets: people down, garments across, what came of each pair between them."""

from __future__ import annotations

from collections.abc import Mapping

from PIL import Image

_GROUND = (236, 236, 236)


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
        small = picture.convert("RGB")
        small.thumbnail((width, height), Image.Resampling.LANCZOS)
        x = column * width + (width - small.width) // 2
        y = row * height + (height - small.height) // 2
        sheet.paste(small, (x, y))

    for column, picture in enumerate(top.values(), 1):
        place(picture, column, 0)
    for row, (name, picture) in enumerate(left.items(), 1):
        place(picture, 0, row)
        for column, other in enumerate(top, 1):
            if (name, other) in pictures:
                place(pictures[name, other], column, row)
    return sheet
