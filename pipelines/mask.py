"""The agnostic mask: what of a person photo is repainted, and what never is.

Old clothes must be wholly covered, for a rest of a sleeve or hem would be worn on; the new garment
must have room; face, hair, hands, feet and the other garment must stay. In doubt a pixel is
repainted, unless it may belong to face, hair or hands.
"""

from __future__ import annotations

import math
from os import PathLike
from typing import Literal

import cv2
import numpy as np
from PIL import Image

from tryon.errors import (
    MaskEmptyError,
    MaskInvertedError,
    MaskSizeError,
    OptionError,
    OutOfFrameError,
)
from tryon.pipelines.anatomy import (
    ARM_PARTS,
    FOOT_PARTS,
    HAND_PARTS,
    LEG_PARTS,
    TORSO_PARTS,
)
from tryon.pipelines.crop import grown_box, mask_box
from tryon.pipelines.parts import PARTS
from tryon.pipelines.person.parsing import Parsing, face_coordinates, window_part
from tryon.pipelines.regions import grown, joined, smoothed, without_specks
from tryon.types import Category, MaskMode

Limbs = Literal["whole", "covered"]

# How far the mask reaches beyond what it must cover, and so far onto bare arms, in shoulder widths.
_MARGIN, _RIM = 0.06, 0.015
_TRACE = 0.03  # how far a trace of old clothes may reach beyond them, in shoulder widths
# Levels (see `Parsing.level`) where garments start and end if nothing in the photo tells.
_HEM, _ONE_PIECE_HEM, _WAIST = 1.05, 1.15, 0.8
_LONGEST_TOP = 1.6
# Side of the smallest island or hole, in shoulder widths. The same for what is protected, so that
# a hole that is filled is never a protected one.
_SPECK = 0.14
_SURELY_SKIN, _NECKLINE = 0.7, 0.35  # probability, and how far down the torso a neckline may go
_LIMB = 1.4  # half widths of an arm that its skin may reach
_FINGERS = 1.6  # half widths of a hand that fingers may reach
_NEARLY_ALL = 0.95
# Hair in front of cloth is fine: beside what is surely hair, so much probability is enough, within
# this distance in shoulder widths, which is also the widest gap in a strand.
_LIKELY_HAIR, _STRAND = 0.2, 0.06
_CHIN = 0.02  # room for the edge of a face, in shoulder widths
_EDGE = 130  # a little over half: rounding never gives a pixel to both an area and the rest


def agnostic_mask(
    parsing: Parsing,
    category: Category,
    *,
    coverage: np.ndarray | None = None,
    limbs: Limbs | None = None,
) -> Image.Image:
    """What is repainted to dress the person in a garment of this category: `L`, 0 or 255.

    coverage: float32 (H, W) of the photo's size, 0-1: where the new garment will be. Without it the
        mask makes room for any garment of the category: sleeves to the wrist, a hem at the hips, a
        skirt down to the knees.
    limbs: "whole" repaints the arms (upper, dress) or legs (lower, dress) down to hands and feet;
        "covered" keeps their bare skin, but for where the new garment will be. By default "covered"
        if the coverage is known, and else "whole": a limb that keeps its skin keeps the person, but
        long sleeves must not be cut off for want of room.

    Raises OutOfFrameError if what the category dresses is not in the picture.
    """
    limbs = limbs or ("whole" if coverage is None else "covered")
    unit = parsing.anatomy.unit
    bare = _bare_arms(parsing) & (limbs == "covered")
    must = smoothed(_worn(parsing, category, limbs) & ~bare, 0.02 * unit)
    if coverage is None:
        must |= _room(parsing, category)
    else:
        cloth = window_part(coverage, parsing.window) > 0.5
        must |= joined(cloth, _worn(parsing, category, "whole"))  # no scraps beside a hand
    if np.count_nonzero(must) < (0.3 * unit) ** 2:
        raise OutOfFrameError(
            f"what a garment of the category '{category}' covers is not in the picture",
            remedy="Use a photo that shows more of the body, or another category.",
        )
    protected = _protected(parsing, category)
    # The rim lets new sleeves and old edges be painted out; the arm itself stays the person's.
    protected |= bare & ~grown(must & ~protected, _RIM * unit)
    area = grown(must & ~protected, _MARGIN * unit) & ~protected
    return _of_photo(without_specks(area, (_SPECK * unit) ** 2), parsing)


def protected_area(parsing: Parsing, category: Category) -> Image.Image:
    """What is never repainted: `L`, 255 = face, hair, hands, feet, and for a bottom the top."""
    return _of_photo(_protected(parsing, category), parsing)


def old_clothes(parsing: Parsing, category: Category) -> Image.Image:
    """Where a garment of this category may hide what the photo shows: `L`, 0 or 255.

    The old clothes, the limbs that they or the new ones cover, and a little around them. Elsewhere,
    the background and the other garment stay to be seen.
    """
    unit = parsing.anatomy.unit
    hidden = smoothed(_worn(parsing, category, "whole"), 0.02 * unit)
    return _of_photo(grown(hidden, _TRACE * unit), parsing)


def worn_clothes(parsing: Parsing, category: Category) -> np.ndarray:
    """float32 (h, w) of the window, 0 or 1: the clothes whose place a garment of this category
    takes, and a trace around them; not the bare skin of limbs."""
    worn = _worn(parsing, category, "covered") & ~_bare_arms(parsing)
    smooth = smoothed(worn, 0.02 * parsing.anatomy.unit)
    return grown(smooth, _TRACE * parsing.anatomy.unit).astype(np.float32)


def _worn(parsing: Parsing, category: Category, limbs: Limbs) -> np.ndarray:
    """bool (h, w): the old clothes of this category and, if they are to be repainted, the limbs."""
    body = _dressed(parsing)
    torso, arms, legs = (parsing.in_parts(p) for p in (TORSO_PARTS, ARM_PARTS, LEG_PARTS))
    behind_hands = parsing.in_parts(HAND_PARTS) & ((parsing.top > 0.5) | (parsing.bottom > 0.5))
    if limbs == "covered":
        bare = (parsing.skin > 0.5) | (parsing.background > 0.5)
        arms, legs = arms & ~bare, legs & ~bare
        # Skin in an open neckline is the person's; lower down it is likelier a skin-coloured top.
        torso = torso & ~((parsing.skin > _SURELY_SKIN) & (parsing.level < _NECKLINE))
    if category == "dress":
        return np.asarray(body & (torso | arms | legs | behind_hands))

    level, trunk = parsing.level, torso | legs | behind_hands
    if category == "upper":
        if parsing.two_piece:
            hanging = (torso & (level < _HEM)) | (
                trunk & (parsing.top > 0.5) & (level < _LONGEST_TOP)
            )
            kept = (parsing.bottom > 0.5) & (level > 0.5)
            return np.asarray(body & ~kept & (hanging | arms))
        return np.asarray(body & ((trunk & (level < _ONE_PIECE_HEM)) | arms))
    if parsing.two_piece:
        cloth = (parsing.bottom > 0.5) & (level > 0.4)
        return np.asarray(body & (parsing.top < 0.5) & (cloth | (trunk & (level > _WAIST))))
    return np.asarray(body & trunk & (level > _WAIST))


def _dressed(parsing: Parsing) -> np.ndarray:
    """bool (h, w): the silhouette without what surely is background around limbs and neck."""
    loose = parsing.near > 1.2
    beside_neck = parsing.in_parts(TORSO_PARTS) & (parsing.level < 0.05)
    outside = (parsing.background > 0.5) & (loose | beside_neck)
    cloth = parsing.top + parsing.bottom > 0.5
    return np.asarray(parsing.body & ((parsing.near < 3) | cloth) & ~outside)


def _room(parsing: Parsing, category: Category) -> np.ndarray:
    """bool (h, w): where a garment of this category may come to lie, besides where clothes are."""
    room = np.zeros_like(parsing.body)
    if category != "lower":
        trunk = parsing.in_parts(TORSO_PARTS + LEG_PARTS)
        room |= _dressed(parsing) & trunk & (parsing.level < _HEM)
    if category != "upper":
        bones = [parsing.anatomy.bones[f"{side}_thigh"] for side in ("right", "left")]
        corners = np.array([bones[0].start, bones[1].start, bones[1].end, bones[0].end])
        skirt = np.zeros(room.shape, dtype=np.uint8)
        cv2.fillConvexPoly(skirt, np.rint(corners).astype(np.int32), 1)
        room |= (skirt > 0) & ((category == "dress") | (parsing.level > _WAIST))
    return np.asarray(room)


def _protected(parsing: Parsing, category: Category) -> np.ndarray:
    unit = parsing.anatomy.unit
    hands = np.zeros_like(parsing.body)
    for name in HAND_PARTS:
        hands |= _hand(parsing, name)
    feet = parsing.in_parts(FOOT_PARTS) & (parsing.near < 3) & (parsing.bottom < 0.5)
    protected = _head(parsing) | smoothed(parsing.body & (hands | feet), 0.01 * unit)
    if category == "lower" and parsing.two_piece:
        top = parsing.body & (parsing.top > 0.5) & (parsing.level < _LONGEST_TOP)
        protected |= smoothed(top, 0.03 * unit)
    protected |= parsing.carried
    return np.asarray(without_specks(protected, (_SPECK * unit) ** 2))


def _bare_arms(parsing: Parsing) -> np.ndarray:
    """bool (h, w): the skin of arms, also before the trunk."""
    skin = parsing.body & (parsing.skin > _SURELY_SKIN)
    arms = skin & parsing.in_parts(ARM_PARTS + HAND_PARTS) & (parsing.near < _LIMB)
    return joined(arms | (skin & (parsing.arm < _LIMB)), arms)


def _hand(parsing: Parsing, name: str) -> np.ndarray:
    """bool (h, w): the skin of a hand, fingers before the body too.

    A glove counts, as a colour that neither garment has is taken for skin where a hand must be.
    """
    reached = parsing.body & (parsing.hand < _FINGERS) & (parsing.skin > 0.5)
    fingers = reached & parsing.in_parts((name, *TORSO_PARTS, *LEG_PARTS, *ARM_PARTS))
    return np.asarray(joined(fingers, reached & parsing.in_parts((name,))))


def _head(parsing: Parsing) -> np.ndarray:
    """bool (h, w): the face, all of the head above the mouth, and hair."""
    _, above = face_coordinates(parsing.anatomy, parsing.window.size)
    skull = parsing.body & (parsing.part == PARTS.index("head")) & (above > -0.45)
    head = grown(parsing.face > 0.5, _CHIN * parsing.anatomy.unit) | skull
    strand = _STRAND * parsing.anatomy.unit
    there = parsing.body & ~parsing.carried
    hair = there & (parsing.hair > _LIKELY_HAIR) & grown(there & (parsing.hair > 0.5), strand)
    return _near_joined(hair | head, head, strand)


def _near_joined(mask: np.ndarray, to: np.ndarray, gap: float) -> np.ndarray:
    """bool (h, w): the pieces of a mask that hang together with another but for narrow gaps."""
    return mask & joined(grown(mask, 0.5 * gap), to)


def edited_mask(
    automatic: Image.Image, user_mask: Image.Image, mode: MaskMode = "replace"
) -> Image.Image:
    """The automatic mask after the user's say: `L`, 0 or 255.

    replace: only what the user marked; add: that too; subtract: not that. Both masks are `L` of one
    size, 128 or more = marked. Raises MaskSizeError.
    """
    _check_size(user_mask, automatic.size, None)
    old, marked = np.asarray(automatic) >= 128, np.asarray(user_mask) >= 128
    choices = {"replace": marked, "add": old | marked, "subtract": old & ~marked}
    if mode not in choices:
        raise OptionError(f"unknown mask mode '{mode}'", remedy=f"Use one of {', '.join(choices)}.")
    return Image.fromarray(choices[mode].astype(np.uint8) * 255)


def grown_mask(mask: Image.Image, pixels: float) -> Image.Image:
    """The mask, its edge moved outwards by so many pixels, inwards if negative: `L`, 0 or 255."""
    whole = Image.new("L", mask.size)
    if int(np.max(mask.getextrema())) < 128:
        return whole
    box = grown_box(mask_box(mask), math.ceil(max(pixels, 0)) + 1, mask.size)
    masked = np.asarray(mask.crop(box.as_tuple())) >= 128
    moved = grown(masked, pixels) if pixels >= 0 else ~grown(~masked, -pixels)
    whole.paste(Image.fromarray(moved.astype(np.uint8) * 255), (box.left, box.top))
    return whole


def check_mask(
    mask: Image.Image, size: tuple[int, int], path: str | PathLike[str] | None = None
) -> None:
    """Raises what is wrong with a mask for a photo of `size` (width, height).

    MaskSizeError: another size. MaskEmptyError: nothing is 128 or more. MaskInvertedError: more
    than 95 % is, so that black and white are likely swapped. path: the file to name in the error.
    """
    _check_size(mask, size, path)
    share = np.count_nonzero(np.asarray(mask.convert("L")) >= 128) / (size[0] * size[1])
    if share == 0:
        raise MaskEmptyError(
            "the mask leaves nothing to repaint", path=path, remedy="Paint white what may change."
        )
    if share > _NEARLY_ALL:
        raise MaskInvertedError(
            f"the mask repaints {share:.0%} of the photo",
            path=path,
            remedy="White is repainted, black is kept: swap them if they are the other way round.",
        )


def _check_size(mask: Image.Image, size: tuple[int, int], path: str | PathLike[str] | None) -> None:
    if mask.size != size:
        raise MaskSizeError(
            f"the mask is {mask.width}x{mask.height}, the photo {size[0]}x{size[1]}",
            path=path,
            remedy="Make the mask as large as the photo.",
        )


def _of_photo(mask: np.ndarray, parsing: Parsing) -> Image.Image:
    """A bool mask of the window as `L` of the photo, with smooth outlines."""
    box = parsing.window.box
    soft = cv2.GaussianBlur(mask.astype(np.uint8) * 255, (0, 0), 0.8)
    large = cv2.resize(soft, box.size, interpolation=cv2.INTER_LINEAR)
    whole = Image.new("L", parsing.window.frame)
    whole.paste(Image.fromarray((large >= _EDGE).astype(np.uint8) * 255), (box.left, box.top))
    return whole
