"""What somebody wears: garments in their fabrics, together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tryon.data.synthetic.bodies import body_model
from tryon.data.synthetic.cuts import Cut, cut_words, random_cut, random_jacket
from tryon.data.synthetic.draping import Folds
from tryon.data.synthetic.fabrics import Fabric, random_fabric
from tryon.data.synthetic.garments import GarmentMesh, garment_mesh
from tryon.data.synthetic.patterns import patterns
from tryon.types import Category


@dataclass(frozen=True, eq=False, slots=True)
class Piece:
    """A garment before it is photographed."""

    mesh: GarmentMesh
    fabric: Fabric
    caption: str
    folds: Folds


def random_piece(
    rng: np.random.Generator,
    category: Category,
    photos: tuple[Path, ...],
    seated: bool = False,
    jacket_over: Cut | None = None,
) -> Piece:
    """Draw a garment of the category, in its fabric, with its caption and its folds; an open
    jacket if it is to be worn over something."""
    marks = patterns().marks
    if jacket_over is not None:
        cut = random_jacket(rng, marks, jacket_over)
    else:
        cut = random_cut(rng, marks, category, seated)
    fabric, print_words = random_fabric(rng, cut, photos)
    words = cut_words(cut, marks)
    article = "" if cut.name in ("trousers", "shorts") else "a "
    caption = f"{article}{fabric.words} {cut.name}" + (f" with {words}" if words else "")
    caption += f", printed with {print_words}" if print_words else ""
    return Piece(
        garment_mesh(cut, body_model(), patterns()), fabric, caption, Folds(rng.uniform(0, 6.28, 6))
    )


def random_outfit(
    rng: np.random.Generator, category: Category, photos: tuple[Path, ...], seated: bool
) -> list[Piece]:
    """Lower and upper, or a dress; sometimes an open jacket over them."""
    if category == "dress":
        pieces = [random_piece(rng, "dress", photos)]
    else:
        lower = random_piece(rng, "lower", photos, seated=seated)
        pieces = [lower, random_piece(rng, "upper", photos)]
    if rng.random() < 0.12:
        below = pieces[-1].mesh.cut_numbers
        pieces.append(random_piece(rng, "upper", photos, jacket_over=below))
    return pieces
