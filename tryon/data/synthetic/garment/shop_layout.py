"""From a cut to surfaces: where each piece of a garment lies on the body, and where in the photo.

A piece is a grid of points with two places each. Trunk and skirt run down (rows) and across; a
sleeve or a trouser leg runs along and across. Shops show garments filled out on an invisible
mannequin, laid flat or on hangers: flat cloth is wider than it looks when it is worn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tryon.data.synthetic.garment.shop_cut import ShopCut
from tryon.pipelines.garment.placement import PIECES
from tryon.pipelines.person.canonical_figure import (
    ELBOW_ALONG,
    along_at,
    leg_edges,
    lower_outline,
    trunk_half_width,
    upper_outline,
)

_ROWS, _COLUMNS = 40, 17
_LIMB_ROWS, _LIMB_COLUMNS = 18, 9
_DOWN = np.array([-0.45, -0.9])  # where loose cloth of an arm in A-pose hangs, x and height
_LIFT = np.array([0.003, 0.010])  # of cloth and seams above the skin of shoulders and arms


@dataclass(frozen=True, slots=True)
class Layout:
    """How the shop shows it.

    trunk, limbs: width in the photo over the width as worn. slope: of the shoulders, in radians.
    sleeves: angle of each from straight down, outwards; elbows: by how much the forearm turns back
    in. legs: angle of each. long: length in the photo over that in the frame.
    """

    trunk: float
    limbs: float
    slope: float
    sleeves: tuple[float, float]
    elbows: tuple[float, float]
    legs: tuple[float, float]
    long: float
    sleeves_behind: bool


@dataclass(frozen=True, eq=False, slots=True)
class Piece:
    """A smooth surface of the garment.

    name: one of `PIECES`. frame: float64 (rows, columns, 2), metres from the mid-line (the wearer's
    left is positive) and upwards. photo: (rows, columns, 2), metres to the right and down.
    """

    name: str
    frame: np.ndarray
    photo: np.ndarray


def random_layout(rng: np.random.Generator, cut: ShopCut) -> Layout:
    """On an invisible mannequin, flat, or on a hanger."""
    kind = rng.choice(["ghost", "flat", "hanger"], p=[0.5, 0.35, 0.15])
    tight = max(0.0, 0.012 - cut.ease) / 0.012  # stretch lies narrower than it is worn
    flat = 1.33 - 0.25 * tight * rng.random() + rng.normal(0, 0.05)
    trunk = {"ghost": rng.uniform(0.97, 1.12), "flat": flat, "hanger": flat - 0.08}[str(kind)]
    limbs = {"ghost": rng.uniform(0.95, 1.3), "flat": rng.uniform(1.1, 1.5)}.get(
        str(kind), rng.uniform(1.0, 1.45)
    )
    if cut.leg is not None:  # trousers are of one piece of cloth
        limbs = trunk * rng.uniform(0.9, 1.1)
    long_sleeve = cut.sleeve is not None and cut.sleeve > 0.36
    if kind == "flat" and rng.random() < 0.5:
        angle = rng.uniform(25, 85)
    else:
        near = rng.random() < 0.62
        angle = rng.uniform(1, 14) if near else rng.uniform(10, 32)
        angle = angle if long_sleeve else rng.uniform(8, 60)
    if kind == "hanger":
        angle = rng.uniform(2, 25)
    sleeves = angle + rng.normal(0, 3, 2)
    if rng.random() < 0.12:
        sleeves[rng.integers(2)] += rng.uniform(-25, 30)
    bends = rng.normal(4, 9, 2) if long_sleeve else np.zeros(2)
    if long_sleeve and rng.random() < 0.1:
        bends = bends + rng.uniform(15, 75)
    legs = rng.normal(1.0, 2.0) + rng.normal(0, 1.0, 2)
    return Layout(
        trunk=float(np.clip(trunk, 0.85, 1.5)),
        limbs=float(limbs),
        slope=float(np.radians(np.clip(rng.normal(20, 5), 6, 36))),
        sleeves=(float(np.radians(sleeves[0])), float(np.radians(sleeves[1]))),
        elbows=(float(np.radians(bends[0])), float(np.radians(bends[1]))),
        legs=(float(np.radians(legs[0])), float(np.radians(legs[1]))),
        long=float(rng.normal(1.02, 0.025)),
        sleeves_behind=bool(rng.random() < 0.25),
    )


@dataclass(frozen=True, slots=True)
class _Shoulders:
    """Points of one side, as worn (x, height) and in the photo (right, down)."""

    neck: np.ndarray
    tip: np.ndarray
    pit: np.ndarray
    photo_neck: np.ndarray
    photo_tip: np.ndarray
    photo_pit: np.ndarray


def laid_pieces(cut: ShopCut, layout: Layout, rng: np.random.Generator) -> list[Piece]:
    """The pieces in the order in which they lie on each other, the lowest first."""
    if cut.category == "lower":
        pieces = [_bottom_trunk(cut, layout)]
        return pieces + _legs(cut, layout, pieces[0])
    marks = _shoulders(cut, layout)
    trunk = _top_trunk(cut, layout, marks, float(rng.uniform(1.2, 2.6)))
    pieces = [trunk] + _legs(cut, layout, trunk)
    if cut.sleeve is None:
        return pieces
    sleeves = [_sleeve(cut, layout, marks, side) for side in (0, 1) if _has_sleeve(cut, side)]
    return sleeves + pieces if layout.sleeves_behind else pieces + sleeves


def _has_sleeve(cut: ShopCut, side: int) -> bool:
    return not (cut.top == "one-shoulder" and side == 1)


def half_width(cut: ShopCut, height: np.ndarray) -> np.ndarray:
    """Half the width as worn, at heights below the armpit (or the waistband)."""
    body = trunk_half_width(height)
    top = cut.waistband if cut.category == "lower" else cut.armpit
    fitted = body + cut.ease
    above = np.linspace(top, np.minimum(height, top), 12)
    hanging = (trunk_half_width(above) + cut.ease).max(axis=0)
    if cut.category == "lower":
        fitted = body + cut.ease * np.clip((top - height) / 0.08, 0.1, 1)
        hanging = fitted
    wide = hanging + (fitted - hanging) * cut.waist
    start = top - 0.02 if cut.category != "dress" else top - 0.1
    share = np.clip((start - height) / max(start - cut.hem, 0.05), 0, 1)
    below = np.clip((0.3 - height) / max(0.3 - cut.hem, 0.05), 0, 1)
    wide = wide + cut.flare * share + cut.peplum * below
    if cut.bodysuit:
        wide = wide - (wide - 0.035) * np.clip((0.16 - height) / 0.14, 0, 1) ** 0.8
    return np.maximum(wide, 0.02)


def _shoulders(cut: ShopCut, layout: Layout) -> _Shoulders:
    pit = np.array([float(half_width(cut, np.array(cut.armpit))), cut.armpit])
    if cut.top == "strapless":
        neck = tip = np.array([pit[0], pit[1] + 0.004])
    elif cut.top == "off-shoulder":
        tip = upper_outline(np.array(cut.shoulder)) + _LIFT
        neck = tip - [0.012, -0.006]
    else:
        neck = upper_outline(np.array(along_at(cut.neck))) + _LIFT
        widths = {"straps": 0.008 + 0.5 * abs(cut.shoulder), "halter": 0.02}
        end = along_at(cut.neck + widths[cut.top]) if cut.top in widths else cut.shoulder
        tip = upper_outline(np.array(max(end, along_at(cut.neck + 0.008)))) + _LIFT
    length = float(np.linalg.norm(tip - neck))
    photo_neck = np.array([neck[0], 0.0])
    photo_tip = photo_neck + length * np.array([np.cos(layout.slope), np.sin(layout.slope)])
    depth = 1.04 * float(np.linalg.norm(tip - pit))
    across = layout.trunk * pit[0] - photo_tip[0]
    down = np.sqrt(max(depth**2 - across**2, (0.6 * depth) ** 2))
    photo_pit = np.array([layout.trunk * pit[0], photo_tip[1] + down * layout.long])
    return _Shoulders(neck, tip, pit, photo_neck, photo_tip, photo_pit)


def _top_trunk(cut: ShopCut, layout: Layout, marks: _Shoulders, bulge: float) -> Piece:
    """Collar, yoke and trunk, down to the hem (or the crotch)."""
    if cut.sleeve is None and cut.top != "shoulders":
        bulge += 1.0
    bottom = (cut.crotch if cut.leg else cut.hem) - max(cut.back_hem, 0) - abs(cut.hem_curve)
    bottom -= abs(cut.hem_slant)
    heights = np.linspace(marks.neck[1] + cut.stand, bottom, _ROWS)
    keys = [marks.pit, marks.tip, marks.neck]
    shown = [marks.photo_pit, marks.photo_tip, marks.photo_neck]
    worn = _outer(heights, keys, half_width(cut, heights), bulge)
    y = np.interp(heights, [k[1] for k in keys], [k[1] for k in shown])
    y = np.where(heights > marks.neck[1], marks.neck[1] - heights, y)
    y = np.where(heights < marks.pit[1], shown[0][1] + (marks.pit[1] - heights) * layout.long, y)
    below = layout.trunk * half_width(cut, heights)
    wide = _outer(heights, keys, below, bulge, [k[0] for k in shown])
    return _strip("trunk", worn, heights, wide, y)


def _outer(
    heights: np.ndarray,
    keys: list[np.ndarray],
    below: np.ndarray,
    bulge: float,
    widths: list[float] | None = None,
) -> np.ndarray:
    """Half widths at heights: `below` the armpit, along the armhole, along the shoulder."""
    pit, tip, neck = keys
    x_pit, x_tip, x_neck = widths or [float(key[0]) for key in keys]
    along = np.clip((tip[1] - heights) / max(tip[1] - pit[1], 1e-3), 0, 1)
    armhole = x_tip + (x_pit - x_tip) * along**bulge
    shoulder = np.interp(heights, [tip[1], max(neck[1], tip[1] + 1e-3)], [x_tip, x_neck])
    return np.where(heights < pit[1], below, np.where(heights < tip[1], armhole, shoulder))


def _bottom_trunk(cut: ShopCut, layout: Layout) -> Piece:
    bottom = cut.hem - max(cut.back_hem, 0) - abs(cut.hem_curve) - abs(cut.hem_slant)
    heights = np.linspace(cut.waistband, cut.crotch if cut.leg else bottom, _ROWS)
    worn = half_width(cut, heights)
    return _strip(
        "trunk", worn, heights, layout.trunk * worn, (cut.waistband - heights) * layout.long
    )


def _strip(
    name: str, worn: np.ndarray, heights: np.ndarray, wide: np.ndarray, y: np.ndarray
) -> Piece:
    across = np.linspace(-1, 1, _COLUMNS)
    frame = np.stack(np.broadcast_arrays(worn[:, None] * across, heights[:, None]), axis=-1)
    photo = np.stack(np.broadcast_arrays(wide[:, None] * across, y[:, None]), axis=-1)
    return Piece(name, frame, photo)


def _legs(cut: ShopCut, layout: Layout, trunk: Piece) -> list[Piece]:
    """Trouser legs, from the lowest row of the trunk down."""
    if cut.leg is None:
        return []
    heights = np.linspace(cut.crotch, cut.hem, _LIMB_ROWS + 6)
    inner, outer = leg_edges(heights)
    share = (cut.crotch - heights) / max(cut.crotch + 0.74, 0.1)
    loose = np.interp(share, [0, 0.1, 0.43, 1.0], [0.006, cut.leg[0], cut.leg[0], cut.leg[1]])
    inner, outer = np.maximum(inner - loose, 0.003), outer + loose
    join = np.clip((cut.crotch - heights) / 0.07, 0, 1)
    start = trunk.frame[-1, -1, 0]
    outer, inner = start + (outer - start) * join, inner * join
    across = np.linspace(-1, 1, _LIMB_COLUMNS)
    top, y0 = trunk.photo[-1, -1]
    middle = (inner + outer) / 2
    frame = np.stack(
        np.broadcast_arrays(middle[:, None] + (outer - inner)[:, None] / 2 * across,
                            heights[:, None]), axis=-1
    )  # fmt: skip
    half = top / 2 + (layout.limbs * 0.97 * (outer - inner) / 2 - top / 2) * join
    down = (cut.crotch - heights) * layout.long
    pieces = []
    for side, sign in enumerate((1, -1)):
        lean = np.tan(layout.legs[side] + np.radians(1.5)) * down
        centre = np.maximum(top / 2 + lean, half * (0.98 * join))
        photo = np.stack(
            np.broadcast_arrays(centre[:, None] + half[:, None] * across, (y0 + down)[:, None]),
            axis=-1,
        )
        flip = np.array([sign, 1])
        pieces.append(Piece(PIECES[3 + side], frame * flip, photo * flip))
    return pieces


def _sleeve(cut: ShopCut, layout: Layout, marks: _Shoulders, side: int) -> Piece:
    """One sleeve; side 0 is the wearer's left."""
    assert cut.sleeve is not None
    s = np.linspace(0, 1, _LIMB_ROWS)
    across = np.linspace(1, -1, _LIMB_COLUMNS)  # from the upper edge to the lower one
    begin = cut.shoulder
    upper = upper_outline(begin + (cut.sleeve - begin) * s) + _LIFT
    upper += cut.puff * np.sin(np.pi * np.clip(s * 2.2, 0, 1))[:, None] * [0.6, 0.8]
    lower_begin = max(0.065, begin)
    lower = lower_outline(lower_begin + (max(cut.sleeve, lower_begin + 0.02) - lower_begin) * s)
    slack = cut.slack[0] + (cut.slack[1] - cut.slack[0]) * s**2
    lower = lower + slack[:, None] * _DOWN
    lower += (marks.pit - lower[0]) * ((1 - s) ** 2)[:, None]
    frame = (upper + lower)[:, None] / 2 + (upper - lower)[:, None] / 2 * across[:, None]
    reach = cut.sleeve - 0.5 * (begin + lower_begin)
    wide = np.linalg.norm(upper - lower, axis=1)
    elbow = (ELBOW_ALONG - begin) / (cut.sleeve - begin)
    photo = _sleeve_photo(layout, marks, side, s, wide, max(reach, 0.03), elbow, across)
    flip = np.array([1 if side == 0 else -1, 1])
    return Piece(PIECES[1 + side], frame * flip, photo * flip)


def _sleeve_photo(
    layout: Layout,
    marks: _Shoulders,
    side: int,
    s: np.ndarray,
    wide: np.ndarray,
    reach: float,
    elbow: float,
    across: np.ndarray,
) -> np.ndarray:
    """(rows, columns, 2): a sleeve that hangs from the armhole at its angle, bent at the elbow."""
    turned = np.clip((s - elbow + 0.12) / 0.24, 0, 1)
    angle = layout.sleeves[side] - layout.elbows[side] * turned
    way = np.stack([np.sin(angle), np.cos(angle)], axis=-1)
    out = np.stack([np.cos(angle), -np.sin(angle)], axis=-1)
    steps = np.diff(s, prepend=0)[:, None] * reach * layout.long
    middle = (marks.photo_tip + marks.photo_pit) / 2 + np.cumsum(way * steps, axis=0)
    begin = (marks.photo_tip - marks.photo_pit) / 2
    share = np.clip(s / np.clip(0.14 / reach, 0.3, 1.0), 0, 1)[:, None]
    share = share * share * (3 - 2 * share)
    half = begin + (out * (layout.limbs * wide / 2)[:, None] - begin) * share
    return middle[:, None] + half[:, None] * across[:, None]
