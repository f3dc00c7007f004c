from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tryon.batch.presets import PRESETS, Preset, background_colour, presented, write_picture
from tryon.errors import OutputError
from tryon.provenance import read_provenance


def picture(width: int, height: int) -> Image.Image:
    """Noise in the middle, one colour around it."""
    image = Image.new("RGB", (width, height), (200, 210, 220))
    noise = np.random.default_rng(0).integers(0, 256, (height // 2, width // 2, 3), np.uint8)
    image.paste(Image.fromarray(noise), (width // 4, height // 4))
    return image


def test_native_leaves_the_picture_alone(tmp_path: Path) -> None:
    image = picture(300, 400)
    assert presented(image, PRESETS["native"]) is image
    write_picture(image, tmp_path / "a.png", Preset(suffix=".png"), {"seed": 1})
    assert Image.open(tmp_path / "a.png").tobytes() == image.tobytes()


@pytest.mark.parametrize(
    ("size", "wanted"), [((300, 400), (1500, 2000)), ((800, 400), (3000, 1500))]
)
def test_google_gets_1500_pixels_and_its_tag(
    tmp_path: Path, size: tuple[int, int], wanted: tuple[int, int]
) -> None:
    image = presented(picture(*size), PRESETS["google"])
    assert image.size == wanted
    write_picture(image, tmp_path / "a.jpg", PRESETS["google"], {"seed": 1})
    found = read_provenance(tmp_path / "a.jpg")
    assert found.digital_source_type == "trainedAlgorithmicMedia"
    assert (tmp_path / "a.jpg").stat().st_size < 16_000_000


def test_what_is_large_enough_is_not_scaled() -> None:
    image = picture(1600, 2400)
    assert presented(image, PRESETS["google"]) is image


@pytest.mark.parametrize("size", [(300, 400), (400, 300), (3000, 2000)])
def test_shopify_gets_a_square_with_everything_in_it(size: tuple[int, int]) -> None:
    image = picture(*size)
    square = presented(image, PRESETS["shopify"])
    assert square.size == (2048, 2048)
    scale = 2048 / max(size)
    inner = round(size[0] * scale), round(size[1] * scale)
    left, top = (2048 - inner[0]) // 2, (2048 - inner[1]) // 2
    shown = square.crop((left, top, left + inner[0], top + inner[1]))
    expected = image.resize(inner, Image.Resampling.LANCZOS)
    assert shown.tobytes() == expected.tobytes()
    assert square.getpixel((0, 0)) == square.getpixel((2047, 2047)) == (200, 210, 220)


def test_the_background_is_not_the_person() -> None:
    image = Image.new("RGB", (100, 100), "white")
    image.paste((0, 0, 0), (0, 60, 100, 100))  # the person reaches the lower edge
    assert background_colour(image) == (255, 255, 255)


def test_quality_gives_way_to_size(tmp_path: Path) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8))
    large, small = tmp_path / "large.jpg", tmp_path / "small.jpg"
    write_picture(noise, large, Preset(), None)
    limit = large.stat().st_size // 2
    write_picture(noise, small, Preset(max_bytes=limit), None)
    assert small.stat().st_size <= limit
    with pytest.raises(OutputError, match="at any quality"):
        write_picture(noise, small, Preset(max_bytes=1000), None)


def test_without_provenance_the_file_says_nothing(tmp_path: Path) -> None:
    write_picture(picture(64, 64), tmp_path / "a.jpg", PRESETS["google"], None)
    assert read_provenance(tmp_path / "a.jpg").digital_source_type is None
