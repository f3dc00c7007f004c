"""What is worth a second look in a finished picture, told by its scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something that may be wrong with a picture. code: to filter by."""

    code: str
    said: str
    remedy: str


# By the score: below which value, and what is said.
DOUBTS: Mapping[str, tuple[float, Doubt]] = {
    "pose": (
        0.6,
        Doubt(
            "pose",
            "the pose is not sure",
            "Use a photo in which the whole person stands free, facing the camera.",
        ),
    ),
    "likeness": (
        0.6,
        Doubt(
            "likeness",
            "the picture is unlike the garment's photo",
            "Try another seed or garment photo; name the category if it was taken wrongly.",
        ),
    ),
    "print": (
        0.5,
        Doubt(
            "print",
            "the garment's print is blurred or lost",
            "Use a larger, sharper photo of the garment, or train its LoRA.",
        ),
    ),
}


def doubts_of(scores: Mapping[str, float]) -> tuple[Doubt, ...]:
    """The doubts that a picture's scores give, in the order of `DOUBTS`."""
    return tuple(doubt for name, (least, doubt) in DOUBTS.items() if scores.get(name, 1.0) < least)
