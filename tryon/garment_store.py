"""Garments out of a catalogue, ready to wear: a stored atlas is used, not computed again."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Literal, cast
from zipfile import BadZipFile

import numpy as np
from PIL import Image

from tryon.catalog import Catalog
from tryon.catalog_record import CatalogGarment
from tryon.errors import CatalogError
from tryon.images import load_image, photo_key
from tryon.options import GarmentPhoto
from tryon.perception import BODY_MAP, PLACEMENT, Perception
from tryon.pipelines.garment.atlas import GarmentAtlas, GarmentLayer, merged_atlas
from tryon.preparation import Garment, prepared_garment
from tryon.types import CATEGORIES, Category

ATLAS_VERSION = 4
"""Raise it when the code that makes atlases makes others of the same photos."""

_ARRAYS = ("image", "alpha", "places", "coverage", "confidence")


def catalogued_garment(perception: Perception, catalog: Catalog, entry: CatalogGarment) -> Garment:
    """The garment of a catalogue, laid out on the canonical body.

    The stored atlas counts if it was made of these photos by these nets; otherwise the photos are
    looked at again, and nothing is written: `store_atlas` does that.

    Raises CatalogError, ImageError or GarmentError.
    """
    if entry.atlas is not None and entry.atlas.key == atlas_key(entry):
        content = catalog.read(entry, entry.atlas.file)
        atlas = read_atlas(content, catalog.store.path(f"{entry.sku}/{entry.atlas.file}"))
        photo = load_image(Image.open(BytesIO(catalog.read(entry, entry.photos[0].file))))
        return Garment(photo, atlas.category, atlas, garment_key(entry))
    return garment_of_photos(perception, catalog, entry)


def garment_of_photos(perception: Perception, catalog: Catalog, entry: CatalogGarment) -> Garment:
    """The garment that all photos of an entry show together, looked at anew.

    Raises ImageError or GarmentError.
    """
    category, found = entry.category, []
    for photo, cutout in zip(entry.photos, catalog.photos(entry), strict=True):
        garment = prepared_garment(
            perception,
            cutout,
            photo_key(cutout),
            cast("Literal['auto'] | Category", category),
            cast("GarmentPhoto", photo.kind),
            catalog.store.path(f"{entry.sku}/{photo.file}"),
        )
        category = garment.category
        found.append(garment)
    flat = [garment.atlas for garment in found if not garment.worn]
    atlas = merged_atlas(flat, [garment.atlas for garment in found if garment.worn])
    score = min(garment.score for garment in found)
    return Garment(found[0].photo, atlas.category, atlas, garment_key(entry), score=score)


def store_atlas(
    perception: Perception, catalog: Catalog, entry: CatalogGarment
) -> tuple[CatalogGarment, Garment]:
    """Look at an entry's photos and keep the atlas, and the category if it was not said.

    Returns the new entry and the garment. Raises ImageError, GarmentError or CatalogError.
    """
    garment = garment_of_photos(perception, catalog, entry)
    if entry.category == "auto":
        entry = catalog.set_category(entry.sku, garment.category)
    content = atlas_bytes(garment.atlas)
    return catalog.set_atlas(entry.sku, content, atlas_key(entry)), garment


def garment_key(entry: CatalogGarment) -> str:
    """The key of the only photo, or one of all photos together."""
    keys = [photo.key for photo in entry.photos]
    return keys[0] if len(keys) == 1 else hashlib.sha256(" ".join(keys).encode()).hexdigest()


def atlas_key(entry: CatalogGarment) -> str:
    """What a stored atlas depends on: photos, category, and the code and nets that made it."""
    made_of = [
        ATLAS_VERSION,
        _digest(PLACEMENT),
        _digest(BODY_MAP),
        entry.category,
        *((photo.key, photo.kind) for photo in entry.photos),
    ]
    return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()


@lru_cache(maxsize=4)
def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def atlas_bytes(atlas: GarmentAtlas) -> bytes:
    """An atlas as a compressed `.npz` file, exact to the bit."""
    arrays: dict[str, np.ndarray] = {}
    for index, layer in enumerate(atlas.layers):
        for name in _ARRAYS:
            arrays[f"{index}.{name}"] = getattr(layer, name)
    sides = [layer.side for layer in atlas.layers]
    arrays["header"] = np.frombuffer(json.dumps([atlas.category, sides]).encode(), np.uint8)
    stream = BytesIO()
    np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


def read_atlas(content: bytes, path: str) -> GarmentAtlas:
    """What `atlas_bytes` wrote. Raises CatalogError for anything else; path: to name in it."""
    try:
        with np.load(BytesIO(content), allow_pickle=False) as arrays:
            category, sides = json.loads(arrays["header"].tobytes())
            layers = tuple(
                GarmentLayer(**{name: arrays[f"{index}.{name}"] for name in _ARRAYS}, side=side)
                for index, side in enumerate(sides)
            )
        if category not in CATEGORIES or not layers:
            raise ValueError("no garment")
    except (ValueError, KeyError, OSError, EOFError, TypeError, BadZipFile) as error:
        raise CatalogError(
            f"not a stored atlas ({error})", path=path, remedy="Add the garment again."
        ) from error
    return GarmentAtlas(category, layers)
