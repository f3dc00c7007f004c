"""`tryon dress`: one person, one garment, one picture."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from tryon.commands.shared_options import HOME, CatalogOption, DeviceOption
from tryon.commands.terminal import progress
from tryon.errors import OutputError

if TYPE_CHECKING:
    from tryon.perception import PoseName

# Enums, so that the help lists the choices.
CategoryChoice = StrEnum("CategoryChoice", ["auto", "upper", "lower", "dress"])
PhotoChoice = StrEnum("PhotoChoice", {"auto": "auto", "flat_lay": "flat-lay", "worn": "worn"})
PoseChoice = StrEnum("PoseChoice", ["blazepose", "openpose", "dwpose"])
LimbsChoice = StrEnum("LimbsChoice", ["auto", "whole", "covered"])
TuckChoice = StrEnum("TuckChoice", {"auto": "auto", "tucked": "in", "out": "out"})
MaskModeChoice = StrEnum("MaskModeChoice", ["replace", "add", "subtract"])
SourceChoice = StrEnum("SourceChoice", ["composite", "trained"])
DTypeChoice = StrEnum("DTypeChoice", ["float32", "bfloat16", "float16"])

OUTPUT = Path("out.jpg")

EXAMPLES = """
**Examples**

* `tryon dress person.jpg shirt.jpg -o out.jpg`
* `tryon dress person.jpg skirt.png --category lower --seed 7 --debug steps/`
* `tryon dress person.jpg shirt.jpg --lora linen.safetensors:0.8 --json`
* `tryon dress person.jpg shirt.jpg --model sd15 --steps 30`
* `tryon dress person.jpg skirt.jpg --with shirt.jpg`
* `tryon dress person.jpg sku:linen-042 --catalog garments/`
"""


def dress(
    person: Annotated[str, typer.Argument(metavar="PERSON", help="Photo of one person.")],
    garment: Annotated[
        str,
        typer.Argument(
            metavar="GARMENT",
            help="Photo of a garment, lying flat or worn; or sku:NAME, one of the catalogue.",
        ),
    ],
    worn_with: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="GARMENT",
            help="A garment to wear together with it and over it: a top with a skirt.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="JPEG, PNG or WebP, by its extension. A file that is there is replaced, unless it "
            "is one of the inputs.",
            show_default=str(OUTPUT),
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help=f"Replace {OUTPUT} where no --output is named."),
    ] = False,
    category: Annotated[
        CategoryChoice, typer.Option(help="What the garment is.")
    ] = CategoryChoice.auto,
    garment_photo: Annotated[
        PhotoChoice, typer.Option(help="How the garment was photographed.")
    ] = PhotoChoice.auto,
    lora: Annotated[
        list[str] | None,
        typer.Option(
            help="Garment LoRA, FILE or sku:NAME, and :WEIGHT if not 1. Several may be given."
        ),
    ] = None,
    catalog: CatalogOption = HOME,
    model: Annotated[
        str, typer.Option(help="mini, sd15, sdxl, a folder, a checkpoint, or none: the warp alone.")
    ] = "mini",
    steps: Annotated[int | None, typer.Option(help="Denoising steps.")] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same picture.")] = 0,
    guidance: Annotated[float | None, typer.Option(help="Guidance scale; 1 is off.")] = None,
    strength: Annotated[float | None, typer.Option(help="How much is repainted, 0-1.")] = None,
    control_scale: Annotated[float | None, typer.Option(help="Weight of the pose.")] = None,
    image_scale: Annotated[float | None, typer.Option(help="Weight of the garment photo.")] = None,
    prompt: Annotated[
        str | None, typer.Option(help='The garment in words, such as "a red linen shirt".')
    ] = None,
    negative_prompt: Annotated[str | None, typer.Option(help="What should not be there.")] = None,
    mask: Annotated[
        str | None, typer.Option(help="Mask of your own, white is repainted; size of the photo.")
    ] = None,
    mask_mode: Annotated[
        MaskModeChoice, typer.Option(help="What your mask does to the automatic one.")
    ] = MaskModeChoice.replace,
    grow: Annotated[int, typer.Option(help="Grow (or shrink) the mask by so many pixels.")] = 0,
    tuck: Annotated[
        TuckChoice,
        typer.Option(help="A top tucked in, out, or as the person wears theirs."),
    ] = TuckChoice.auto,
    limbs: Annotated[
        LimbsChoice, typer.Option(help="Repaint the whole arms or legs, or keep their bare skin.")
    ] = LimbsChoice.auto,
    pose: Annotated[
        PoseChoice, typer.Option(help="Pose estimator. openpose: weights not for commercial use.")
    ] = PoseChoice.blazepose,
    device: DeviceOption = None,
    dtype: Annotated[DTypeChoice | None, typer.Option(help="Number format.")] = None,
    provenance: Annotated[
        bool, typer.Option(help="Note in the file that and how it was made.")
    ] = True,
    digital_source_type: Annotated[
        SourceChoice, typer.Option(help="IPTC tag: composite with, or wholly, AI-made.")
    ] = SourceChoice.composite,
    debug: Annotated[
        Path | None, typer.Option(help="Folder for mask, skeleton and the other by-products.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on standard output.")
    ] = False,
) -> None:
    """Dress the person in the garment and write the picture."""
    from tryon.commands.early_checks import check_garments, check_loras, check_model, check_photos
    from tryon.images import check_output, digital_source_types
    from tryon.kept_inputs import check_folder, check_folder_kept, check_inputs_kept, check_writable
    from tryon.options import DressOptions

    options = {
        "category": category.value,
        "garment_photo": garment_photo.value,
        "seed": seed,
        "steps": steps,
        "guidance": guidance,
        "strength": strength,
        "control_scale": control_scale,
        "image_scale": image_scale,
        "prompt": prompt,
        "negative_prompt": negative_prompt,
        "lora": tuple(lora or ()),
        "tuck": tuck.value,
        "limbs": limbs.value,
        "mask_mode": mask_mode.value,
        "grow": grow,
    }
    # Whatever is cheap to know is told before the model is loaded.
    chosen = DressOptions().with_values(options)
    target = output or OUTPUT
    check_output(target)
    check_writable(target)
    if output is None and target.exists() and not force:
        raise OutputError("is there already", path=target, remedy="Name a file: -o, or --force.")
    photos = [person, *([mask] if mask else [])]
    check_photos(photos)
    photos += check_garments([garment, *(worn_with or ())], catalog)
    check_inputs_kept([target], [*photos, *check_loras(chosen, model, catalog, Path())])
    if debug is not None:
        check_folder(debug)
        check_folder_kept(debug, [photo for photo in photos if photo.lower().endswith(".png")])
    check_model(model, chosen, device)
    with progress("loading") as on_progress:
        from tryon.engine import TryOn

        engine = TryOn(
            model,
            device=device,
            dtype=dtype and dtype.value,
            pose=cast("PoseName", pose.value),
            catalog=catalog,
        )
        garments = [garment, *worn_with] if worn_with else garment
        look = engine.dress(person, garments, mask=mask, on_progress=on_progress, **options)
    written = look.save(
        target,
        provenance=provenance,
        digital_source_type=digital_source_types[digital_source_type.value],
    )
    if debug is not None:
        look.save_by_products(debug)
    if as_json:
        typer.echo(json.dumps(look.report(written, debug)))
    else:
        typer.echo(str(written))
