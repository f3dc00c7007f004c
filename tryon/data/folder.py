"""A folder of samples on disk: one directory per sample, a manifest beside them.

```
FOLDER/
  manifest.json            {"layout": "tryon-samples-1", "size": [h, w], "samples": [names]}
  00000007/
    person.png other.png   uint8 RGB (H, W)
    garment.png            the flat-lay photo of the garment that `person` wears
    new_garment.png        the flat-lay photo of the garment that `other` wears
    garment_worn.png, new_garment_worn.png   if made
    agnostic.png           255 = repaint
    truth.npz              every other array, see `SampleFiles.truth`
    sample.json            category, captions, labels
```

The reader needs nothing but numpy and Pillow; `tryon.data.synthetic.writer` writes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tryon.errors import ImageError, ImageNotFoundError, InputError
from tryon.types import CATEGORIES, Category

LAYOUT = "tryon-samples-1"


@dataclass(frozen=True, slots=True)
class SampleFiles:
    """One sample's files, and what its sample.json says.

    captions: of the person, the garment and the new garment.
    labels: value of the garment and of the new garment in `clothes` and `other_clothes`.
    """

    folder: Path
    name: str
    category: Category
    captions: tuple[str, str, str]
    labels: tuple[int, int]

    def image(self, stem: str) -> Image.Image:
        """One of the pictures, RGB (`agnostic` is L). Raises `ImageError`."""
        path = self.folder / f"{stem}.png"
        if not path.is_file():
            raise ImageNotFoundError("there is no such picture in this sample", path=path)
        try:
            with Image.open(path) as picture:
                return picture.convert("L" if stem == "agnostic" else "RGB")
        except OSError as error:
            raise ImageError(f"cannot be read ({error})", path=path) from error

    def truth(self) -> dict[str, np.ndarray]:
        """The arrays of truth.npz; names, shapes and ranges as in `synthetic.sample`.

        keypoints (18, 3), hands (2, 3, 3), clothes, parts, layer, silhouette (H, W), uv (H, W, 2)
        of `person`; the same with `other_` of `other`; body_uv, body_layer, body_parts, band of
        the bare body; garment_uv, garment_layer, garment_mask and new_garment_... of the flat-lay
        photos; garment_worn_... and new_garment_worn_... if made. uv are float16.
        """
        with np.load(self.folder / "truth.npz") as arrays:
            return {name: arrays[name] for name in arrays.files}


@dataclass(frozen=True, slots=True)
class SampleFolder:
    """A folder of samples, opened by `open_folder`. Iterates over its samples in order."""

    root: Path
    size: tuple[int, int]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> SampleFiles:
        name = self.names[index]
        path = self.root / name / "sample.json"
        facts = _json(path)
        if facts.get("category") not in CATEGORIES:
            raise InputError(f"has no valid category: {facts.get('category')!r}", path=path)
        person, garment, new = facts["captions"]
        old_label, new_label = facts["labels"]
        return SampleFiles(
            path.parent, name, facts["category"], (person, garment, new), (old_label, new_label)
        )

    def __iter__(self) -> Iterator[SampleFiles]:
        return (self[index] for index in range(len(self)))


def open_folder(root: str | Path) -> SampleFolder:
    """Open a folder of samples. Raises `InputError` if it is none."""
    root = Path(root)
    path = root / "manifest.json"
    if not path.is_file():
        raise InputError(
            "this is not a folder of samples: it has no manifest.json",
            path=root,
            remedy="Write one with `python -m tryon.data.synthetic folder`.",
        )
    manifest = _json(path)
    if manifest.get("layout") != LAYOUT:
        raise InputError(
            f"the layout is {manifest.get('layout')!r} and should be {LAYOUT!r}", path=path
        )
    height, width = manifest["size"]
    return SampleFolder(root, (height, width), tuple(manifest["samples"]))


def _json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))  # type: ignore[no-any-return]
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read ({error})", path=path) from error
