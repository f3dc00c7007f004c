"""What is worth a second look in a finished picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tryon.pipelines.mask import grown_mask

if TYPE_CHECKING:
    from tryon.demo.dressing import Dressed
    from tryon.planning import Plan

SMALL_GARMENT = 320  # pixels of the garment photo's shorter side
SMALL_PERSON = 384  # pixels of the person's height in the photo
LEAST: tuple[tuple[str, float, str], ...] = (
    ("likeness", 0.6, "unlike_garment"),
    ("garment", 0.5, "unlike_garment"),
    ("print", 0.5, "print_lost"),
    ("seam", 0.5, "seam_seen"),
    ("facing", 0.5, "turned_away"),
    ("pose", 0.6, "unsure_pose"),
)
"""Scores, 0-1, below what they are a doubt about the picture, and which."""
DOUBTS = frozenset(key for _, _, key in LEAST)


def remarks(dressed: Dressed, own_mask: bool = False) -> list[str]:
    """Keys of `strings.SENTENCES`, the gravest first."""
    plan, scores = dressed.plan, dressed.scores
    doubts = [key for name, least, key in LEAST if scores.get(name, 1) < least]
    found = {
        "hands": hand_near_mask(plan),
        "small_person": person_height(plan) < SMALL_PERSON,
        "small_garment": min(plan.garment.photo.size) < SMALL_GARMENT,
        "own_mask": own_mask,
    }
    return list(dict.fromkeys(doubts)) + [key for key, holds in found.items() if holds]


def hand_near_mask(plan: Plan) -> bool:
    """Whether a finger that was seen lies on or close to what is repainted."""
    reach = max(2.0, 0.01 * person_height(plan))
    area = np.asarray(grown_mask(plan.mask, reach))
    height, width = area.shape
    for hand in plan.person.pose.hands:
        for x, y, confidence in hand:
            inside = 0 <= x < width and 0 <= y < height
            if confidence > 0.5 and inside and area[int(y), int(x)]:
                return True
    return False


def person_height(plan: Plan) -> int:
    """Pixels from top to bottom of the person in the photo."""
    box = plan.person.pose.box
    return plan.person.photo.height if box is None else box.height
