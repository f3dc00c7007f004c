"""How a garment is cut: the numbers, drawn at random, and the words for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tryon.data.synthetic.draws import one_of
from tryon.data.synthetic.patterns import Landmarks
from tryon.data.synthetic.sample import DRESS, LOWER, OUTER, UPPER
from tryon.types import Category

Neckline = Literal["round", "boat", "v", "square", "high", "off-shoulder", "strapless"]
Build = Literal["top", "skirt", "trousers"]


@dataclass(frozen=True, slots=True)
class Cut:
    """One garment's cut. Lengths are metres on the mean body; heights are its z.

    build: what it is cut from: "top" from shoulders and tube (shirts, dresses, jackets), "skirt"
        from the tube, "trousers" from the legs.
    sleeve: length, 0 at the shoulder joint, 1 at the wrist; negative for none, and then
        `shoulder_x` is where the shoulder ends.
    ease, flare: how far the cloth stands off at the chest (or waist) and how much more at the hem.
    drape: 0 follows the figure, 1 falls straight down from its widest place.
    boxy: 0 follows the figure, 1 is as wide as its widest place all along.
    leg: radius of a trouser leg at its hem, 0 if it follows the leg.
    opening: half the gap in front at the hem, 0 if closed; placket: a button band in front;
        tucks: is worn inside skirts and trousers.
    folds: depth of the folds at the hem; pleats: their number around.
    """

    name: str
    category: Category
    label: int
    build: Build
    top: float
    hem: float
    ease: float
    flare: float = 0.0
    drape: float = 0.3
    boxy: float = 0.0
    leg: float = 0.0
    waist: float = 0.0
    slant: float = 0.0
    neckline: Neckline = "round"
    neck_width: float = 0.09
    neck_depth: float = 0.06
    neck_back: float = 0.03
    sleeve: float = -1.0
    shoulder_x: float = 0.16
    sleeve_ease: float = 0.015
    sleeve_flare: float = 0.0
    opening: float = 0.0
    placket: bool = False
    tucks: bool = False
    folds: float = 0.004
    pleats: int = 9


def random_cut(
    rng: np.random.Generator, marks: Landmarks, category: Category, seated: bool = False
) -> Cut:
    """Draw a garment of the category; for somebody who sits, no skirt."""
    if category == "upper":
        return _random_top(rng, marks)
    if category == "dress":
        return _random_dress(rng, marks)
    if not seated and rng.random() < 0.35:
        return _random_skirt(rng, marks)
    return _random_trousers(rng, marks)


def random_jacket(rng: np.random.Generator, marks: Landmarks, over: Cut | None = None) -> Cut:
    """An open jacket, cardigan or coat, with room for the top or dress that it is worn over."""
    over = over or Cut("", "upper", UPPER, "top", top=marks.neck, hem=marks.hip, ease=0)
    name = one_of(rng, ["jacket", "cardigan", "blazer", "coat"], [0.35, 0.3, 0.2, 0.15])
    hem = marks.crotch + rng.uniform(0.0, 0.12)
    if name == "coat":
        hem = marks.knee + rng.uniform(-0.1, 0.25)
    return Cut(
        name=name,
        category="upper",
        label=OUTER,
        build="top",
        top=marks.neck,
        hem=hem,
        ease=max(rng.uniform(0.03, 0.05), over.ease + 0.015),
        flare=max(rng.uniform(0.0, 0.03), min(over.flare, 0.05)),
        drape=max(rng.uniform(0.4, 0.9), over.drape),
        boxy=max(rng.uniform(0.2, 0.9), over.boxy),
        neckline="v",
        neck_width=rng.uniform(0.085, 0.1),
        neck_depth=rng.uniform(0.1, 0.3),
        neck_back=0.012,
        sleeve=rng.uniform(0.88, 1.02),
        sleeve_ease=max(rng.uniform(0.022, 0.032), over.sleeve_ease + 0.01),
        opening=rng.uniform(0.04, 0.11),
        folds=rng.uniform(0.003, 0.007),
    )


def _random_neckline(rng: np.random.Generator, bare: bool) -> dict[str, object]:
    kinds: list[Neckline] = ["round", "boat", "v", "square", "high", "off-shoulder"]
    chances = [0.46, 0.1, 0.2, 0.07, 0.12, 0.05]
    if bare:
        chances = [0.42, 0.12, 0.26, 0.2, 0.0, 0.0]
    kind = one_of(rng, kinds, chances)
    depth = {
        "round": rng.uniform(0.05, 0.12),
        "boat": rng.uniform(0.035, 0.05),
        "v": rng.uniform(0.11, 0.24),
        "square": rng.uniform(0.09, 0.16),
    }
    width = {
        "round": rng.uniform(0.085, 0.12),
        "boat": rng.uniform(0.125, 0.15),
        "v": rng.uniform(0.085, 0.115),
        "square": rng.uniform(0.1, 0.13),
    }
    return {
        "neckline": kind,
        "neck_depth": depth.get(kind, 0.05),
        "neck_width": width.get(kind, 0.09),
        "neck_back": rng.uniform(0.02, 0.035) if not bare else rng.uniform(0.03, 0.09),
    }


def _random_sleeves(rng: np.random.Generator, loose: float) -> dict[str, object]:
    kind = one_of(rng, ["none", "short", "elbow", "long"], [0.17, 0.4, 0.08, 0.35])
    length = {
        "none": -1.0,
        "short": rng.uniform(0.2, 0.42),
        "elbow": rng.uniform(0.45, 0.72),
        "long": rng.uniform(0.85, 1.02),
    }[kind]
    ease = 0.008 + loose * rng.uniform(0.2, 0.7)
    flare = rng.uniform(0.02, 0.09) if rng.random() < 0.18 else rng.uniform(-0.003, 0.012)
    return {
        "sleeve": length,
        "sleeve_ease": ease,
        "sleeve_flare": max(flare, 0.004 - ease),
        "shoulder_x": rng.uniform(0.105, 0.165),
    }


def _random_top(rng: np.random.Generator, marks: Landmarks) -> Cut:
    loose = abs(rng.normal(0, 0.02)) + 0.009
    sleeves = _random_sleeves(rng, loose)
    bare = sleeves["sleeve"] < 0  # type: ignore[operator]
    neckline = _random_neckline(rng, bare)
    if neckline["neckline"] == "off-shoulder" and bare:
        neckline["neckline"] = "strapless"
    shirt = neckline["neckline"] == "round" and not bare and rng.random() < 0.35
    hem = {
        "cropped": marks.waist + rng.uniform(-0.06, 0.08),
        "normal": rng.uniform(marks.crotch + 0.01, marks.hip + 0.06),
        "tunic": marks.crotch - rng.uniform(0.02, 0.16),
    }[one_of(rng, ["cropped", "normal", "tunic"], [0.14, 0.74, 0.12])]
    name = _top_name(rng, sleeves["sleeve"], str(neckline["neckline"]), shirt, loose)  # type: ignore[arg-type]
    if name in ("shirt", "blouse"):
        neckline |= {"neck_width": rng.uniform(0.082, 0.09), "neck_depth": rng.uniform(0.05, 0.1)}
    return Cut(
        name=name,
        category="upper",
        label=UPPER,
        build="top",
        top=marks.neck,
        hem=hem,
        ease=loose,
        flare=rng.uniform(0.0, 0.05) if rng.random() < 0.4 else 0.004,
        drape=float(np.clip(loose * 25 + rng.normal(0, 0.15), 0.05, 0.95)),
        boxy=float(np.clip(loose * 20 + rng.normal(0.25, 0.25), 0, 1)),
        slant=rng.normal(0, 0.01),
        placket=name == "shirt" or rng.random() < 0.04,
        tucks=loose < 0.03 and rng.random() < 0.5,
        folds=0.002 + loose * rng.uniform(0.05, 0.18),
        pleats=int(rng.integers(5, 10)),
        **neckline,  # type: ignore[arg-type]
        **sleeves,  # type: ignore[arg-type]
    )


def _top_name(
    rng: np.random.Generator, sleeve: float, neckline: str, shirt: bool, loose: float
) -> str:
    if neckline == "strapless":
        return "bandeau top"
    if sleeve < 0:
        return "tank top" if rng.random() < 0.6 else "sleeveless top"
    if shirt:
        return "shirt"
    if neckline == "high":
        return "turtleneck"
    if sleeve > 0.8:
        return one_of(rng, ["sweater", "sweatshirt", "long-sleeved top"])
    return "t-shirt" if loose < 0.04 and neckline in ("round", "v") else "blouse"


def _random_dress(rng: np.random.Generator, marks: Landmarks) -> Cut:
    loose = abs(rng.normal(0, 0.012)) + 0.008
    sleeves = _random_sleeves(rng, loose)
    bare = sleeves["sleeve"] < 0  # type: ignore[operator]
    neckline = _random_neckline(rng, bare)
    if bare and rng.random() < 0.15:
        neckline["neckline"] = "strapless"
    flare = rng.uniform(0.05, 0.22) if rng.random() < 0.6 else rng.uniform(0.0, 0.04)
    return Cut(
        name="dress",
        category="dress",
        label=DRESS,
        build="top",
        top=marks.neck,
        hem=_random_skirt_hem(rng, marks),
        ease=loose,
        flare=flare,
        drape=rng.uniform(0.0, 0.5),
        waist=rng.uniform(0.0, 0.02),
        folds=rng.uniform(0.003, 0.01) + 0.1 * flare,
        pleats=int(rng.integers(5, 12)),
        **neckline,  # type: ignore[arg-type]
        **sleeves,  # type: ignore[arg-type]
    )


def _random_skirt_hem(rng: np.random.Generator, marks: Landmarks) -> float:
    return {
        "mini": marks.crotch - rng.uniform(0.06, 0.18),
        "knee": marks.knee + rng.uniform(-0.1, 0.12),
        "maxi": marks.ankle + rng.uniform(0.06, 0.3),
    }[one_of(rng, ["mini", "knee", "maxi"], [0.35, 0.45, 0.2])]


def _random_skirt(rng: np.random.Generator, marks: Landmarks) -> Cut:
    flare = rng.uniform(0.06, 0.25) if rng.random() < 0.6 else rng.uniform(0.0, 0.04)
    return Cut(
        name="skirt",
        category="lower",
        label=LOWER,
        build="skirt",
        top=marks.waist + rng.uniform(-0.08, 0.05),
        hem=_random_skirt_hem(rng, marks),
        ease=0.008,
        flare=flare,
        drape=rng.uniform(0.2, 0.9),
        folds=rng.uniform(0.002, 0.008) + 0.12 * flare,
        pleats=int(rng.integers(5, 12)),
        slant=rng.normal(0, 0.01) if rng.random() < 0.8 else rng.normal(0, 0.08),
    )


def _random_trousers(rng: np.random.Generator, marks: Landmarks) -> Cut:
    short = rng.random() < 0.28
    hem = marks.ankle + rng.uniform(0.0, 0.1)
    if short:
        hem = rng.uniform(marks.knee - 0.05, marks.crotch - 0.1)
    loose = abs(rng.normal(0, 0.012)) + 0.007
    return Cut(
        name="shorts" if short else "trousers",
        category="lower",
        label=LOWER,
        build="trousers",
        top=marks.waist + rng.uniform(-0.09, 0.03),
        hem=hem,
        ease=loose,
        leg=_random_leg(rng, short),
        folds=0.003 + 0.1 * loose,
        pleats=int(rng.integers(5, 12)),
    )


def _random_leg(rng: np.random.Generator, short: bool) -> float:
    """Radius at the hem: skinny, straight or wide."""
    if short:
        return rng.uniform(0.09, 0.14)
    ranges = {"skinny": (0.0, 0.06), "straight": (0.07, 0.1), "wide": (0.11, 0.17)}
    low, high = ranges[one_of(rng, list(ranges), [0.3, 0.45, 0.25])]
    return rng.uniform(low, high)


def cut_words(cut: Cut, marks: Landmarks) -> str:
    """The cut in words, such as "long sleeves, a v neckline and a cropped hem"."""
    words = []
    if cut.build == "top":
        if cut.sleeve < 0:
            words.append("no sleeves")
        else:
            length = "short" if cut.sleeve < 0.44 else "elbow" if cut.sleeve < 0.75 else "long"
            words.append(f"{'wide ' if cut.sleeve_flare > 0.02 else ''}{length} sleeves")
        article = "an" if cut.neckline == "off-shoulder" else "a"
        words.append(
            f"{article} {cut.neckline} neckline" if cut.label != OUTER else "an open front"
        )
    if cut.build == "skirt" or cut.name == "dress":
        length = "mini" if cut.hem > marks.knee + 0.14 else "knee" if cut.hem > -0.5 else "maxi"
        words.append(f"{length} length")
        if cut.flare > 0.05:
            words.append("a flared hem")
    elif cut.name == "trousers" and cut.leg > 0.105:
        words.append("wide legs")
    elif cut.name == "trousers" and cut.leg < 0.062:
        words.append("skinny legs")
    elif cut.label == UPPER and cut.hem > marks.waist - 0.07:
        words.append("a cropped hem")
    return ", ".join(words[:-1]) + (" and " if words[:-1] else "") + words[-1] if words else ""
