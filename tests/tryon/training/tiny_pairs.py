"""Pairs that need no renderer: coloured rectangles for people and garments."""

from __future__ import annotations

import numpy as np

from tryon.training.pairs import HEIGHT, PAIR, WIDTH


def coloured_pairs(count: int, seed: int = 0) -> np.ndarray:
    """Records of dtype `PAIR`: a box of skin colour, and on it a garment of one colour."""
    rng = np.random.default_rng(seed)
    pairs = np.zeros(count, PAIR)
    rows, columns = slice(60, 200), slice(50, 140)
    for pair in pairs:
        pair["pictures"] = rng.integers(0, 256, 3)
        pair["mask"][rows, columns] = 255
        for index in range(2):
            colour = rng.integers(0, 256, 3)
            pair["pictures"][index, rows, columns] = colour
            pair["warps"][index, 70:190, 60:130] = (*colour, 255)
            pair["photos"][index] = 255
            pair["photos"][index, 20:80, 20:80] = colour
        pair["keypoints"] = np.dstack(
            [rng.uniform(0, WIDTH, 18), rng.uniform(0, HEIGHT, 18), np.ones(18)]
        )[0]
        pair["captions"] = ("a red shirt with long sleeves", "a blue shirt with short sleeves")
        pair["names"] = "shirt"
    pairs["seed"] = np.arange(count)
    return pairs
