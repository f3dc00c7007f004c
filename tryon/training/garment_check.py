"""What is wrong with a garment's photos, found out before an hour is spent on training.

Each finding says which photo, how bad it is, why, and what to do; a sheet shows the cut-outs.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tryon.errors import GarmentError, InputError, NoGarmentError
from tryon.images import load_image, photo_key
from tryon.perception import Perception
from tryon.pipelines.bodymap_net import DenseNet
from tryon.pipelines.garment.cutout import garment_cutout
from tryon.preparation import prepared_garment
from tryon.types import Category

Severity = Literal["error", "warning", "note"]

SMALLEST, SMALL = 192, 400  # pixels of the shorter side: refused, warned of
BLURRED, VERY_BLURRED = 0.66, 0.78  # of `blur`: 0.27-0.6 in good studio and street photos
ALIKE = 6  # bits of 64 in which two pictures' hashes may differ
_THUMBNAIL, _TEXT = 220, 90
_COLOURS = {"error": (200, 40, 40), "warning": (220, 150, 30), "note": (90, 130, 180)}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the photos. photo: its number from 0, None for all of them together."""

    severity: Severity
    code: str
    reason: str
    remedy: str
    photo: int | None = None

    def __str__(self) -> str:
        where = "" if self.photo is None else f"photo {self.photo + 1}: "
        return f"{self.severity}: {where}{self.reason}. {self.remedy}"


@dataclass(frozen=True, eq=False, slots=True)
class GarmentCheck:
    """All findings, and each photo with the garment cut out of it, RGB. category: what the photos
    show, where they agree."""

    findings: tuple[Finding, ...]
    pictures: tuple[Image.Image, ...]
    category: Category | None = None

    @property
    def ok(self) -> bool:
        """Whether training makes sense."""
        return all(finding.severity != "error" for finding in self.findings)

    def of_photo(self, number: int) -> list[Finding]:
        """What was found about one photo, the worst first."""
        order = ("error", "warning", "note")
        found = [finding for finding in self.findings if finding.photo == number]
        return sorted(found, key=lambda finding: order.index(finding.severity))

    def sheet(self) -> Image.Image:
        """RGB: the photos in a row, framed in red, amber or green, with what was found below."""
        width = _THUMBNAIL + 20
        sheet = Image.new("RGB", (width * max(1, len(self.pictures)), width + _TEXT), "white")
        draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=11)
        for number, picture in enumerate(self.pictures):
            found, left = self.of_photo(number), width * number
            colour = _COLOURS[found[0].severity] if found else (60, 150, 80)
            draw.rectangle((left + 4, 4, left + width - 5, width - 5), colour)
            small = picture.copy()
            small.thumbnail((_THUMBNAIL, _THUMBNAIL))
            corner = left + (width - small.width) // 2, (width - small.height) // 2
            sheet.paste(small, corner)
            words = "\n".join(f"{f.severity}: {f.reason}" for f in found) or "good"
            lines = [line for text in words.split("\n") for line in textwrap.wrap(text, 38)]
            draw.text((left + 8, width + 2), "\n".join(lines[:6]), "black", font)
        return sheet


def checked_photos(
    perception: Perception,
    photos: Sequence[Image.Image],
    *,
    category: str = "auto",
    kinds: Sequence[str] | None = None,
) -> GarmentCheck:
    """Look at the photos of one garment, RGBA. Never raises for what a photo shows.

    category: what the garment is said to be, or "auto". kinds: of each photo, "auto", "flat-lay"
    or "worn".
    """
    kinds = kinds or ["auto"] * len(photos)
    findings, pictures, shown = [*_too_few(len(photos)), *_duplicates(photos)], [], []
    for number, (photo, kind) in enumerate(zip(photos, kinds, strict=True)):
        picture, found, seen = _checked_photo(perception, photo, category, kind, number)
        findings += found
        pictures.append(picture)
        shown.append(seen)
    kinds_seen = sorted({name for name in shown if name})
    if len(kinds_seen) > 1:
        findings.append(
            Finding(
                "error",
                "mixed",
                f"the photos show garments of several categories ({', '.join(kinds_seen)})",
                "Take out those of another garment, or name the category.",
            )
        )
    agreed = kinds_seen[0] if len(kinds_seen) == 1 else None
    return GarmentCheck(tuple(findings), tuple(pictures), agreed)


def _too_few(count: int) -> list[Finding]:
    if count == 0:
        return [Finding("error", "too_few", "there is no photo", "Give one at least.")]
    if count == 1:
        remedy = "A photo of the back and some of people wearing it make it better."
        return [Finding("note", "too_few", "there is one photo only", remedy)]
    return []


def _duplicates(photos: Sequence[Image.Image]) -> list[Finding]:
    """Pictures that are the same, or the same again at another size or compression."""
    found = []
    keys, hashes = [photo_key(p) for p in photos], [difference_hash(p) for p in photos]
    for later in range(len(photos)):
        for earlier in range(later):
            same = keys[later] == keys[earlier]
            if same or int(np.count_nonzero(hashes[later] != hashes[earlier])) <= ALIKE:
                how = "the same as" if same else "nearly the same as"
                reason = f"it is {how} photo {earlier + 1}"
                found.append(Finding("warning", "duplicate", reason, "Take it out.", later))
                break
    return found


def _checked_photo(
    perception: Perception, photo: Image.Image, category: str, kind: str, number: int
) -> tuple[Image.Image, list[Finding], Category | None]:
    """A picture of the cut-out, the findings, and what garment was seen."""
    rgb = load_image(photo)
    found = [*_size(rgb, number)]
    picture, inside = rgb, np.ones((rgb.height, rgb.width), bool)
    worn = kind == "worn" or (kind == "auto" and bool(perception.pose.detect(rgb)))
    try:
        if not worn:
            picture, inside = _cut_out(perception.cutout, photo)
            found += _outline(inside, number)
        found += _sharpness(rgb, inside, number)
        if worn and category == "auto":
            remedy = "Name the category, or mark the photo as flat-lay."
            reason = "somebody wears it, and no category says which piece is meant"
            return picture, [*found, Finding("error", "worn", reason, remedy, number)], None
        garment = prepared_garment(
            perception,
            photo,
            "",
            cast("Literal['auto'] | Category", category),
            "worn" if worn else "flat-lay",
        )
    except NoGarmentError as error:
        remedy = error.remedy or "Photograph it on a plain background of another colour."
        return picture, [*found, Finding("error", "cut_out", error.reason, remedy, number)], None
    except GarmentError as error:
        remedy = error.remedy or "Check the category."
        return picture, [*found, Finding("error", "category", error.reason, remedy, number)], None
    except InputError as error:
        remedy = error.remedy or "Give another photo."
        return picture, [*found, Finding("error", "photo", error.reason, remedy, number)], None
    return picture, found, garment.category


def _size(photo: Image.Image, number: int) -> list[Finding]:
    shorter = min(photo.size)
    if shorter >= SMALL:
        return []
    severity: Severity = "error" if shorter < SMALLEST else "warning"
    reason = f"it has {photo.width} x {photo.height} pixels only"
    remedy = f"{SMALL} on the shorter side are enough, 1024 are good."
    return [Finding(severity, "too_small", reason, remedy, number)]


def _cut_out(net: DenseNet, photo: Image.Image) -> tuple[Image.Image, np.ndarray]:
    """The garment on white, and where it is, bool (H, W). Raises NoGarmentError."""
    cutout = garment_cutout(net, photo)
    alpha = cutout.alpha.astype(np.float32)[..., None] / 255
    pixels = 255 + alpha * (cutout.image.astype(np.float32) - 255)
    return Image.fromarray(pixels.astype(np.uint8)), cutout.alpha > 127


def _outline(inside: np.ndarray, number: int) -> list[Finding]:
    """Whether the cut-out can be the garment: not nothing, not everything, not cut off."""
    share = float(inside.mean())
    if not 0.03 <= share <= 0.95:
        reason = f"what was cut out is {share:.0%} of the picture"
        remedy = "Use a plain background, or a PNG with transparency."
        return [Finding("error", "cut_out", reason, remedy, number)]
    edges = np.concatenate([inside[0], inside[-1], inside[:, 0], inside[:, -1]])
    if edges.mean() > 0.05:
        reason = "the garment runs over the edge of the picture"
        remedy = "Show all of it, with some background around."
        return [Finding("warning", "cut_off", reason, remedy, number)]
    return []


def _sharpness(photo: Image.Image, inside: np.ndarray, number: int) -> list[Finding]:
    value = blur(np.asarray(photo.convert("L")), inside)
    if value < BLURRED:
        return []
    severity: Severity = "error" if value >= VERY_BLURRED else "warning"
    remedy = "Take it again with more light or a steadier hand."
    return [Finding(severity, "blurred", "it is out of focus or shaken", remedy, number)]


def blur(grey: np.ndarray, inside: np.ndarray) -> float:
    """How blurred the strongest edges in and around a garment are, 0 (crisp) to 1.

    grey: uint8 (H, W). inside: bool (H, W), the garment. Measured at a size of 512 pixels, which
    is as sharp as a photo needs to be. How much of a step's height is lost by blurring it once
    more: little of what was blurred before (Crete et al. 2007, "The Blur Effect", on the strongest
    edges only, so that a plain garment counts by its outline).
    """
    scale = 512 / max(grey.shape)
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        size = (grey.shape[1], grey.shape[0])
        inside = cv2.resize(inside.astype(np.uint8), size, interpolation=cv2.INTER_AREA) > 0
    near = cv2.dilate(inside.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    sharp = grey.astype(np.float32)
    again = cv2.GaussianBlur(sharp, (0, 0), 1.5)
    before, after = (_steps(picture) for picture in (sharp, again))
    strong = near & (before >= np.quantile(before[near], 0.98))
    return float(after[strong].sum() / max(before[strong].sum(), 1e-6))


def _steps(picture: np.ndarray) -> np.ndarray:
    """The size of the step at each pixel."""
    dx, dy = (cv2.Sobel(picture, cv2.CV_32F, *axes, ksize=1) for axes in ((1, 0), (0, 1)))
    return np.sqrt(dx * dx + dy * dy)


def difference_hash(photo: Image.Image) -> np.ndarray:
    """bool (64,): whether brightness rises from left to right, in 8 x 8 places. The same picture
    at another size or compression differs in a few of them (Krawetz 2013, "dHash")."""
    small = np.asarray(photo.convert("L").resize((9, 8), Image.Resampling.BOX), np.int16)
    return np.asarray(np.diff(small, axis=1) > 0).ravel()
