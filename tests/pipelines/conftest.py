"""The embedded models that see people, loaded once."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from skimage import data

from tryon.assets.rebuild import PERCEPTION
from tryon.pipelines.person.parser import PersonParser
from tryon.pipelines.pose import BlazePose
from tryon.pipelines.silhouette import SelfieSegmenter


@pytest.fixture(scope="session")
def blazepose() -> BlazePose:
    return BlazePose(PERCEPTION / "pose_detection.tflite", PERCEPTION / "pose_landmark_full.tflite")


@pytest.fixture(scope="session")
def segmenter() -> SelfieSegmenter:
    return SelfieSegmenter(PERCEPTION / "selfie_segmentation.tflite")


@pytest.fixture(scope="session")
def parser() -> PersonParser:
    return PersonParser(PERCEPTION / "selfie_multiclass_256x256.tflite")


@pytest.fixture(scope="session")
def portrait() -> Image.Image:
    """A real photo of one person (NASA, public domain), 512 x 512."""
    return Image.fromarray(data.astronaut())


@pytest.fixture(scope="session")
def backdrop() -> np.ndarray:
    """uint8 (1500, 2000, 3): soft blotches of colour, nobody in it."""
    blotches = np.random.default_rng(0).integers(60, 220, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(blotches).resize((2000, 1500), Image.Resampling.BICUBIC))
