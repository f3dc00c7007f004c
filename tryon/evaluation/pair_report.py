"""The tables and contact sheets of an evaluation on pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from tryon.data.worn_pairs import WornPair
from tryon.evaluation.report import Row, Table
from tryon.evaluation.sheet import captioned_rows

COVERAGE, PICTURE, DRESSED = "Coverage", "Picture", "Dressed"
_SIGNED = ("hem_longer", "cuff_longer", "neckline_higher")
_NOTES = {
    DRESSED: "Share of the pairs that became a picture; the others are listed as failed.",
    COVERAGE: (
        "What is seen of the garment in the result, against what is seen of it in the photo: "
        "`iou`, the same above the true hem; what is too much and too little, in parts of the "
        "truth; hem, cuff and neckline off by so many shoulder widths; `hem_near`: share of the "
        "hems off by 0.3 at most. A pair that was not dressed covers nothing."
    ),
    PICTURE: (
        "Against the photo, inside what was repainted: perceptual `distance`, PSNR in dB, SSIM, "
        "`sharpness`: mean gradient in parts of the photo's."
    ),
}
_PER_SHEET, _ACROSS = 18, 2
_TOO_MUCH, _TOO_LITTLE, _COVERED = (220, 20, 20), (20, 190, 60), (40, 90, 220)


@dataclass(frozen=True, eq=False, slots=True)
class Shown:
    """What a look shows.

    picture: uint8 (H, W, 3). area: bool (H, W), what was repainted. covered: bool (H, W), where the
    garment is seen, or None where the method does not tell.
    """

    picture: np.ndarray
    area: np.ndarray
    covered: np.ndarray | None


@dataclass(frozen=True, eq=False, slots=True)
class Measured:
    """What came of a pair: rows of measures, and a row of pictures for the sheet."""

    pair: WornPair
    coverage: tuple[Row, ...]
    picture: tuple[Row, ...]
    cells: tuple[Image.Image, ...]

    @property
    def rank(self) -> tuple[int, float]:
        """For sorting, the worst first: not dressed; by overlap; by distance, without a mask."""
        if not self.picture:
            return 0, 0.0
        if self.coverage:
            return 1, self.coverage[0].values.get("iou", 0.0)
        return 2, -self.picture[0].values["distance"]


def pair_tables(found: Sequence[Measured]) -> tuple[Table, ...]:
    """Shares dressed; coverage and pictures by category and overall, and of each pair."""
    dressed = [
        Row(one.pair.name, one.pair.category, "", {"dressed": float(bool(one.picture))})
        for one in found
    ]
    tables = [Table(DRESSED, _and_overall(dressed), _NOTES[DRESSED])]
    for title, rows in (
        (COVERAGE, [row for one in found for row in one.coverage]),
        (PICTURE, [row for one in found for row in one.picture]),
    ):
        if not rows:
            continue
        names = tuple(dict.fromkeys(name for row in rows for name in row.values))
        shown = tuple(name for name in names if name not in _SIGNED)
        each = tuple(Row(row.case, row.case, row.method, row.values) for row in rows)
        tables += [
            Table(title, _and_overall(rows), _NOTES[title], shown),
            Table(f"{title}, medians", _and_overall(rows), "", shown, names),
            Table(f"{title}, each, the worst first", each, "", names),
        ]
    return tuple(tables)


def _and_overall(rows: Sequence[Row]) -> tuple[Row, ...]:
    """The rows, and all once more in one group, if there are several groups."""
    several = len({row.group for row in rows}) > 1
    return (*rows, *(replace(row, group="all") for row in rows if several))


def pair_sheets(found: Sequence[Measured], height: int) -> dict[str, Image.Image]:
    """By file name, the cells of each pair, so many pixels high, in the order of `found`."""
    rows = [(_caption(one), one.cells) for one in found]
    return {
        f"pairs-{number:02}.jpg": captioned_rows(
            rows[start : start + _PER_SHEET], height, across=_ACROSS
        )
        for number, start in enumerate(range(0, len(rows), _PER_SHEET), start=1)
    }


def _caption(one: Measured) -> str:
    if not one.picture:
        return f"{one.pair.name}: not dressed"
    values = {**one.picture[0].values, **(one.coverage[0].values if one.coverage else {})}
    names = ("iou", "iou_above", *_SIGNED, "distance")
    known = [f"{name} {values[name]:.2f}" for name in names if name in values]
    return f"{one.pair.name}: {', '.join(known)}"


def pair_cells(
    garment: Image.Image,
    photo: np.ndarray,
    truth: np.ndarray | None,
    looks: Mapping[str, Shown],
    height: int,
) -> tuple[Image.Image, ...]:
    """Garment, photo, what the first method covers, and every method's picture, small."""
    covered = next(iter(looks.values())).covered
    compared = [] if covered is None else [_compared(photo, covered, truth)]
    pictures = [Image.fromarray(look.picture) for look in looks.values()]
    cells = (garment.copy(), Image.fromarray(photo), *compared, *pictures)
    for cell in cells:
        cell.thumbnail((height, height), Image.Resampling.LANCZOS)
    return cells


def _compared(photo: np.ndarray, covered: np.ndarray, truth: np.ndarray | None) -> Image.Image:
    """The pale photo with what is covered too much in red and too little in green.

    Without a known truth, whatever is covered in blue.
    """
    pale = photo.mean(axis=-1, keepdims=True).repeat(3, axis=-1) * 0.5 + 110
    marks = [(covered, _COVERED)]
    if truth is not None:
        marks = [(covered & ~truth, _TOO_MUCH), (truth & ~covered, _TOO_LITTLE)]
    for where, colour in marks:
        pale[where] = pale[where] * 0.45 + np.array(colour) * 0.55
    return Image.fromarray(pale.astype(np.uint8))
