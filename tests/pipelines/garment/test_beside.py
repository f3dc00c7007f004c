"""Whether a second garment in the photo is noticed, and nothing else is taken for one."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from PIL import Image

from tests.garments import GROUND, shirt, trousers
from tryon.perception import CUTOUT, GLANCE
from tryon.pipelines.bodymap_net import load_dense_net
from tryon.pipelines.garment.beside import garment_beside
from tryon.pipelines.garment.cutout import garment_cutout
from tryon.pipelines.garment.glance_net import GlanceNet, load_glance_net
from tryon.training.other_things import drawn_thing
from tryon.types import Box

cut_out = partial(garment_cutout, load_dense_net(CUTOUT))


@pytest.fixture(scope="module")
def net() -> GlanceNet:
    return load_glance_net(GLANCE)


def side_by_side(*images: Image.Image) -> Image.Image:
    row = Image.new("RGB", (384 * len(images), 512), GROUND)
    for index, image in enumerate(images):
        row.paste(image, (384 * index, 0))
    return row


@pytest.mark.parametrize("first", [0, 384])
def test_another_garment_beside_is_noticed(net: GlanceNet, first: int) -> None:
    both = side_by_side(shirt(), trousers())
    assert garment_beside(net, cut_out, both, Box(first + 30, 30, first + 354, 480))


def test_below_as_well(net: GlanceNet) -> None:
    both = Image.new("RGB", (384, 1024), GROUND)
    both.paste(shirt(), (0, 0))
    both.paste(trousers(), (0, 512))
    assert garment_beside(net, cut_out, both, Box(34, 90, 350, 434))


def test_empty_ground_is_none(net: GlanceNet) -> None:
    alone = side_by_side(shirt(), Image.new("RGB", (384, 512), GROUND))
    assert not garment_beside(net, cut_out, alone, Box(34, 90, 350, 434))
    assert not garment_beside(net, cut_out, shirt(), Box(34, 90, 350, 434))


@pytest.mark.parametrize("name", ["cup", "shoe", "bag"])
def test_other_things_beside_do_not_count(net: GlanceNet, name: str) -> None:
    rgba = Image.fromarray(drawn_thing(np.random.default_rng(0), name))
    thing = Image.new("RGB", (384, 512), GROUND)
    thing.paste(rgba.resize((320, 320)), (30, 90), rgba.resize((320, 320)))
    photo = side_by_side(shirt(), thing)
    assert not garment_beside(net, cut_out, photo, Box(34, 90, 350, 434))
