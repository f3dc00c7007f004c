"""What captions of rendered garments are made of."""

from __future__ import annotations


def words_of_cut(caption: str, name: str) -> str:
    """A renderer's caption without colour, pattern and print.

    "a red dress with long sleeves, printed with a heart" is "a dress with long sleeves"; `name` is
    the garment's, here "dress".
    """
    article = "a " if caption.startswith("a ") else ""
    cut = caption[caption.index(name) :].partition(", printed with ")[0]
    return article + cut
