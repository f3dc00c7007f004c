"""The people and garments that the page offers: the shop's catalogue, or the examples."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

from tryon.catalog import Catalog, base_name
from tryon.catalog_record import CatalogGarment
from tryon.errors import TryOnError
from tryon.images import load_image
from tryon.types import CATEGORIES

logger = logging.getLogger(__name__)

SHOWN = 120  # garments of a catalogue that the gallery shows
THUMBNAIL = 512


@dataclass(frozen=True, slots=True)
class Choice:
    """A garment to pick. source: a file, or `sku:NAME`. picture: a file to show."""

    name: str
    category: str
    source: str
    picture: str


class Wardrobe:
    """What can be picked.

    examples: folder with `person*.jpg` and `upper-*.jpg`, `lower-*.jpg`, `dress-*.jpg`.
    thumbnails: folder for small pictures of what lies in the catalogue.
    """

    def __init__(self, examples: Path, thumbnails: Path, catalog: Catalog | None = None) -> None:
        self.catalog = catalog
        self.thumbnails = thumbnails
        self.people = sorted(map(str, examples.glob("person*.jpg")))
        self.example_garments = [
            Choice(path.stem.removeprefix(f"{category}-"), category, str(path), str(path))
            for category in CATEGORIES
            for path in sorted(examples.glob(f"{category}-*.jpg"))
        ]

    def garments(self, category: str = "all") -> list[Choice]:
        """The garments of a category: those of the catalogue, then the examples."""
        choices = [*self._catalogued(), *self.example_garments]
        return [choice for choice in choices if category in ("all", choice.category)]

    def person_name(self, path: str) -> str:
        """What an example person is called."""
        return Path(path).stem.removeprefix("person").strip("-") or "stripes"

    def named(self, name: str) -> Choice | None:
        """The garment that is shown under this name."""
        return next((choice for choice in self.garments() if choice.name == name), None)

    def loras(self, model: str) -> list[str]:
        """`sku:NAME` of every garment in the catalogue with a LoRA for this family."""
        base = base_name(model)
        entries = list(self.catalog or ())
        return sorted(f"sku:{entry.sku}" for entry in entries if entry.lora(base) is not None)

    def _catalogued(self) -> list[Choice]:
        if self.catalog is None:
            return []
        choices = []
        for entry in self.catalog.list()[:SHOWN]:
            try:
                picture = self._thumbnail(self.catalog, entry)
            except (TryOnError, OSError) as error:  # one broken entry does not empty the gallery
                logger.warning("%s is not shown: %s", entry.sku, error)
                continue
            choices.append(Choice(entry.sku, entry.category, f"sku:{entry.sku}", str(picture)))
        return choices

    def _thumbnail(self, catalog: Catalog, entry: CatalogGarment) -> Path:
        """A small picture of an entry's first photo, made once."""
        file = self.thumbnails / f"{entry.photos[0].key[:32]}.jpg"
        if not file.is_file():
            photo = load_image(Image.open(BytesIO(catalog.read(entry, entry.photos[0].file))))
            photo.thumbnail((THUMBNAIL, THUMBNAIL))
            file.parent.mkdir(parents=True, exist_ok=True)
            photo.save(file, quality=88)
        return file
