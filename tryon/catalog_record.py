"""What a catalogue notes of a garment, and the TOML that holds it."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

from tryon.errors import CatalogError

Part = TypeVar("Part")

SKU = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?")


@dataclass(frozen=True, slots=True)
class CatalogPhoto:
    """A photo. file: below the garment's folder. key: sha256 of size and pixels.

    kind: "auto", "flat-lay" or "worn".
    """

    file: str
    key: str
    kind: str = "auto"


@dataclass(frozen=True, slots=True)
class CatalogAtlas:
    """A garment laid out in advance. key: of what it was made from (photos, category, nets)."""

    file: str
    key: str


@dataclass(frozen=True, slots=True)
class CatalogLora:
    """A LoRA. base: name of the family that it was trained on. sha256: of the file."""

    base: str
    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class CatalogGarment:
    """One garment of a catalogue, as it was at one time.

    sku: its name. generation: which writing this is, from 1.
    category: "auto", "upper", "lower" or "dress".
    caption: the garment in words, for the prompt; may be empty.
    """

    sku: str
    generation: int
    category: str
    caption: str
    photos: tuple[CatalogPhoto, ...]
    atlas: CatalogAtlas | None = None
    loras: tuple[CatalogLora, ...] = ()
    removed: bool = False

    def lora(self, base: str) -> CatalogLora | None:
        """The LoRA for this family, if there is one."""
        return next((lora for lora in self.loras if lora.base == base), None)

    def files(self) -> set[str]:
        """All files that belong to this writing, below the garment's folder."""
        parts = (*self.photos, *self.loras, *((self.atlas,) if self.atlas else ()))
        return {part.file for part in parts}


def check_sku(sku: str) -> str:
    """The SKU itself. Raises CatalogError unless it is safe as a folder's name anywhere."""
    if not isinstance(sku, str) or not SKU.fullmatch(sku):
        raise CatalogError(
            f"{sku!r} is not a name for a garment",
            remedy="Use up to 100 letters, digits, '.', '_' and '-', beginning with one of the "
            "first two.",
        )
    return sku


def named_sku(source: object) -> str | None:
    """What stands behind `sku:` in a text, and None for anything else."""
    if isinstance(source, str) and source.startswith("sku:"):
        return source.removeprefix("sku:")
    return None


def to_toml(garment: CatalogGarment) -> str:
    """A record as a TOML document; empty parts are left out."""
    lines, tables = [], []
    for name, value in asdict(garment).items():
        if isinstance(value, dict):
            tables += ["", f"[{name}]", *_pairs(value)]
        elif isinstance(value, tuple):
            for part in value:
                tables += ["", f"[[{name}]]", *_pairs(part)]
        elif value is not None:
            lines += _pairs({name: value})
    return "\n".join([*lines, *tables]) + "\n"


def from_toml(text: str, path: str) -> CatalogGarment:
    """The record in a TOML document. Raises CatalogError for a broken one or an unknown key.

    path: to name in the error.
    """
    try:
        values = tomllib.loads(text)
        for name, kind in (("photos", CatalogPhoto), ("loras", CatalogLora)):
            values[name] = tuple(_part(kind, item) for item in values.get(name, ()))
        if "atlas" in values:
            values["atlas"] = _part(CatalogAtlas, values["atlas"])
        garment = _part(CatalogGarment, values)
        check_sku(garment.sku)
    except (tomllib.TOMLDecodeError, TypeError, ValueError, AttributeError) as error:
        raise CatalogError(f"not a garment's record ({error})", path=path) from error
    for file in garment.files():
        if not re.fullmatch(r"\w+/[\w.-]*[\w-]", file, re.ASCII):
            raise CatalogError(f"names a file outside its folder: {file!r}", path=path)
    return garment


def _part(kind: type[Part], values: Mapping[str, Any]) -> Part:
    known = {field.name: field.type for field in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ValueError(f"unknown key {', '.join(unknown)}")
    for name, value in values.items():
        wanted = {"str": str, "int": int, "bool": bool}.get(str(known[name]))
        if wanted is not None and type(value) is not wanted:
            raise ValueError(f"{name} is {value!r}")
    return kind(**values)


def _pairs(values: Mapping[str, Any]) -> list[str]:
    # JSON writes text, whole numbers and truth values as TOML does, but for this one character.
    return [
        f"{name} = {json.dumps(value, ensure_ascii=False)}".replace("\x7f", "\\u007f")
        for name, value in values.items()
    ]
