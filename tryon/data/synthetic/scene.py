"""One whole sample from one seed."""

from __future__ import annotations

from pathlib import Path

from tryon.data.synthetic.sample import Sample


def render_sample(
    seed: int,
    size: tuple[int, int] = (256, 192),
    *,
    photo_size: tuple[int, int] | None = None,
    worn_photos: bool = False,
    fabric_folder: Path | None = None,
) -> Sample:
    """Render the sample of `seed`; the same arguments give the same arrays.

    size: (height, width) of the person pictures.
    photo_size: (height, width) of the garment photos; None takes `size`.
    worn_photos: also photograph `garment` and `new_garment` on another body (`Garment.worn`).
    fabric_folder: folder of photographs (any depth, .jpg) to crop fabrics and blurred backgrounds
        from; None uses procedural fabrics only.
    """
    raise NotImplementedError
