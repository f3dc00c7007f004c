"""`tryon evaluate`: how good try-ons are, in numbers, on several kinds of pictures."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tryon.commands.terminal import progress
from tryon.errors import OptionError

if TYPE_CHECKING:
    from tryon.evaluation.protocol import Evaluation

LayoutChoice = StrEnum("LayoutChoice", ["synthetic", "pairs", "vitonhd", "dresscode", "folder"])
EvaluatedChoice = StrEnum("EvaluatedChoice", ["upper", "lower", "dress"])
AtlasChoice = StrEnum("AtlasChoice", ["shop", "worn"])
AreaChoice = StrEnum("AreaChoice", ["own", "true", "box"])
WordsChoice = StrEnum("WordsChoice", ["all", "cut"])
SplitChoice = StrEnum("SplitChoice", ["test", "train"])

EXAMPLES = """
**Examples**

* `tryon evaluate --count 20 --out report/`
* `tryon evaluate --count 20 --methods previews --methods true-warp --height 384`
* `tryon evaluate --layout pairs pairs/ --out report/`
* `tryon evaluate --layout pairs pairs/ --atlas worn --methods warp --methods full`
* `tryon evaluate --layout folder --people people/ --garments garments/ --methods warp`
* `tryon evaluate --layout vitonhd --root zalando-hd-resized/ --unpaired --methods full`
* `tryon evaluate --layout dresscode --root DressCode/ --category dress --json`
"""


def evaluate(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="The same as --root.", show_default=False)
    ] = None,
    layout: Annotated[
        LayoutChoice, typer.Option(help="What to measure on: held-out synthetic people, or yours.")
    ] = LayoutChoice.synthetic,
    root: Annotated[
        Path | None, typer.Option(help="pairs, vitonhd, dresscode: folder of the data.")
    ] = None,
    people: Annotated[Path | None, typer.Option(help="folder: folder of photos of people.")] = None,
    garments: Annotated[
        Path | None, typer.Option(help="folder: folder of photos of garments.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="folder: name of a garment photo; pairs: of a pair. Else all."),
    ] = None,
    atlas: Annotated[
        AtlasChoice, typer.Option(help="pairs: the garment from its shop photo, or as worn there.")
    ] = AtlasChoice.shop,
    methods: Annotated[
        list[str] | None,
        typer.Option(help="previews, ablations, full, warp, pasted ... Several may be given."),
    ] = None,
    category: Annotated[EvaluatedChoice | None, typer.Option(help="Only this category.")] = None,
    count: Annotated[
        int | None,
        typer.Option(help="Samples, or pairs, of each category; 0: all. Default 20; pairs: all."),
    ] = None,
    split: Annotated[SplitChoice, typer.Option(help="vitonhd, dresscode.")] = SplitChoice.test,
    unpaired: Annotated[
        bool, typer.Option("--unpaired", help="vitonhd, dresscode: people in another garment.")
    ] = False,
    height: Annotated[int, typer.Option(help="synthetic: pixels; the width is 3/4.")] = 512,
    estimated: Annotated[
        bool, typer.Option("--estimated", help="synthetic: joints by the estimator, not the truth.")
    ] = False,
    area: Annotated[
        AreaChoice, typer.Option(help="synthetic: repaint what is found, the truth, a box around.")
    ] = AreaChoice.own,
    words: Annotated[
        WordsChoice, typer.Option(help="synthetic: tell all of the caption, or the cut alone.")
    ] = WordsChoice.all,
    maps: Annotated[
        bool, typer.Option(help="synthetic: also measure body map and placement.")
    ] = True,
    pose: Annotated[
        bool, typer.Option("--pose", help="synthetic: also compare the poses of the results.")
    ] = False,
    fabrics: Annotated[
        Path | None, typer.Option(help="synthetic: folder of photos to crop fabrics from.")
    ] = None,
    model: Annotated[str, typer.Option(help="For the methods that paint.")] = "mini",
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, mps.")] = None,
    seed: Annotated[int, typer.Option(help="Of the model's noise.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder for report.json, report.md and contact sheets.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on standard output.")
    ] = False,
) -> None:
    """Measure try-ons, and print tables of the averages."""
    from tryon.commands.early_checks import check_model
    from tryon.kept_inputs import check_folder, check_inputs_kept

    if folder is not None and root is not None:
        raise OptionError("the folder is given twice", remedy="Leave out --root.")
    root = folder if root is None else root
    for name, place in {"root": root, "people": people, "garments": garments}.items():
        if place is not None and not place.is_dir():
            raise OptionError(f"--{name} is no folder", path=place, remedy="Check its path.")
    if layout is LayoutChoice.folder and (people is None or garments is None):
        raise OptionError("the layout 'folder' needs --people and --garments")
    if layout not in (LayoutChoice.synthetic, LayoutChoice.folder) and root is None:
        raise OptionError(f"the layout {layout.value!r} needs --root", remedy="Name its folder.")
    if out is not None:
        check_folder(out)
        check_inputs_kept([out], [root, people, garments])
    check_model(model, device=device)
    config = configuration(
        layout=layout.value,
        root=root,
        people=people,
        garments=garments,
        only=tuple(only or ()),
        atlas=atlas.value,
        methods=tuple(methods or ()),
        category=category and category.value,
        count=count,
        split=split.value,
        unpaired=unpaired,
        height=height,
        estimated=estimated,
        area=area.value,
        words=words.value,
        maps=maps,
        pose=pose,
        fabrics=fabrics,
        model=model,
        device=device,
        seed=seed,
    )
    with progress("loading") as on_case:
        from tryon.evaluation import protocol

        report = protocol.evaluate(config, on_case=on_case)
    if out is not None:
        report.write(out)
    typer.echo(json.dumps(report.as_dict()) if as_json else report.markdown(), nl=as_json)


def configuration(layout: str, **asked: Any) -> Evaluation:
    """What the command line asks for; `asked` are the other parameters of `evaluate`."""
    from tryon.evaluation.datasets import DatasetEvaluation
    from tryon.evaluation.methods import ABLATIONS, PREVIEWS
    from tryon.evaluation.pairs import PairsEvaluation
    from tryon.evaluation.photographs import PhotographEvaluation
    from tryon.evaluation.synthetic import SyntheticEvaluation

    sets = {"previews": PREVIEWS, "ablations": ABLATIONS}
    chosen: dict[str, Any] = {name: asked[name] for name in ("model", "device", "seed")}
    if asked["methods"]:
        names = [name for item in asked["methods"] for name in sets.get(item, (item,))]
        chosen["methods"] = tuple(dict.fromkeys(names))
    if layout == "folder":
        return PhotographEvaluation(
            people=asked["people"],
            garments=asked["garments"],
            category=asked["category"] or "auto",
            only=asked["only"],
            **chosen,
        )
    if asked["count"] is not None:
        chosen["count"] = asked["count"]
    if asked["category"]:
        chosen["categories"] = (asked["category"],)
    if layout == "pairs":
        return PairsEvaluation(asked["root"], asked["atlas"], only=asked["only"], **chosen)
    if layout != "synthetic":
        return DatasetEvaluation(
            asked["root"],
            layout,  # type: ignore[arg-type]
            split=asked["split"],
            pairing="unpaired" if asked["unpaired"] else "paired",
            **chosen,
        )
    return SyntheticEvaluation(
        size=(asked["height"], round(asked["height"] * 3 / 4)),
        people="estimated" if asked["estimated"] else "noisy",
        area=asked["area"],
        words=asked["words"],
        maps=asked["maps"],
        pose=asked["pose"],
        fabrics=asked["fabrics"],
        **chosen,
    )
