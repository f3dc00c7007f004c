"""From a catalogue's garment to its LoRA in the catalogue, and to a sheet that shows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from tryon.catalog import Catalog, base_name
from tryon.catalog_record import CatalogGarment
from tryon.engine import TryOn
from tryon.errors import PersonError
from tryon.garment_store import atlas_key, catalogued_garment, store_atlas
from tryon.images import load_image
from tryon.perception import Perception
from tryon.pipelines.family import Family
from tryon.preparation import Garment, prepared_person
from tryon.stopwatch import Stopwatch
from tryon.training.body_library import load_bodies
from tryon.training.garment_config import GarmentLoraConfig, views_for
from tryon.training.garment_lora import OnStep, TrainingGarment, train_garment_lora
from tryon.training.garment_views import Wearer, library_wearer, library_wearers

_CELL = (288, 384)  # width, height of a preview's pictures


def train_in_catalog(
    config: GarmentLoraConfig,
    *,
    catalog: Catalog,
    sku: str,
    model: str,
    family: Family,
    perception: Perception,
    out: Path,
    resume: bool = False,
    on_view: Callable[[int, int], None] | None = None,
    on_step: OnStep | None = None,
    trackers: Sequence[str] = (),
) -> Path:
    """Train a garment's LoRA on all its photos, put it into the catalogue, return its file.

    Raises what `train_garment_lora` does, SkuNotFoundError, CatalogError.
    """
    entry = catalog.get(sku)
    if entry.atlas is None or entry.atlas.key != atlas_key(entry):
        entry, _ = store_atlas(perception, catalog, entry)
    garment = catalogued_garment(perception, catalog, entry)
    base = base_name(model)
    file = train_garment_lora(
        config,
        family=family,
        subject=TrainingGarment(sku, garment, base, entry.caption),
        # Each view shows another person, and looking at one takes as long as some steps.
        wearers=wearers_of(
            perception,
            catalog,
            entry,
            garment,
            None if config.validate_every else views_for(config),
        ),
        out=out,
        resume=resume,
        on_view=on_view,
        on_step=on_step,
        trackers=trackers,
    )
    catalog.set_lora(sku, file, base=base)
    return file


def wearers_of(
    perception: Perception,
    catalog: Catalog,
    entry: CatalogGarment,
    garment: Garment,
    most: int | None = None,
) -> list[Wearer]:
    """Those who wear the garment in its own photos, in turns with the library's people.

    most: how many of the library's are enough; None: all.
    """
    own = []
    for photo, picture in zip(entry.photos, catalog.photos(entry), strict=True):
        if photo.kind == "flat-lay":
            continue
        image = load_image(picture)
        with suppress(PersonError):  # lies flat: nobody is in the photo
            own.append(Wearer(prepared_person(perception, image, photo.key, Stopwatch())))
    return in_turns(own, library_wearers(perception, garment.category, most=most))


def in_turns(own: Sequence[Wearer], library: Sequence[Wearer]) -> list[Wearer]:
    """One's own wearers, again and again, between the library's."""
    if not own:
        return list(library)
    return [w for n, other in enumerate(library) for w in (own[n % len(own)], other)]


def preview_sheet(engine: TryOn, sku: str, *, people: int, seed: int = 0) -> Image.Image:
    """RGB: a row for each person of the library; the person, the garment drawn on them, and
    repainted with the warp and without, each without and (if there is one) with its LoRA.

    Raises SkuNotFoundError, CatalogError.
    """
    entry = engine.catalog.get(sku)
    garment = engine.prepare_garment(entry)
    loras = [()] if garment.lora is None else [(f"{garment.lora}:0",), (garment.lora,)]
    rows = []
    for body in load_bodies(garment.category)[:people]:
        with suppress(PersonError):
            person = library_wearer(engine.perception, body).person
            pictures = [person.photo]
            for warp in (True, False):
                for lora in loras:
                    look = engine.dress(person, garment, seed=seed, warp=warp, lora=lora)
                    if look.warp is not None and len(pictures) == 1:
                        pictures.append(look.warp)
                    pictures.append(look.image)
            cells = [
                cv2.resize(np.asarray(p), _CELL, interpolation=cv2.INTER_AREA) for p in pictures
            ]
            rows.append(np.hstack(cells))
    return Image.fromarray(np.vstack(rows))
