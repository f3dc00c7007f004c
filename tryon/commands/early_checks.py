"""What is cheap to know is said before torch is loaded and a model with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tryon.catalog_record import named_sku
from tryon.decoding import opened
from tryon.errors import LoraFormatError, WeightsMissingError
from tryon.images import MAX_PIXELS
from tryon.options import lora_and_weight, lora_file, words_and_loras

if TYPE_CHECKING:
    from tryon.catalog import Catalog
    from tryon.options import DressOptions


def check_photos(photos: Iterable[str | Path]) -> None:
    """Raise ImageError unless each is a file of a format that is read, not too large."""
    for photo in photos:
        with opened(photo, MAX_PIXELS):
            pass


def check_garments(garments: Sequence[str], catalog: str) -> list[str]:
    """The garments that are files. Raises ImageError, or CatalogError for a SKU that is not there.

    garments: paths, or `sku:NAME`.
    """
    skus = [sku for text in garments if (sku := named_sku(text)) is not None]
    files = [text for text in garments if named_sku(text) is None]
    check_photos(files)
    if skus:
        store = opened_catalog(catalog)
        for sku in skus:
            store.get(sku)
    return files


def check_loras(options: DressOptions, model: str, catalog: str, folder: Path) -> list[Path]:
    """The LoRA files that are asked for, in options and prompt. Raises LoraError or CatalogError.

    folder: where those lie that go by a name.
    """
    from safetensors import SafetensorError, safe_open

    from tryon.catalog import base_name

    files = []
    for text in (*options.lora, *words_and_loras(options.prompt or "")[1]):
        if named_sku(text) is not None:
            text = opened_catalog(catalog).lora_option(text, base_name(model))
        file = lora_file(lora_and_weight(text)[0], folder)
        if not file.is_file():
            raise WeightsMissingError("no such file", path=file, remedy="Check the LoRA's path.")
        try:
            with safe_open(file, framework="np"):
                pass
        except (SafetensorError, OSError) as error:
            raise LoraFormatError(
                f"not a safetensors file: {error}",
                path=file,
                remedy="Other formats can run code when loaded and are not read.",
            ) from error
        files.append(file)
    return files


def check_model(model: str, options: Any = None, device: str | None = None) -> None:
    """Raise WeightsError or OptionError if the model is not here, or cannot do what is asked."""
    from tryon.accelerators import check_device_name
    from tryon.models import find_family
    from tryon.pipelines.family_folder import require_all
    from tryon.pipelines.inpaint_settings import InpaintSettings

    check_device_name(device)
    if model == "none":
        return
    paths, config = find_family(model)
    require_all(paths)
    if options is not None:
        InpaintSettings.of(config).with_asked(options)


def opened_catalog(url: str) -> Catalog:
    """The catalogue there. Raises OptionError for a kind of place that is not used."""
    from tryon.catalog import Catalog

    return Catalog(url)
