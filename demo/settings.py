"""From what stands in the advanced settings to the options of each sample."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from tryon.demo.limits import check_at_most, check_words
from tryon.demo.service import Service
from tryon.errors import OptionError
from tryon.options import DressOptions

SCALES = ("strength", "guidance", "control_scale", "image_scale")


def options_of(
    settings: Mapping[str, Any], kinds: Mapping[str, Any], service: Service
) -> list[DressOptions]:
    """The options of each sample; the seeds follow one another.

    settings: what stands in the advanced settings, by name. Raises OptionError.
    """
    limits = service.limits
    seed = number_or_none("seed", settings.get("seed"), int)
    first = secrets.randbelow(2**31) if seed is None else seed
    samples = int(settings.get("samples") or 1)
    steps = number_or_none("steps", settings.get("steps"), int)
    check_at_most("samples", samples, limits.samples)
    check_at_most("steps", steps, limits.steps)
    chosen = tuple(settings.get("lora") or ())
    if not set(chosen) <= set(service.wardrobe.loras(settings["model"])):
        raise OptionError("there is no such LoRA for this model", remedy="Choose from the list.")
    weight = settings.get("lora_weight")
    options = DressOptions(
        **kinds,
        seed=first,
        steps=steps,
        **{name: number_or_none(name, settings.get(name), float) for name in SCALES},
        detail=float(settings.get("detail", 1.0)),
        prompt=check_words(settings.get("prompt")),
        lora=tuple(f"{name}:{1 if weight is None else weight:g}" for name in chosen),
    )
    return [options.with_values({"seed": first + n}) for n in range(samples)]


def number_or_none(name: str, value: Any, kind: type[int] | type[float]) -> Any:
    """The number in a field, None for an empty one. Raises OptionError."""
    text = str("" if value is None else value).strip()
    try:
        return kind(text) if text else None
    except ValueError:
        noun = "a whole number" if kind is int else "a number"
        raise OptionError(f"{name} is {text!r}, not {noun}") from None
