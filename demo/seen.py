"""What the model saw of the photos, as pictures to show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tryon.demo.dressing import Dressed
from tryon.demo.pictures import shown
from tryon.demo.strings import Language, said

if TYPE_CHECKING:
    from tryon.pipelines.bodymap import BodyMap

RED = (255, 45, 85)


def what_was_seen(language: Language, dressed: Dressed) -> Iterator[tuple[str, Image.Image]]:
    """Captions and pictures: mask, pose, body map, warp and atlas."""
    look, plan = dressed.look, dressed.plan
    photo = shown(plan.person.photo, 768)
    yield said(language, "saw_mask"), tinted(photo, look.mask)
    yield said(language, "saw_pose"), look.skeleton
    yield said(language, "saw_body"), body_map_picture(plan.person.body)
    if look.warp is not None:
        yield said(language, "saw_warp"), shown(look.warp, 768)
    if "atlas" in look.by_products:
        yield said(language, "saw_atlas"), on_white(look.by_products["atlas"])


def tinted(photo: Image.Image, mask: Image.Image) -> Image.Image:
    """The photo with red where the mask is."""
    area = mask.resize(photo.size).point(lambda level: level * 6 // 10)
    return Image.composite(Image.new("RGB", photo.size, RED), photo, area)


def body_map_picture(body: BodyMap) -> Image.Image:
    """Place on the canonical body as colour: red across, green down, blue for the front."""
    colours = np.dstack([body.uv, 0.35 + 0.5 * body.front]).clip(0, 1)
    surface = (body.body > 0.5)[..., None]
    picture = Image.fromarray((np.where(surface, colours, 0.96) * 255).astype(np.uint8))
    return picture.resize((picture.width * 3, picture.height * 3), Image.Resampling.NEAREST)


def on_white(picture: Image.Image) -> Image.Image:
    """A picture with transparency, laid over white."""
    white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")
