"""Garments by SKU: a folder for each, on this machine or in an object store.

    linen-042/
      garment-000003.toml      what there is; the highest number counts
      photos/front-6f0c2e.jpg
      derived/atlas-91d3aa.npz
      lora/mini-2b77c0.safetensors

Files never change. A writer first writes new files, then creates the record with the next number.
Of two writers only one can create it, and the other one is told or begins again: nobody needs a
lock, and readers always see one writing whole. (Delta Lake keeps its log so: Armbrust et al. 2020,
"Delta Lake: High-Performance ACID Table Storage over Cloud Object Stores".) Files that
a writing left behind are deleted two writings later, so that readers under way are not disturbed;
records stay, for a number that is free again would let a late writer in.
"""

from __future__ import annotations

import builtins
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from os import PathLike
from pathlib import Path
from tempfile import gettempdir
from typing import Any
from uuid import uuid4

from PIL import Image

from tryon.catalog_record import (
    CatalogAtlas,
    CatalogGarment,
    CatalogLora,
    CatalogPhoto,
    check_sku,
    from_toml,
    to_toml,
)
from tryon.decoding import Source
from tryon.errors import CatalogConflictError, CatalogError, SkuNotFoundError
from tryon.images import load_cutout, photo_key
from tryon.storage import Store
from tryon.types import CATEGORIES

KINDS = ("auto", "flat-lay", "worn")
_RECORD = re.compile(r"garment-(\d{6})\.toml")
_TRIES = 20


class Catalog:
    """The garments of one shop.

    url: a folder, or a URL (`s3://`, `gs://`, `az://`, `memory://`); it need not exist yet.
    cache: folder of this machine for copies of LoRAs that lie elsewhere.
    options: what fsspec's file system takes.
    """

    def __init__(
        self, url: str | PathLike[str], *, cache: Path | None = None, **options: Any
    ) -> None:
        self.store = Store(url, **options)
        name = hashlib.sha256(self.store.url.encode()).hexdigest()[:16]
        self._cache = (cache or Path(gettempdir()) / "tryon-catalog") / name

    def add(
        self,
        sku: str,
        photos: Sequence[Source],
        *,
        category: str = "auto",
        caption: str = "",
        kinds: Sequence[str] | None = None,
        replace_existing: bool = False,
    ) -> CatalogGarment:
        """Take a garment in.

        photos: paths or images; files are kept as they are. kinds: of each photo, "auto",
        "flat-lay" or "worn". replace_existing: begin anew with a SKU that is taken, LoRA and all.

        Raises ImageError for a photo that cannot be read, CatalogConflictError for a SKU that is
        taken, CatalogError for a bad name or value.
        """
        last = self.check_free(sku, replace_existing=replace_existing)
        kinds = list(kinds or ["auto"] * len(photos))
        if not photos or len(kinds) != len(photos) or not set(kinds) <= set(KINDS):
            raise CatalogError("give at least one photo, and one kind for each")
        if category not in ("auto", *CATEGORIES):
            raise CatalogError(f"category is {category!r}")
        kept = tuple(self._put_photo(sku, p, k) for p, k in zip(photos, kinds, strict=True))
        generation = last.generation + 1 if last else 1
        garment = CatalogGarment(sku, generation, category, caption, kept)
        self._commit(garment, last)
        return garment

    def check_free(self, sku: str, *, replace_existing: bool = False) -> CatalogGarment | None:
        """The last writing of a SKU that may be taken, None for one that never was.

        Raises CatalogConflictError if it is taken, CatalogError for a bad name.
        """
        last = self._last(check_sku(sku))
        if last is not None and not last.removed and not replace_existing:
            raise CatalogConflictError(
                f"there is a garment {sku!r} already",
                path=self.store.url,
                remedy="Choose another name, or replace it: --replace.",
            )
        return last

    def get(self, sku: str) -> CatalogGarment:
        """What is known of a garment now. Raises SkuNotFoundError."""
        garment = self._last(check_sku(sku))
        if garment is None or garment.removed:
            raise SkuNotFoundError(f"no garment is called {sku!r}", path=self.store.url)
        return garment

    def __contains__(self, sku: str) -> bool:
        garment = self._last(check_sku(sku))
        return garment is not None and not garment.removed

    def __iter__(self) -> Iterator[CatalogGarment]:
        """All garments by SKU, read together."""
        latest: dict[str, str] = {}
        for name in self.store.below():  # sorted: the last record of a folder wins
            sku, _, file = name.partition("/")
            if _RECORD.fullmatch(file):
                latest[sku] = name
        contents = self.store.read_many(list(latest.values()))
        for name in latest.values():
            if name in contents:  # somebody may have swept it since
                garment = from_toml(contents[name].decode(), self.store.path(name))
                if not garment.removed:
                    yield garment

    def list(self) -> builtins.list[CatalogGarment]:
        """All garments, sorted by SKU."""
        return sorted(self, key=lambda garment: garment.sku)

    def remove(self, sku: str) -> None:
        """Take a garment out and delete its files. Raises SkuNotFoundError.

        Its records stay: a writer who still holds the garment is told.
        """
        gone = self._changed(sku, _removed)
        for name in self._records(sku):
            record = self._read(sku, name)
            if record is not None and record.generation < gone.generation:
                self._delete(sku, record.files())

    def set_atlas(self, sku: str, content: bytes, key: str) -> CatalogGarment:
        """Keep a garment's atlas, made from what `key` stands for. Raises SkuNotFoundError."""
        file = self._put(sku, "derived", "atlas", ".npz", content)
        return self._changed(sku, lambda old: replace(old, atlas=CatalogAtlas(file, key)))

    def set_lora(self, sku: str, lora: bytes | PathLike[str], *, base: str) -> CatalogGarment:
        """Keep a garment's LoRA for the family called `base`, in the place of an earlier one.

        lora: a `.safetensors` file or its bytes. Raises SkuNotFoundError.
        """
        content = lora if isinstance(lora, bytes) else Path(lora).read_bytes()
        file = self._put(sku, "lora", base, ".safetensors", content)
        new = CatalogLora(base, file, hashlib.sha256(content).hexdigest())
        return self._changed(
            sku,
            lambda old: replace(old, loras=(*(x for x in old.loras if x.base != base), new)),
        )

    def set_category(self, sku: str, category: str) -> CatalogGarment:
        """Note what the garment turned out to be. Raises SkuNotFoundError."""
        return self._changed(sku, lambda old: replace(old, category=category))

    def read(self, garment: CatalogGarment, file: str) -> bytes:
        """One of the garment's files. Raises CatalogError if it is gone."""
        try:
            return self.store.read(f"{garment.sku}/{file}")
        except FileNotFoundError as error:
            raise CatalogError(
                "the catalogue has lost this file, or the garment has changed since",
                path=self.store.path(f"{garment.sku}/{file}"),
                remedy="Look the garment up again; if that does not help, add it again.",
            ) from error

    def photos(self, garment: CatalogGarment) -> builtins.list[Image.Image]:
        """The garment's photos, upright RGBA in sRGB."""
        return [
            load_cutout(Image.open(BytesIO(self.read(garment, p.file)))) for p in garment.photos
        ]

    def lora_file(self, garment: CatalogGarment, base: str) -> Path | None:
        """The garment's LoRA for this family as a file of this machine, or None."""
        lora = garment.lora(base)
        if lora is None:
            return None
        try:
            file = self.store.local_file(f"{garment.sku}/{lora.file}", self._cache)
            found = hashlib.sha256(file.read_bytes()).hexdigest()
        except FileNotFoundError as error:
            path = self.store.path(f"{garment.sku}/{lora.file}")
            raise CatalogError("the catalogue has lost this LoRA", path=path) from error
        if found != lora.sha256:
            raise CatalogError(
                "not the bytes that were put into the catalogue",
                path=file,
                remedy="Train it again.",
            )
        return file

    def lora_option(self, text: str, base: str) -> str:
        """`FILE` or `FILE:WEIGHT` for `sku:NAME` or `sku:NAME:WEIGHT`.

        Raises SkuNotFoundError, or CatalogError if the garment has no LoRA for this family.
        """
        sku, colon, weight = text.removeprefix("sku:").partition(":")
        garment = self.get(sku)
        file = self.lora_file(garment, base)
        if file is None:
            raise CatalogError(
                f"{sku!r} has no LoRA for {base!r}",
                path=self.store.url,
                remedy=f"Train one: tryon garment train {sku} --model {base}",
            )
        return f"{file}{colon}{weight}"

    def _put_photo(self, sku: str, source: Source, kind: str) -> CatalogPhoto:
        image = load_cutout(source)
        if isinstance(source, str | PathLike):
            path = Path(source)
            content, stem, suffix = path.read_bytes(), path.stem, path.suffix.lower()
        else:
            stream = BytesIO()
            image.save(stream, "PNG", compress_level=1)
            content, stem, suffix = stream.getvalue(), "photo", ".png"
        suffix = suffix if re.fullmatch(r"\.[a-z0-9]{1,5}", suffix) else ".img"
        return CatalogPhoto(self._put(sku, "photos", stem, suffix, content), photo_key(image), kind)

    def _put(self, sku: str, folder: str, stem: str, suffix: str, content: bytes) -> str:
        """Write a file under a name that nobody else will use; returns it."""
        stem = re.sub(r"[^A-Za-z0-9_-]+", "-", stem)[:40].strip("-") or "file"
        file = f"{folder}/{stem}-{uuid4().hex[:12]}{suffix}"
        self.store.create(f"{sku}/{file}", content)
        return file

    def _changed(
        self, sku: str, change: Callable[[CatalogGarment], CatalogGarment]
    ) -> CatalogGarment:
        """Apply a change to the newest writing, anew if somebody else wrote meanwhile."""
        for _ in range(_TRIES):
            old = self.get(sku)
            new = replace(change(old), generation=old.generation + 1)
            try:
                self._commit(new, old)
            except CatalogConflictError:
                continue
            return new
        raise CatalogConflictError(f"others keep changing {sku!r}", path=self.store.path(sku))

    def _commit(self, new: CatalogGarment, old: CatalogGarment | None) -> None:
        """Make a writing the newest one, and sweep what the last but one left behind."""
        try:
            self.store.create(f"{new.sku}/{_record_name(new.generation)}", to_toml(new).encode())
        except FileExistsError as error:
            raise CatalogConflictError(
                f"somebody else changed {new.sku!r} at the same time",
                path=self.store.path(new.sku),
                remedy="Try again.",
            ) from error
        if old is not None and old.generation > 1:
            stale = self._read(new.sku, _record_name(old.generation - 1))
            if stale is not None:
                self._delete(new.sku, stale.files() - old.files() - new.files())

    def _delete(self, sku: str, files: Iterable[str]) -> None:
        for file in files:
            self.store.delete(f"{sku}/{file}")

    def _last(self, sku: str) -> CatalogGarment | None:
        """The newest writing, or None."""
        records = self._records(sku)
        return self._read(sku, records[-1]) if records else None

    def _records(self, sku: str) -> builtins.list[str]:
        """Names of the records of a garment, the newest last."""
        return [name for name in self.store.names(sku) if _RECORD.fullmatch(name)]

    def _read(self, sku: str, name: str) -> CatalogGarment | None:
        try:
            content = self.store.read(f"{sku}/{name}")
        except FileNotFoundError:
            return None
        return from_toml(content.decode(), self.store.path(f"{sku}/{name}"))


def base_name(model: str | PathLike[str]) -> str:
    """What a family is called in a catalogue: its name, or that of its folder or file."""
    return Path(model).stem if Path(model).suffix == ".safetensors" else Path(model).name


def _removed(garment: CatalogGarment) -> CatalogGarment:
    return replace(garment, photos=(), loras=(), atlas=None, removed=True)


def _record_name(generation: int) -> str:
    return f"garment-{generation:06d}.toml"
