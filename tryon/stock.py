"""What an engine can dress people in: garments by photo or by SKU, and their LoRAs."""

from __future__ import annotations

import logging
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Literal

from tryon.adapters.lora_bank import LoraBank
from tryon.catalog import Catalog, base_name
from tryon.catalog_record import CatalogGarment, named_sku
from tryon.errors import LoraError, OptionError
from tryon.garment_store import catalogued_garment
from tryon.images import Source, load_cutout, photo_key, source_path
from tryon.options import DressOptions, GarmentPhoto, lora_and_weight, lora_file
from tryon.perception import Perception
from tryon.pipelines.conditioning import WeightedLoras
from tryon.pipelines.family import Family
from tryon.pipelines.recent import Recent
from tryon.preparation import Garment, prepared_garment
from tryon.types import Category

logger = logging.getLogger(__name__)

GarmentSource = Source | Garment | CatalogGarment
"""A garment photo, what `prepare_garment` gave, or a garment of the catalogue: `sku:NAME`."""


class Stock:
    """Garments, looked at once and remembered, and LoRAs, read once and remembered.

    model, family: that the LoRAs are for; the family `none` paints nothing and needs none.
    catalog: garments that go by `sku:NAME`, in a folder or an object store.
    lora_folder: where LoRAs lie that are asked for by name, NAME.safetensors.
    remember: how many prepared garments are kept.
    """

    def __init__(
        self,
        perception: Perception,
        model: str,
        family: Family | None,
        *,
        catalog: str | PathLike[str] | Catalog | None,
        lora_folder: str | PathLike[str],
        remember: int,
    ) -> None:
        self._perception = perception
        self._family = family
        self._base = base_name(model)
        self._catalog = (
            catalog if catalog is None or isinstance(catalog, Catalog) else Catalog(catalog)
        )
        self._lora_folder = Path(lora_folder)
        self._garments: Recent[Garment] = Recent(remember)
        self._loras = LoraBank()

    @property
    def catalog(self) -> Catalog:
        """The catalogue. Raises OptionError if there is none."""
        if self._catalog is None:
            raise OptionError(
                "a garment is named by its SKU, and there is no catalogue",
                remedy="Give one: TryOn(catalog=...), or --catalog.",
            )
        return self._catalog

    def garment(
        self,
        source: GarmentSource,
        category: Literal["auto"] | Category = "auto",
        photo_kind: GarmentPhoto = "auto",
    ) -> Garment:
        """What is in a garment photo. The same pixels are looked at once.

        Raises ImageError, GarmentError or CatalogError.
        """
        if isinstance(source, Garment):
            return source
        if isinstance(source, CatalogGarment):
            return self._catalogued(source, category)
        if (sku := named_sku(source)) is not None:
            return self._catalogued(self.catalog.get(sku), category)
        cutout = load_cutout(source)
        key = photo_key(cutout)
        path = source_path(source)
        return self._garments.get(
            (key, category, photo_kind),
            lambda: prepared_garment(self._perception, cutout, key, category, photo_kind, path),
        )

    def _catalogued(self, entry: CatalogGarment, category: Literal["auto"] | Category) -> Garment:
        """A garment of the catalogue with its words and its LoRA for this family."""
        if entry.category == "auto":
            entry = replace(entry, category=category)
        elif category not in ("auto", entry.category):
            told = "the catalogue has %s as %r: the category %r is not used"
            logger.warning(told, entry.sku, entry.category, category)
        garment = self._garments.get(
            (entry.sku, entry.category, entry.photos, entry.atlas),
            lambda: catalogued_garment(self._perception, self.catalog, entry),
        )
        file = None if self._family is None else self.catalog.lora_file(entry, self._base)
        lora = None if file is None else str(file)
        return replace(garment, words=entry.caption or None, lora=lora)

    def options_with(self, garment: Garment, options: DressOptions) -> DressOptions:
        """The options with files for the LoRAs named by SKU, and with what the garment brings.

        A prompt or a LoRA of the caller's stands in the place of the garment's own.
        """
        files = tuple(
            text if named_sku(text) is None else self.catalog.lora_option(text, self._base)
            for text in options.lora
        )
        own = (garment.lora,) if garment.lora else ()
        return replace(options, prompt=options.prompt or garment.words, lora=files or own)

    def loras(self, options: DressOptions) -> WeightedLoras:
        """The LoRAs that are asked for, from memory if they were read before. Raises LoraError."""
        if self._family is None:
            return ()
        loras = []
        for name, weight in map(lora_and_weight, options.lora):
            file = lora_file(name, self._lora_folder)
            lora = self._loras.get(file)
            try:
                self._family.check_lora(lora)
            except LoraError as error:
                raise type(error)(error.reason, path=file, remedy=error.remedy) from error
            loras.append((lora, weight))
        return tuple(loras)
