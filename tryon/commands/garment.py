"""`tryon garment`: a catalogue of garments, and a LoRA for each."""

from __future__ import annotations

from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tryon.commands.dress import CategoryChoice, DTypeChoice, PhotoChoice
from tryon.commands.shared_options import HOME, CatalogOption, DeviceOption
from tryon.commands.terminal import console, progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from PIL import Image

    from tryon.perception import Perception
    from tryon.training.garment_check import GarmentCheck

app = typer.Typer(no_args_is_help=True, help="Garments by SKU, and a LoRA for each.")

TargetsChoice = StrEnum("TargetsChoice", ["cross", "kv", "attn"])

ModelOption = Annotated[str, typer.Option(help="mini, sd15, sdxl, or a folder.")]
SkuArgument = Annotated[str, typer.Argument(metavar="SKU", help="The garment's name.")]
ForceOption = Annotated[bool, typer.Option(help="Go on although the photos are not good enough.")]


@app.command("add")
def garment_add(
    sku: SkuArgument,
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO...", help="One photo or more.")],
    catalog: CatalogOption = HOME,
    category: Annotated[
        CategoryChoice, typer.Option(help="What the garment is.")
    ] = CategoryChoice.auto,
    garment_photo: Annotated[
        PhotoChoice, typer.Option(help="How it was photographed.")
    ] = PhotoChoice.auto,
    caption: Annotated[
        str, typer.Option(help='The garment in words, such as "a red linen shirt".')
    ] = "",
    replace: Annotated[bool, typer.Option(help="Begin anew with a name that is taken.")] = False,
    force: ForceOption = False,
    sheet: Annotated[
        Path | None, typer.Option(help="Picture of the cut-outs and findings.")
    ] = None,
) -> None:
    """Check a garment's photos, take them in, and lay the garment out once and for all."""
    from tryon.catalog import Catalog
    from tryon.commands.early_checks import check_photos
    from tryon.images import load_cutout

    store = Catalog(catalog)
    check_photos(photos)
    store.check_free(sku, replace_existing=replace)
    _check_sheet(sheet, photos)

    from tryon.garment_store import store_atlas
    from tryon.perception import load_perception

    perception = load_perception()
    kinds = [garment_photo.value] * len(photos)
    loaded = [load_cutout(photo) for photo in photos]
    _check(perception, loaded, category.value, kinds, force, sheet)
    entry = store.add(
        sku,
        photos,
        category=category.value,
        caption=caption,
        kinds=kinds,
        replace_existing=replace,
    )
    entry, _ = store_atlas(perception, store, entry)
    typer.echo(f"{entry.sku}\t{entry.category}\t{store.store.path(entry.sku)}")


@app.command("train")
def garment_train(
    sku: SkuArgument,
    catalog: CatalogOption = HOME,
    model: ModelOption = "mini",
    device: DeviceOption = None,
    dtype: Annotated[DTypeChoice | None, typer.Option(help="Number format of the model.")] = None,
    targets: Annotated[
        TargetsChoice | None,
        typer.Option(help="Layers: cross-attention, its keys and values, or all attention."),
    ] = None,
    rank: Annotated[int | None, typer.Option(help="Rank of the matrices.")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of the optimizer.")] = None,
    options: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any field of GarmentLoraConfig."),
    ] = None,
    work: Annotated[
        Path | None, typer.Option(help="Folder for cached pictures and checkpoints.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on where a run was cut off.")] = False,
    force: ForceOption = False,
    sheet: Annotated[
        Path | None, typer.Option(help="Picture of the cut-outs and findings.")
    ] = None,
    tracker: Annotated[
        list[str] | None, typer.Option(help="Of accelerate, such as tensorboard.")
    ] = None,
) -> None:
    """Train the garment's LoRA and put it into the catalogue."""
    from tryon.catalog import Catalog
    from tryon.commands.early_checks import check_model
    from tryon.kept_inputs import check_folder
    from tryon.training.garment_config import GarmentLoraConfig

    chosen = {"targets": targets and targets.value, "rank": rank, "steps": steps}
    values = {name: value for name, value in chosen.items() if value is not None}
    config = GarmentLoraConfig.of({**_named_values(options or []), **values})
    store, out = Catalog(catalog), work or Path(".tryon-training") / sku
    entry = store.get(sku)
    check_folder(out)
    _check_sheet(sheet, ())
    check_model(model, device=device)

    from tryon.perception import load_perception

    perception = load_perception()
    kinds = [photo.kind for photo in entry.photos]
    _check(perception, store.photos(entry), entry.category, kinds, force, sheet)

    from tryon.models import open_family
    from tryon.training.garment_run import train_in_catalog

    family = open_family(model, device=device, dtype=dtype and dtype.value)
    with _training_bar(config.steps) as (on_view, on_step):
        file = train_in_catalog(
            config,
            catalog=store,
            sku=sku,
            model=model,
            family=family,
            perception=perception,
            out=out,
            resume=resume,
            on_view=on_view,
            on_step=on_step,
            trackers=tuple(tracker or ()),
        )
    typer.echo(str(file))


@app.command("preview")
def garment_preview(
    sku: SkuArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="PNG, JPEG or WebP.")] = Path(
        "preview.png"
    ),
    catalog: CatalogOption = HOME,
    model: ModelOption = "mini",
    device: DeviceOption = None,
    people: Annotated[int, typer.Option(help="How many people of the library.")] = 4,
    seed: Annotated[int, typer.Option(help="Same seed, same picture.")] = 0,
) -> None:
    """The garment on people of the library: as it is drawn, repainted, and with its LoRA."""
    from tryon.catalog import Catalog
    from tryon.commands.early_checks import check_model
    from tryon.images import check_output, save_image
    from tryon.kept_inputs import check_writable

    check_output(output)
    check_writable(output)
    Catalog(catalog).get(sku)
    check_model(model, device=device)

    from tryon.engine import TryOn
    from tryon.training.garment_run import preview_sheet

    engine = TryOn(model, device=device, catalog=catalog)
    typer.echo(str(save_image(preview_sheet(engine, sku, people=people, seed=seed), output)))


@app.command("list")
def garment_list(catalog: CatalogOption = HOME) -> None:
    """All garments of the catalogue."""
    from rich.table import Table

    from tryon.catalog import Catalog

    table = Table("SKU", "category", "photos", "LoRA for", "caption")
    for garment in Catalog(catalog).list():
        bases = ", ".join(lora.base for lora in garment.loras)
        photos = str(len(garment.photos))
        table.add_row(garment.sku, garment.category, photos, bases or "-", garment.caption)
    console().print(table)


@app.command("show")
def garment_show(
    sku: SkuArgument,
    catalog: CatalogOption = HOME,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on standard output.")
    ] = False,
) -> None:
    """What the catalogue knows of a garment."""
    import json
    from dataclasses import asdict

    from tryon.catalog import Catalog
    from tryon.catalog_record import to_toml

    garment = Catalog(catalog).get(sku)
    typer.echo(json.dumps(asdict(garment)) if as_json else to_toml(garment).rstrip())


@app.command("remove")
def garment_remove(sku: SkuArgument, catalog: CatalogOption = HOME) -> None:
    """Take a garment out of the catalogue, with its photos and its LoRAs."""
    from tryon.catalog import Catalog

    Catalog(catalog).remove(sku)
    typer.echo(sku)


def _check_sheet(sheet: Path | None, photos: Sequence[Path]) -> None:
    """Raise OutputError unless the sheet can be written, and is none of the photos."""
    from tryon.images import check_output
    from tryon.kept_inputs import check_inputs_kept, check_writable

    if sheet is not None:
        check_output(sheet)
        check_writable(sheet)
        check_inputs_kept([sheet], photos)


def _check(
    perception: Perception,
    photos: list[Image.Image],
    category: str,
    kinds: list[str],
    force: bool,
    sheet: Path | None,
) -> GarmentCheck:
    """Tell what is wrong with the photos. Raises GarmentError if it is too much, unless forced."""
    from tryon.errors import GarmentError
    from tryon.images import save_image
    from tryon.training.garment_check import checked_photos

    check = checked_photos(perception, photos, category=category, kinds=kinds)
    for finding in check.findings:
        typer.echo(f"tryon: {finding}", err=True)
    if sheet is not None:
        save_image(check.sheet(), sheet, provenance=False)
    if not check.ok and not force:
        raise GarmentError(
            "the photos are not good enough", remedy="Mend what is said above, or use --force."
        )
    return check


def _named_values(options: list[str]) -> dict[str, Any]:
    """`NAME=VALUE` texts as a dictionary; values are JSON, or else text."""
    import json

    from tryon.errors import OptionError

    values: dict[str, Any] = {}
    for option in options:
        name, equals, text = option.partition("=")
        if not equals:
            raise OptionError(f"{option!r} is not NAME=VALUE")
        try:
            values[name] = json.loads(text)
        except ValueError:
            values[name] = text
    return values


@contextmanager
def _training_bar(
    steps: int,
) -> Iterator[tuple[Callable[[int, int], None], Callable[[int, int, float], None]]]:
    """A progress bar of first the pictures, then the steps, with the time left of each, and the
    loss, smoothed over some steps."""
    smooth: list[float] = []
    with progress("looking") as show:

        def on_view(done: int, total: int) -> None:
            show("pictures, 1 of 2", done, total)

        def on_step(done: int, total: int, loss: float) -> None:
            smooth[:] = [*smooth[-19:], loss]
            show(f"steps, 2 of 2, loss {sum(smooth) / len(smooth):.4f}", done, total)

        yield on_view, on_step
