from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from tryon.demo.mask_editor import (
    carried_over,
    closest,
    editor_base,
    editor_photo,
    is_edited,
    layer_of,
    mask_of,
)

SIZE = (90, 120)


def square(left: int, top: int, right: int, bottom: int) -> Image.Image:
    mask = Image.new("L", SIZE)
    ImageDraw.Draw(mask).rectangle((left, top, right, bottom), 255)
    return mask


def same(one: Image.Image, other: Image.Image) -> bool:
    return bool((np.asarray(one) == np.asarray(other)).all())


def test_what_is_shown_is_read_back_unedited() -> None:
    base = square(20, 30, 60, 90)
    drawn = mask_of({"background": None, "layers": [layer_of(base)], "composite": None}, SIZE)
    assert drawn is not None and same(drawn, base)
    assert not is_edited(drawn, base)


def test_an_empty_editor_holds_no_mask() -> None:
    for value in (None, {"layers": []}, {"layers": None}, {"layers": [None]}):
        assert mask_of(value, SIZE) is None
    assert not is_edited(None, square(1, 1, 5, 5))


def test_opaque_strokes_count_and_soft_rims_do_not() -> None:
    layer = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    draw.rectangle((10, 10, 30, 30), (255, 45, 85, 255))
    draw.rectangle((50, 50, 60, 60), (255, 45, 85, 40))
    drawn = mask_of({"layers": [layer]}, SIZE)
    assert drawn is not None and same(drawn, square(10, 10, 30, 30))
    assert is_edited(drawn, square(50, 50, 80, 80))


def test_strokes_stay_when_the_mask_below_changes() -> None:
    old, new = square(20, 20, 50, 80), square(30, 30, 60, 90)
    drawn = np.asarray(old).copy()
    drawn[100:110, 5:15] = 255  # added
    drawn[40:50, 35:45] = 0  # erased
    moved = np.asarray(carried_over(Image.fromarray(drawn), old, new))
    assert (moved[100:110, 5:15] == 255).all()
    assert (moved[40:50, 35:45] == 0).all()
    assert moved[85, 55] == 255 and moved[22, 22] == 0, "the rest is the new mask"
    assert carried_over(old, old, new) is new


def test_a_mask_that_the_page_still_shows_is_no_edit_of_the_next_one() -> None:
    first, second = square(20, 20, 50, 80), square(30, 30, 60, 90)
    drawn = mask_of({"layers": [layer_of(first)]}, SIZE)
    assert closest(drawn, [first, second]) is first
    assert not is_edited(drawn, closest(drawn, [first, second]))
    assert closest(drawn, []) is None and closest(None, [first]) is None
    assert closest(drawn, [Image.new("L", (5, 5))]) is None


def test_the_mask_grows_by_pixels_of_the_photo() -> None:
    mask = square(20, 30, 60, 90).resize((360, 480), Image.Resampling.NEAREST)
    grown = np.asarray(editor_base(mask, SIZE, 20))  # 4 photo pixels to one of the editor
    assert grown[60, 16] == 255 and grown[60, 13] == 0
    shrunk = np.asarray(editor_base(mask, SIZE, -20))
    assert shrunk[60, 22] == 0 and shrunk[60, 28] == 255
    assert same(editor_base(mask, SIZE, 0), square(20, 30, 60, 90))


def test_photos_of_any_size_are_edited_at_one() -> None:
    for size in ((3000, 4000), (900, 1200), (90, 120)):
        assert editor_photo(Image.new("RGB", size)).size == (675, 900)
