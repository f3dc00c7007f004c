"""What each pixel of a person shows: hair, skin, face, clothes, or something else.

MediaPipe's multiclass selfie segmentation, a network of 256 x 256 pixels, made for photographs of
people from near by. It may be blind to black cloth on dark ground; whoever asks it must decide by
other means where it sees background inside a silhouette.
"""

from __future__ import annotations

from os import PathLike
from typing import Protocol

import cv2
import numpy as np

from tryon.pipelines.litert import LiteRTModel

CLASSES = ("background", "hair", "skin", "face", "clothes", "others")
PARSER_SIDE = 256
LONGEST = 1.5  # how far a picture may be squeezed: beyond, its edges go on to the sides


class ClassProbability(Protocol):
    """Anything that tells `CLASSES` apart."""

    def probability(self, rgb: np.ndarray) -> np.ndarray:
        """float32 (h, w, 6), 0-1, summing to 1: `CLASSES` of each pixel, uint8 (h, w, 3)."""
        ...


class PersonParser:
    """The network, loaded, on the CPU. Safe to use from several threads, which take turns."""

    def __init__(self, path: str | PathLike[str], threads: int = 1) -> None:
        """Load the `.tflite` file at `path`, to run on `threads` CPU threads.

        Raises WeightsMissingError and WeightsCorruptError.
        """
        self._model = LiteRTModel(path, threads)

    def probability(self, rgb: np.ndarray) -> np.ndarray:
        """float32 (h, w, 6), 0-1, summing to 1: how likely each pixel of a picture, uint8
        (h, w, 3), shows each of `CLASSES`. The person should fill the picture.
        """
        height, width = rgb.shape[:2]
        aside, above = (
            max(round((long / LONGEST - short) / 2), 0)
            for long, short in ((height, width), (width, height))
        )
        padded = cv2.copyMakeBorder(rgb, above, above, aside, aside, cv2.BORDER_REPLICATE)
        shrinks = max(padded.shape[:2]) > PARSER_SIDE
        small = cv2.resize(
            padded,
            (PARSER_SIDE, PARSER_SIDE),
            interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR,
        )
        (logits,) = self._model(small[None].astype(np.float32) / 255).values()
        odds = np.exp(logits[0] - logits[0].max(axis=-1, keepdims=True))
        odds /= odds.sum(axis=-1, keepdims=True)
        large = cv2.resize(odds, padded.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return np.ascontiguousarray(large[above : above + height, aside : aside + width])
