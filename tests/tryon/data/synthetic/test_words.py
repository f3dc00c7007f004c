from __future__ import annotations

import pytest

from tryon.data.synthetic.words import words_of_cut


@pytest.mark.parametrize(
    ("caption", "name", "cut"),
    [
        (
            'a red shirt with short sleeves and a v neckline, printed with a badge that says "A"',
            "shirt",
            "a shirt with short sleeves and a v neckline",
        ),
        ("red and beige striped trousers", "trousers", "trousers"),
        (
            "a patterned sleeveless top with no sleeves",
            "sleeveless top",
            "a sleeveless top with no sleeves",
        ),
    ],
)
def test_words_of_cut_tell_no_colour(caption: str, name: str, cut: str) -> None:
    assert words_of_cut(caption, name) == cut
