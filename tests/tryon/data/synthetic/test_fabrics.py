from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tryon.data.synthetic.cuts import Cut
from tryon.data.synthetic.fabrics import cloth_for, pyramid, random_fabric
from tryon.data.synthetic.prints import decal_for, random_decal
from tryon.data.synthetic.sample import UPPER
from tryon.data.synthetic.weaves import WEAVES, periodic_noise, photo_tile

SHIRT = Cut("t-shirt", "upper", UPPER, "top", top=0.77, hem=0.05, ease=0.015, sleeve=0.35)
COLOURS = np.array([[200.0, 30, 40], [20, 40, 160], [240, 240, 240]])


@pytest.mark.parametrize("weave", list(WEAVES))
def test_tiles_repeat_without_a_seam(weave: str) -> None:
    tile, period, words = WEAVES[weave](np.random.default_rng(1), COLOURS, ("red", "blue", "white"))
    assert tile.shape in ((128, 128, 3), (256, 256, 3)) and tile.dtype == np.float32
    assert 0.005 < period < 1 and words.startswith("red")
    inner = np.abs(np.diff(tile, axis=1)).mean((0, 2)).max()
    seam = np.abs(tile[:, 0] - tile[:, -1]).mean()
    assert seam <= 1.5 * inner + 3


def test_a_coarse_picture_gets_a_small_tile_of_the_same_colour() -> None:
    fabric, _ = random_fabric(np.random.default_rng(4), SHIRT)
    fine = cloth_for(fabric, 1e-4).tile
    cloth = cloth_for(fabric, fabric.period / 8)
    assert len(fine) >= 128 and len(cloth.tile) == 8
    assert cloth.tile.mean((0, 1)) == pytest.approx(fine.mean((0, 1)), abs=2)
    step = cloth.to_tile[:, :2] @ np.array([fabric.period, 0])
    assert np.linalg.norm(step) == pytest.approx(8, rel=1e-4)


def test_creases_are_coarser_in_a_coarse_picture() -> None:
    fabric, _ = random_fabric(np.random.default_rng(4), SHIRT)
    assert len(cloth_for(fabric, 0.002).creases) == 2 * len(cloth_for(fabric, 0.01).creases)


def test_a_pyramid_ends_in_the_mean_colour() -> None:
    tile = np.random.default_rng(0).uniform(0, 255, (16, 16, 3)).astype(np.float32)
    tiles = pyramid(tile)
    assert [len(t) for t in tiles] == [16, 8, 4, 2, 1]
    assert tiles[-1][0, 0] == pytest.approx(tile.mean((0, 1)), abs=0.1)


def test_prints_lie_on_the_cloth_and_keep_their_colour_when_shrunk() -> None:
    decal, words = random_decal(np.random.default_rng(2), SHIRT, np.array([240.0, 240, 240]))
    left, top, width, height = decal.box
    assert -0.2 < left < left + width < 0.2
    assert -SHIRT.top < top < top + height < -SHIRT.hem + 0.01
    small, box = decal_for(decal, 0.01)
    assert small.shape[0] < 50 and box[4] == decal.side
    ink = decal.image[decal.image[..., 3] > 0.9][:, :3].mean(0)
    assert small[small[..., 3] > 0.6][:, :3].mean(0) == pytest.approx(ink, abs=30)
    assert words


def test_noise_repeats() -> None:
    noise = periodic_noise(np.random.default_rng(0), 64, 5)
    inner = np.abs(np.diff(noise, axis=0)).max()
    assert np.abs(noise[0] - noise[-1]).max() <= 1.2 * inner


def test_fabrics_can_be_cropped_from_photos(tmp_path) -> None:  # type: ignore[no-untyped-def]
    picture = np.zeros((400, 300, 3), np.uint8)
    picture[..., 1] = 200
    Image.fromarray(picture).save(tmp_path / "cloth.jpg")
    tile = photo_tile(np.random.default_rng(0), (tmp_path / "cloth.jpg",))
    assert tile.shape == (256, 256, 3) and tile.mean((0, 1)) == pytest.approx([0, 200, 0], abs=6)
    assert (tile[:, 0] == tile[:, -1]).all()
