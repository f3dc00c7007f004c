"""What a caller may ask of one picture, checked before any work is done."""

from __future__ import annotations

import difflib
import math
import numbers
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from tryon.errors import OptionError
from tryon.types import CATEGORIES, Category, MaskMode, Tuck

GarmentPhoto = Literal["auto", "flat-lay", "worn"]
Limbs = Literal["auto", "whole", "covered"]

_TAG = re.compile(r"<lora:([^<>]*)>")


@dataclass(frozen=True, slots=True)
class DressOptions:
    """How to make one look. `None` means: as the family was made for.

    category: what the garment is; `auto` tells it from the garment photo.
    garment_photo: whether the garment lies flat or is worn by somebody; `auto` looks.
    seed: 0 to 2**63 - 1. The same inputs, seed and family give the same pixels.
    steps: denoising steps, 1-1000. More is slower and rarely better past the family's default.
    guidance: classifier-free guidance scale, 1-30. 1 is off and twice as fast.
    strength: how much of the start is repainted, above 0 to 1. Below 1 needs something to start
        from: the warped garment, or the photo itself.
    control_scale: weight of the pose branch, 0-2.
    image_scale: weight of the garment's image prompt, 0-2.
    prompt, negative_prompt: text; the default prompt is the LoRA's trigger phrase, or names the
        category. `<lora:NAME:WEIGHT>` in the prompt is a further LoRA, and is not read as words.
    lora: LoRA files or their names, each `FILE` or `FILE:WEIGHT`.
    tuck: `in` ends a top at the waistband, `out` lets it hang over it; `auto` wears it as the
        person wears theirs.
    limbs: `whole` repaints arms (or legs) for any sleeve, `covered` keeps their bare skin; `auto`
        keeps it where it is known what the new garment will cover.
    mask_mode: what a mask of the caller's does to the automatic one.
    grow: pixels of the photo by which the mask is grown (negative: shrunk).
    feather: width of the soft edge inside the mask, as a part of the crop's height, 0-0.1.
    colour_match: pull the result to the colours around the mask.
    warp: place the garment's own pixels on the body for the model to start from.
    detail: how far photo and garment are believed against what the model paints, as a part of what
        the family is made for, 0-1.
    """

    category: Literal["auto"] | Category = "auto"
    garment_photo: GarmentPhoto = "auto"
    seed: int = 0
    steps: int | None = None
    guidance: float | None = None
    strength: float | None = None
    control_scale: float | None = None
    image_scale: float | None = None
    prompt: str | None = None
    negative_prompt: str | None = None
    lora: tuple[str, ...] = ()
    tuck: Tuck = "auto"
    limbs: Limbs = "auto"
    mask_mode: MaskMode = "replace"
    grow: int = 0
    feather: float = 0.01
    colour_match: bool = True
    warp: bool = True
    detail: float = 1.0

    def __post_init__(self) -> None:
        _one_of("category", self.category, ("auto", *CATEGORIES))
        _one_of("garment_photo", self.garment_photo, get_args(GarmentPhoto))
        _one_of("tuck", self.tuck, get_args(Tuck))
        _one_of("limbs", self.limbs, get_args(Limbs))
        _one_of("mask_mode", self.mask_mode, get_args(MaskMode))
        for name, low, high, whole in _RANGES:
            value = _within(name, getattr(self, name), low, high, whole)
            object.__setattr__(self, name, value)  # a plain number: numpy's has no JSON
        for name in ("prompt", "negative_prompt"):
            if not isinstance(getattr(self, name), str | None):
                raise OptionError(f"{name} must be text")
        words_and_loras(self.prompt or "")
        if not isinstance(self.lora, tuple) or not all(isinstance(x, str) for x in self.lora):
            raise OptionError("lora must be a tuple of FILE or FILE:WEIGHT")
        for name in ("colour_match", "warp"):
            if not isinstance(getattr(self, name), bool):
                raise OptionError(f"{name} must be true or false")

    def with_values(self, values: Mapping[str, Any]) -> DressOptions:
        """These options with some replaced. Raises OptionError for an unknown name."""
        known = [field.name for field in fields(self)]
        for name in values:
            if name not in known:
                close = difflib.get_close_matches(name, known, n=1)
                hint = f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(known)}."
                raise OptionError(f"unknown option {name!r}", remedy=hint)
        return replace(self, **values)

    def without_tags(self) -> DressOptions:
        """The same with the LoRA tags of the prompt moved to `lora`."""
        words, loras = words_and_loras(self.prompt or "")
        return replace(self, prompt=words or None, lora=(*self.lora, *loras)) if loras else self

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def _one_of(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise OptionError(f"{name} is {value!r}", remedy=f"Choose one of: {', '.join(choices)}.")


_RANGES: tuple[tuple[str, float, float, bool], ...] = (
    ("seed", 0, 2**63 - 1, True),
    ("grow", -10_000, 10_000, True),
    ("feather", 0, 0.1, False),
    ("detail", 0, 1, False),
    ("steps", 1, 1000, True),
    ("guidance", 1, 30, False),
    ("strength", 0.01, 1, False),
    ("control_scale", 0, 2, False),
    ("image_scale", 0, 2, False),
)


def _within(name: str, value: Any, low: float, high: float, whole: bool) -> Any:
    """The value as a plain number. Raises OptionError for one out of range, and for no number."""
    if value is None and name not in {"seed", "grow", "feather", "detail"}:
        return None
    kind: Any = numbers.Integral if whole else numbers.Real  # numpy's are of these, too
    number = isinstance(value, kind) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not low <= value <= high:
        noun = "a whole number" if whole else "a number"
        raise OptionError(f"{name} is {value!r}, not {noun} from {low:g} to {high:g}")
    if isinstance(value, int | float):
        return value
    return int(value) if whole else float(value)


def lora_and_weight(text: str) -> tuple[str, float]:
    """`FILE` or `FILE:WEIGHT` as (file, weight); the weight is 1 where none is given.

    Raises OptionError for a weight that is not a number from -4 to 4.
    """
    file, colon, tail = text.rpartition(":")
    if not colon or "/" in tail or "\\" in tail or "." in tail and not tail[-1].isdigit():
        return text, 1.0
    try:
        weight = float(tail)
    except ValueError:
        raise OptionError(
            f"{text!r} ends in a weight that is not a number", remedy="Write FILE:0.8, say."
        ) from None
    if not -4 <= weight <= 4:
        raise OptionError(f"the weight of {file!r} is {weight:g}, not a number from -4 to 4")
    return file, weight


def lora_file(name: str, folder: Path) -> Path:
    """The LoRA file that is meant: a path, or the name of a file in the folder.

    The path that was asked for where there is neither.
    """
    inside = folder / (name if name.endswith(".safetensors") else f"{name}.safetensors")
    return inside if inside.is_file() and not Path(name).is_file() else Path(name)


def words_and_loras(prompt: str) -> tuple[str, tuple[str, ...]]:
    """A prompt's words, and what stands in its `<lora:NAME:WEIGHT>` tags, A1111's syntax.

    A tag holds what the option `lora` takes. Raises OptionError for an empty one.
    """
    loras = tuple(text.strip() for text in _TAG.findall(prompt))
    if not all(loras):
        raise OptionError("the prompt holds <lora:>", remedy="Write <lora:NAME:0.8>, say.")
    words = " ".join(_TAG.sub(" ", prompt).split()).replace(" ,", ",")
    return words, loras
