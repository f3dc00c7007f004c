"""The people and garments that the page offers: the shop's catalogue, or the examples."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from gradio.processing_utils import hash_file
from PIL import Image

from tryon.catalog import Catalog, base_name
from tryon.catalog_record import CatalogGarment
from tryon.demo.strings import EXAMPLES, WORDS
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


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found. choices: the first of them, to be shown. total: how many there are."""

    choices: list[Choice]
    total: int


class Wardrobe:
    """What can be picked.

    examples: folder with `person*.jpg` and `upper-*.jpg`, `lower-*.jpg`, `dress-*.jpg`.
    thumbnails: folder for small pictures of what lies in the catalogue.
    digests: of every picture that is offered, as Gradio names its copies.
    """

    def __init__(self, examples: Path, thumbnails: Path, catalog: Catalog | None = None) -> None:
        self.catalog = catalog
        self.examples = examples
        self.thumbnails = thumbnails
        self.people = sorted(map(str, examples.glob("person*.jpg")))
        self.example_garments = [
            Choice(path.stem.removeprefix(f"{category}-"), category, str(path), str(path))
            for category in CATEGORIES
            for path in sorted(examples.glob(f"{category}-*.jpg"))
        ]
        shown = [*self.people, *(choice.picture for choice in self.example_garments)]
        self.digests = {hash_file(file) for file in shown}
        self._skus: dict[str, str] = {}

    def garments(self, category: str = "all") -> list[Choice]:
        """The garments of a category that are shown where nothing is searched for."""
        return self.found(category).choices

    def found(self, category: str = "all", words: str = "") -> Found:
        """The garments of a category in whose name, words or kind each of these words occurs:
        those of the catalogue, then the examples."""
        entries = [
            entry
            for entry in ([] if self.catalog is None else self.catalog.list())
            if category in ("all", entry.category)
            and fits(words, entry.sku, entry.caption, entry.category)
        ]
        taken = {entry.sku for entry in entries}
        examples = [
            choice
            for choice in self.example_garments
            if category in ("all", choice.category)
            and choice.name not in taken
            and fits(words, choice.name, choice.category)
        ]
        catalogued = [self._choice(entry) for entry in entries[:SHOWN]]
        choices = [choice for choice in catalogued if choice is not None]
        return Found([*choices, *examples][:SHOWN], len(entries) + len(examples))

    def person_name(self, path: str) -> str:
        """What an example person is called."""
        return Path(path).stem.removeprefix("person").strip("-") or "stripes"

    def named(self, name: str) -> Choice | None:
        """The garment of this name, be it shown or not; an example also by its Korean one."""
        entries = [] if self.catalog is None else self.catalog.list()
        entry = next((entry for entry in entries if entry.sku == name), None)
        if entry is not None:
            return self._choice(entry)
        return next((c for c in self.example_garments if name in (c.name, *EXAMPLES[c.name])), None)

    def source_of(self, file: str) -> str:
        """`sku:NAME` where a file of the page is the picture of that garment, else the file."""
        path = Path(file)
        sku = self._skus.get(path.name) if path.parent.name in self.digests else None
        return file if sku is None else f"sku:{sku}"

    def names(self) -> list[str]:
        """What all garments are called: those of the catalogue, then the examples."""
        names = [entry.sku for entry in ([] if self.catalog is None else self.catalog.list())]
        return [*names, *(c.name for c in self.example_garments if c.name not in names)]

    def loras(self, model: str) -> list[str]:
        """`sku:NAME` of every garment in the catalogue with a LoRA for this family."""
        base = base_name(model)
        entries = list(self.catalog or ())
        return sorted(f"sku:{entry.sku}" for entry in entries if entry.lora(base) is not None)

    def _choice(self, entry: CatalogGarment) -> Choice | None:
        """A garment of the catalogue with its picture; None for a broken one, which is noted."""
        assert self.catalog is not None
        try:
            picture = self._thumbnail(self.catalog, entry)
        except (TryOnError, OSError) as error:  # one broken entry does not empty the gallery
            logger.warning("%s is not shown: %s", entry.sku, error)
            return None
        return Choice(entry.sku, entry.category, f"sku:{entry.sku}", str(picture))

    def _thumbnail(self, catalog: Catalog, entry: CatalogGarment) -> Path:
        """A small picture of an entry's first photo, made once."""
        file = self.thumbnails / f"{entry.sku}-{entry.photos[0].key[:32]}.jpg"
        if not file.is_file():
            photo = load_image(Image.open(BytesIO(catalog.read(entry, entry.photos[0].file))))
            photo.thumbnail((THUMBNAIL, THUMBNAIL))
            file.parent.mkdir(parents=True, exist_ok=True)
            photo.save(file, quality=88)
            self.digests.add(hash_file(file))
            self._skus[file.name] = entry.sku
        return file


def fits(words: str, *texts: str) -> bool:
    """Whether each of the words occurs in one of the texts, or in what a category or an example is
    called in either language."""
    names = WORDS | EXAMPLES
    known = [*texts, *(name for text in texts for name in names.get(text, ()))]
    whole = "\n".join(known).casefold()
    return all(word in whole for word in words.casefold().split())
