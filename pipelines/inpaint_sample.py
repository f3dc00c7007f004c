"""What one picture to repaint is made of."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from tryon.pipelines.conditioning import WeightedLoras


@dataclass(frozen=True)
class Piece:
    """What one garment of a picture brings, and where it acts.

    prompt: text. garment: RGB of any size, the image prompt, or None. loras: what it wears.
    region: L of the picture's size, 255 = here; None is where no other piece acts.
    """

    prompt: str
    garment: Image.Image | None = None
    loras: WeightedLoras = ()
    region: Image.Image | None = None


@dataclass(frozen=True)
class InpaintSample:
    """One picture to make. All images have one size, in multiples of the VAE's factor (8).

    image: RGB, the photo (a crop of it, at working size).
    mask: L, 255 = repaint.
    prompt, negative_prompt: texts; an empty negative prompt means no prompt at all.
    seed: of all that is drawn at random for this picture, wherever it stands in a batch.
    skeleton: RGB, the pose as OpenPose draws it, or None to leave the pose free.
    garment: RGB of any size, the image prompt, or None.
    warp: RGB, the photo with the warped garment placed on it, or None. It starts the denoising
        when strength < 1, is what a tile ControlNet is shown, and is what the UNet sees inside
        the mask if the family was trained so (`FamilyConfig.masked_image`): for such a family,
        paint middle grey where the garment leaves some of the mask, not what the person wore.
    loras: what this picture alone wears.
    pieces: further garments. Prompt, image prompt and LoRAs act in the region of each, and those
        above everywhere else (see `tryon.adapters.regions`).
    """

    image: Image.Image
    mask: Image.Image
    prompt: str
    negative_prompt: str
    seed: int
    skeleton: Image.Image | None = None
    garment: Image.Image | None = None
    warp: Image.Image | None = None
    loras: WeightedLoras = ()
    pieces: tuple[Piece, ...] = ()

    @property
    def garments(self) -> tuple[Piece, ...]:
        """All of them, this one first."""
        return Piece(self.prompt, self.garment, self.loras), *self.pieces
