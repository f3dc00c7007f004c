"""The numbers of a garment as it is worn on the canonical body, drawn at random.

They are those of shops: collars and turtlenecks, straps, one and off shoulder, peplums, tunics,
coats, shirt and wrap dresses, wide and cuffed trousers, skirts of every length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tryon.data.synthetic.draws import one_of
from tryon.pipelines.person.canonical_figure import (
    ANKLE,
    ARMPIT,
    CROTCH,
    KNEE,
    WAIST,
    WRIST_ALONG,
)
from tryon.types import Category

Top = Literal["shoulders", "straps", "strapless", "off-shoulder", "halter", "one-shoulder"]
Neckline = Literal["round", "v", "square"]


@dataclass(frozen=True, slots=True)
class ShopCut:
    """One garment, in metres on the canonical body; heights upwards, `along` along the arm.

    top: how it hangs on the shoulders. neck: half width of the neckline. neck_depth, neck_back: of
    its front and back below its ends. stand: height of a collar above them. neckline: shape.
    shoulder: where sleeve and trunk meet, `along`. armpit: height of the armhole's end. ease: how
    far the trunk's side stands off at the chest, at most. waist: 0 straight, 1 follows the figure.
    hem: height. flare: further half width there. peplum: the same, from the waist down.
    hem_slant, hem_curve: change of the hem's height from side to side, and at both sides.
    back_hem: how much lower the back ends. opening: half the gap in front.
    sleeve: where it ends, `along`; None for none. slack: below the arm at its middle and at its
    end. puff: width of its shoulder. cold: whether its shoulder is cut out.
    waistband: height of the top of a bottom. crotch: height; legs if `leg` is not None: half widths
    that knee and hem have beyond the leg's own. split: half the gap between the legs at the hem.
    """

    category: Category
    top: Top = "shoulders"
    neck: float = 0.08
    neck_depth: float = 0.06
    neck_back: float = 0.02
    stand: float = 0.0
    neckline: Neckline = "round"
    shoulder: float = -0.02
    armpit: float = ARMPIT - 0.02
    ease: float = 0.01
    waist: float = 0.5
    hem: float = 0.08
    flare: float = 0.0
    peplum: float = 0.0
    hem_slant: float = 0.0
    hem_curve: float = 0.0
    back_hem: float = 0.0
    opening: float = 0.0
    sleeve: float | None = None
    slack: tuple[float, float] = (0.01, 0.01)
    puff: float = 0.0
    cold: bool = False
    waistband: float = WAIST
    crotch: float = CROTCH
    leg: tuple[float, float] | None = None
    bodysuit: bool = False


def random_shop_cut(rng: np.random.Generator, category: Category) -> ShopCut:
    """One garment of the category."""
    if category == "lower":
        return _random_skirt(rng) if rng.random() < 0.4 else _random_trousers(rng)
    return _random_top(rng, category)


def _random_top(rng: np.random.Generator, category: Category) -> ShopCut:
    top: Top = one_of(
        rng,
        ["shoulders", "straps", "strapless", "off-shoulder", "halter", "one-shoulder"],
        [0.76, 0.09, 0.03, 0.05, 0.03, 0.04],
    )
    ease = float(np.clip(abs(rng.normal(0, 0.022)) + rng.uniform(-0.002, 0.008), -0.002, 0.09))
    values: dict[str, object] = {"category": category, "top": top, "ease": ease}
    values |= _random_neck(rng, top)
    values |= _random_sleeve(rng, top, ease)
    values["armpit"] = ARMPIT - rng.uniform(0.0, 0.045) - 0.7 * max(ease - 0.01, 0)
    if rng.random() < 0.04:  # batwing
        values["armpit"] = ARMPIT - rng.uniform(0.08, 0.18)
    values["waist"] = float(np.clip(rng.uniform(0, 1.1) - 12 * ease, 0, 1))
    values |= _random_hem(rng) if category == "upper" else _random_dress_hem(rng)
    values["hem_slant"] = 0.0 if rng.random() < 0.85 else rng.normal(0, 0.06)
    values["hem_curve"] = one_of(
        rng, [0.0, rng.uniform(0.0, 0.02), rng.uniform(0.02, 0.09), -rng.uniform(0.02, 0.1)],
        [0.5, 0.25, 0.18, 0.07],
    )  # fmt: skip
    values["back_hem"] = 0.0 if rng.random() < 0.7 else rng.uniform(0.005, 0.08)
    values["opening"] = 0.0 if rng.random() < 0.95 else rng.uniform(0.005, 0.07)
    if category == "upper" and rng.random() < 0.03:
        values |= {"bodysuit": True, "hem": CROTCH - 0.045, "ease": 0.0, "waist": 1.0}
        values |= {"flare": 0.0, "peplum": 0.0, "hem_slant": 0.0, "hem_curve": 0.0}
    if category == "dress" and rng.random() < 0.12:  # a jumpsuit
        values |= _random_legs(rng) | {"flare": 0.0, "peplum": 0.0, "back_hem": 0.0}
        values |= {"hem_slant": 0.0, "hem_curve": 0.0}
    return ShopCut(**values)  # type: ignore[arg-type]


def _random_neck(rng: np.random.Generator, top: Top) -> dict[str, object]:
    kind = one_of(
        rng,
        ["crew", "v", "boat", "scoop", "square", "shirt", "stand", "turtle", "deep"],
        [0.3, 0.14, 0.09, 0.1, 0.03, 0.17, 0.06, 0.06, 0.05],
    )
    if top in ("straps", "halter") and kind in ("shirt", "stand", "turtle"):
        kind = "v" if rng.random() < 0.5 else "scoop"
    width, depth, shape, stand = {
        "crew": (rng.uniform(0.068, 0.098), rng.uniform(0.035, 0.08), "round", 0.0),
        "v": (rng.uniform(0.07, 0.1), rng.uniform(0.12, 0.26), "v", 0.0),
        "boat": (rng.uniform(0.105, 0.15), rng.uniform(0.02, 0.06), "round", 0.0),
        "scoop": (rng.uniform(0.09, 0.135), rng.uniform(0.09, 0.17), "round", 0.0),
        "square": (rng.uniform(0.09, 0.13), rng.uniform(0.1, 0.16), "square", 0.0),
        "shirt": (
            rng.uniform(0.066, 0.08),
            rng.choice([rng.uniform(0.04, 0.07), rng.uniform(0.07, 0.2)]),
            "v",
            rng.uniform(0.015, 0.045),
        ),
        "stand": (
            rng.uniform(0.064, 0.08),
            rng.uniform(0.03, 0.12),
            "v",
            rng.uniform(0.02, 0.05),
        ),
        "turtle": (rng.uniform(0.062, 0.075), -0.02, "round", rng.uniform(0.04, 0.1)),
        "deep": (rng.uniform(0.075, 0.12), rng.uniform(0.25, 0.38), "v", 0.0),
    }[kind]
    if top == "straps":
        width = rng.uniform(0.085, 0.13)
        depth = max(depth, rng.uniform(0.1, 0.16))
    return {
        "neck": width,
        "neck_depth": depth,
        "neckline": shape,
        "stand": stand,
        "neck_back": rng.uniform(0.008, 0.03) if top == "shoulders" else rng.uniform(0.01, 0.12),
    }


def _random_sleeve(rng: np.random.Generator, top: Top, ease: float) -> dict[str, object]:
    kind = one_of(
        rng, ["none", "cap", "short", "elbow", "three-quarter", "long"],
        [0.2, 0.05, 0.28, 0.07, 0.06, 0.34],
    )  # fmt: skip
    if top in ("straps", "strapless", "halter"):
        kind = "none"
    shoulder = float(np.clip(rng.normal(-0.018, 0.014) + 1.1 * max(ease - 0.008, 0), -0.06, 0.13))
    if kind == "none":
        inset = rng.choice([rng.uniform(0.0, 0.03), rng.uniform(0.0, 0.075)])
        return {"shoulder": -0.012 - inset + 0.5 * ease, "sleeve": None}
    if top == "off-shoulder":
        shoulder = rng.uniform(0.03, 0.09)
    end = {
        "cap": shoulder + rng.uniform(0.03, 0.08),
        "short": max(rng.uniform(0.1, 0.25), shoulder + 0.07),
        "elbow": rng.uniform(0.25, 0.36),
        "three-quarter": rng.uniform(0.37, 0.48),
        "long": WRIST_ALONG + rng.normal(0.0, 0.018) + (0.25 * ease),
    }[kind]
    slack = 0.006 + abs(rng.normal(0, 0.014)) + 0.5 * max(ease, 0)
    if kind in ("cap", "short", "elbow"):
        cuff = slack + rng.uniform(-0.008, 0.02)
    else:
        cuff = one_of(
            rng, [rng.uniform(0.0, 0.012), slack, rng.uniform(0.02, 0.09)], [0.6, 0.2, 0.2]
        )
    return {
        "shoulder": shoulder,
        "sleeve": float(end),
        "slack": (slack, max(float(cuff), 0.0)),
        "puff": 0.0 if rng.random() < 0.88 else rng.uniform(0.01, 0.035),
        "cold": bool(rng.random() < 0.025),
    }


def _random_hem(rng: np.random.Generator) -> dict[str, object]:
    hem = one_of(
        rng,
        [rng.uniform(0.2, 0.36), rng.uniform(0.0, 0.2), rng.uniform(0.05, 0.15),
         rng.uniform(-0.22, 0.0), rng.uniform(-0.6, -0.2)],
        [0.13, 0.33, 0.35, 0.12, 0.07],
    )  # fmt: skip
    flare = rng.uniform(0.02, 0.09) if rng.random() < 0.15 else abs(rng.normal(0, 0.008))
    peplum = rng.uniform(0.02, 0.08) if rng.random() < 0.06 else 0.0
    return {"hem": hem, "flare": flare, "peplum": peplum}


def _random_dress_hem(rng: np.random.Generator) -> dict[str, object]:
    hem = one_of(
        rng, [rng.uniform(-0.2, -0.02), rng.uniform(-0.4, -0.2), rng.uniform(-0.74, -0.4)],
        [0.4, 0.38, 0.22],
    )  # fmt: skip
    flared = rng.random() < 0.55
    share = np.clip((0.2 - hem) / 0.5, 0.4, 1.3)
    flare = rng.uniform(0.04, 0.2) * share if flared else rng.uniform(-0.012, 0.03)
    return {"hem": hem, "flare": flare, "peplum": rng.uniform(0, 0.08) if flared else 0.0}


def _random_skirt(rng: np.random.Generator) -> ShopCut:
    hem = one_of(
        rng, [rng.uniform(-0.2, -0.03), rng.uniform(-0.4, -0.2), rng.uniform(-0.74, -0.4)],
        [0.38, 0.36, 0.26],
    )  # fmt: skip
    flared = rng.random() < 0.55
    share = np.clip((0.2 - hem) / 0.5, 0.4, 1.3)
    return ShopCut(
        category="lower",
        waistband=WAIST + rng.uniform(-0.07, 0.05),
        hem=hem,
        ease=rng.uniform(0.0, 0.012),
        flare=rng.uniform(0.04, 0.26) * share if flared else rng.uniform(-0.015, 0.03),
        hem_slant=0.0 if rng.random() < 0.8 else rng.normal(0, 0.08),
        hem_curve=0.0 if rng.random() < 0.6 else rng.uniform(-0.08, 0.06),
        back_hem=0.0 if rng.random() < 0.75 else rng.uniform(0.01, 0.12),
        waist=1.0,
    )


def _random_trousers(rng: np.random.Generator) -> ShopCut:
    return ShopCut(
        category="lower",
        waistband=WAIST + rng.uniform(-0.09, 0.05),
        ease=rng.uniform(0.0, 0.02),
        waist=1.0,
        **_random_legs(rng),  # type: ignore[arg-type]
    )


def _random_legs(rng: np.random.Generator) -> dict[str, object]:
    kind = one_of(rng, ["shorts", "knee", "cropped", "long"], [0.28, 0.08, 0.16, 0.48])
    hem = {
        "shorts": rng.uniform(-0.16, 0.0),
        "knee": rng.uniform(KNEE - 0.05, KNEE + 0.12),
        "cropped": rng.uniform(ANKLE + 0.1, KNEE - 0.12),
        "long": ANKLE + rng.uniform(-0.05, 0.07),
    }[kind]
    wide = one_of(
        rng, [(0.0, 0.004), (0.012, 0.025), (0.03, 0.05), (0.01, 0.08)], [0.34, 0.34, 0.2, 0.12]
    )  # skinny, straight, wide, flared
    if kind == "shorts":
        wide = (rng.uniform(0.0, 0.03),) * 2
    knee, end = (value + abs(rng.normal(0, 0.006)) for value in wide)
    return {"hem": hem, "leg": (knee, end), "crotch": CROTCH - rng.uniform(-0.005, 0.05)}
