"""What a garment's LoRA is worth, on synthetic people that it never saw.

    OPENBLAS_NUM_THREADS=1 python -m tests.benchmarks.garment_lora --garments 12 --people 4

For each garment: one flat-lay photo (or more photos, some worn) trains a LoRA on the library's
bodies; then other people in other poses are dressed in it, with the warp off, with and without the
LoRA, and compared with the true rendering: PSNR inside the garment. Needs the extra `synthetic`.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

from tryon.data.synthetic.dressing import outfit_views, random_setting
from tryon.data.synthetic.flatlay import flat_lay_photo
from tryon.data.synthetic.keypoints import figure_keypoints
from tryon.data.synthetic.outfits import Piece, random_outfit, random_piece
from tryon.data.synthetic.patterns import patterns
from tryon.data.synthetic.scene import random_figure
from tryon.engine import TryOn
from tryon.errors import InputError, PersonError
from tryon.evaluation.held_out import FIRST_SEED
from tryon.options import DressOptions
from tryon.pipelines.bodymap import body_map
from tryon.pipelines.garment.atlas import merged_atlas
from tryon.pipelines.garment.cutout import garment_cutout
from tryon.pipelines.garment.placement import garment_atlas
from tryon.pipelines.person.parsing import person_parsing
from tryon.pipelines.worn import worn_atlas
from tryon.preparation import Garment, Person
from tryon.training.garment_config import GarmentLoraConfig
from tryon.training.garment_lora import TrainingGarment, train_garment_lora
from tryon.training.garment_views import Wearer, library_wearers
from tryon.training.noise import PersonNoise, noisy_keypoints, noisy_silhouette
from tryon.types import Category, Pose

SIZE = (512, 384)
SEEDS = FIRST_SEED + 5_000_000
CATEGORIES: tuple[Category, ...] = ("upper", "dress", "upper", "lower")


@dataclass(frozen=True, eq=False, slots=True)
class Worn:
    """Somebody before and after: person as inference sees them; truth uint8 (H, W, 3) in the
    garment; where bool (H, W), the garment in it."""

    person: Person
    truth: np.ndarray
    where: np.ndarray


def worn_by(engine: TryOn, piece: Piece, seed: int) -> Worn | None:
    """The person of a seed in other clothes and in `piece`; None if little of it is seen."""
    category = piece.mesh.cut_numbers.category
    rng = np.random.default_rng(seed)
    figure = random_figure(rng, category, SIZE)
    pieces = random_outfit(rng, category, (), False)
    setting = random_setting(rng, figure, SIZE, ())
    old = next(p for p in pieces if p.mesh.cut_numbers.category == category)
    swapped = [piece if p is old else p for p in pieces]
    (before, after), stage = outfit_views(figure, setting, [pieces, swapped])
    where = after.clothes == piece.mesh.cut_numbers.label
    if where.mean() < 0.04 or (after.surface.layer[where] == 1).mean() < 0.9:
        return None
    keypoints, hands = figure_keypoints(figure, stage.depth)
    tall = float(np.ptp(keypoints[keypoints[:, 2] > 0, 1]))
    noise = PersonNoise()
    pose = Pose(noisy_keypoints(rng, keypoints, tall, noise), hands.astype(np.float32), 1.0)
    silhouette = noisy_silhouette(rng, before.silhouette, tall, noise)
    photo = Image.fromarray(before.image)
    try:
        parsing = person_parsing(photo, pose, silhouette, engine.perception.parser)
    except PersonError:
        return None
    seen = body_map(engine.perception.body_map, pose, silhouette)
    return Worn(Person(photo, pose, silhouette, parsing, seen, str(seed)), after.image, where)


def people_in(engine: TryOn, piece: Piece, first_seed: int, count: int) -> list[Worn]:
    """The first `count` useful seeds."""
    found: list[Worn] = []
    while len(found) < count:
        if (worn := worn_by(engine, piece, first_seed)) is not None:
            found.append(worn)
        first_seed += 1
    return found


def flat_garment(engine: TryOn, piece: Piece, seed: int, *, told: bool) -> Garment:
    """The garment from its flat-lay photo, as the engine would see it.

    told: whether somebody described it.
    """
    category = piece.mesh.cut_numbers.category
    rng = np.random.default_rng(seed)
    photo = flat_lay_photo(rng, piece.mesh, piece.fabric, patterns(), SIZE, ())
    image = Image.fromarray(photo.image)
    cutout = garment_cutout(engine.perception.cutout, image.convert("RGBA"))
    atlas = garment_atlas(engine.perception.placement, cutout, category)
    return Garment(image, category, atlas, f"{seed}", words=piece.caption if told else None)


def psnr_inside(engine: TryOn, garment: Garment, worn: Worn, **options: Any) -> float:
    """PSNR in dB inside the garment of the true picture, of the whole stack's picture."""
    chosen = DressOptions(category=garment.category, prompt=garment.words, **options)
    try:
        plan = engine.plan(worn.person, garment, chosen)
    except InputError:  # out of frame: neither with nor without the LoRA
        return float("nan")
    (painted,) = engine.paint([plan])
    image = np.asarray(engine.finish(plan, painted).image, np.float32)
    error = np.square(image[worn.where] - worn.truth[worn.where]).mean()
    return float(10 * np.log10(255**2 / error))


@dataclass(frozen=True, slots=True)
class Result:
    """One garment: means over people, in dB, and seconds."""

    garment: int
    category: str
    without: float
    trained: float
    warp_without: float
    warp_trained: float
    prepare_seconds: float
    train_seconds: float
    bytes: int


def measured(
    engine: TryOn,
    number: int,
    config: GarmentLoraConfig,
    people: int,
    photos: int,
    out: Path,
    *,
    told: bool,
) -> Result:
    """Train one garment's LoRA and dress people in it."""
    category = CATEGORIES[number % len(CATEGORIES)]
    seed = SEEDS + 10_000 * number
    piece = random_piece(np.random.default_rng(seed), category, ())
    garment, wearers, seconds = training_set(engine, piece, seed, photos, told=told)
    start = time.process_time()
    assert engine.family is not None
    subject = TrainingGarment(f"garment-{number}", garment, "mini", garment.words or "")
    encoded_at = [start]

    def on_view(done: int, total: int) -> None:
        encoded_at[0] = time.process_time()

    file = train_garment_lora(
        config, family=engine.family, subject=subject, wearers=wearers, out=out, on_view=on_view
    )
    end = time.process_time()
    held_out = people_in(engine, piece, seed + 5000, people)
    scores = {
        (warp, lora): float(
            np.nanmean(
                [
                    psnr_inside(engine, garment, w, warp=warp, lora=(str(file),) if lora else ())
                    for w in held_out
                ]
            )
        )
        for warp in (False, True)
        for lora in (False, True)
    }
    save_sheet(engine, garment, held_out, file, out / "sheet.png")
    return Result(
        number,
        category,
        scores[False, False],
        scores[False, True],
        scores[True, False],
        scores[True, True],
        seconds + encoded_at[0] - start,
        end - encoded_at[0],
        file.stat().st_size,
    )


def training_set(
    engine: TryOn, piece: Piece, seed: int, photos: int, *, told: bool
) -> tuple[Garment, list[Wearer], float]:
    """The garment from so many photos (the first flat, the others worn by other people), the
    wearers, and the seconds that looking at everything took."""
    category = piece.mesh.cut_numbers.category
    worn = people_in(engine, piece, seed + 1000, photos - 1)
    start = time.process_time()
    garment = flat_garment(engine, piece, seed, told=told)
    library = library_wearers(engine.perception, category)
    own, atlases = [], []
    for someone in worn:
        person = replace(someone.person, photo=Image.fromarray(someone.truth))
        parsing = person_parsing(
            person.photo, person.pose, person.silhouette, engine.perception.parser
        )
        own.append(Wearer(replace(person, parsing=parsing)))
        atlases.append(worn_atlas(someone.truth, person.body, person.silhouette, category))
    garment = replace(garment, atlas=merged_atlas([garment.atlas], atlases))
    mixed = [w for pair in zip(library, own, strict=False) for w in pair] + library[len(own) :]
    return garment, mixed, time.process_time() - start


def save_sheet(
    engine: TryOn, garment: Garment, people: Sequence[Worn], file: Path, path: Path
) -> None:
    """Columns: photo, truth, without, with the LoRA, warp without, warp with the LoRA."""
    rows = []
    for worn in people:
        row = [np.asarray(worn.person.photo), worn.truth]
        for warp in (False, True):
            for lora in ((), (str(file),)):
                try:
                    look = engine.dress(
                        worn.person, garment, warp=warp, lora=lora, prompt=garment.words
                    )
                except InputError:
                    continue
                row.append(np.asarray(look.image))
        row += [row[0]] * (6 - len(row))
        small = [cv2.resize(cell, (144, 192), interpolation=cv2.INTER_AREA) for cell in row]
        flat = np.asarray(garment.photo.resize((144, 192)))
        rows.append(np.hstack([flat, *small]))
    Image.fromarray(np.vstack(rows)).save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--family", default="mini", help="name, or a folder")
    parser.add_argument("--garments", type=int, default=12)
    parser.add_argument("--first", type=int, default=0, help="number of the first garment")
    parser.add_argument("--people", type=int, default=4, help="held-out people for each garment")
    parser.add_argument("--photos", type=int, default=1, help="1 flat, the others worn")
    parser.add_argument(
        "--untold", action="store_true", help="nobody described the garment, as in most shops"
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, help="keep LoRAs and sheets here")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="of the config")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    torch.set_num_threads(arguments.threads)
    values = {}
    for item in arguments.set:
        name, _, text = item.partition("=")
        try:
            values[name] = json.loads(text)
        except ValueError:
            values[name] = text
    config = GarmentLoraConfig.of(values)
    engine = TryOn(arguments.family)
    results = []
    with TemporaryDirectory() as scratch:
        for number in range(arguments.first, arguments.first + arguments.garments):
            out = (arguments.out or Path(scratch)) / f"garment-{number}"
            result = measured(
                engine,
                number,
                config,
                arguments.people,
                arguments.photos,
                out,
                told=not arguments.untold,
            )
            results.append(result)
            print(line(result), flush=True)
    print(line(mean(results)))


def mean(results: Sequence[Result]) -> Result:
    names = ("without", "trained", "warp_without", "warp_trained", "prepare_seconds")
    names += ("train_seconds", "bytes")
    values = {name: float(np.mean([getattr(r, name) for r in results])) for name in names}
    return Result(-1, "mean", **{**values, "bytes": int(values["bytes"])})  # type: ignore[arg-type]


def line(r: Result) -> str:
    return (
        f"{r.garment:4d} {r.category:6s} no warp {r.without:6.2f} -> {r.trained:6.2f} dB "
        f"({r.trained - r.without:+.2f})   warp {r.warp_without:6.2f} -> {r.warp_trained:6.2f} "
        f"({r.warp_trained - r.warp_without:+.2f})   prepared {r.prepare_seconds:.0f} s, "
        f"trained {r.train_seconds:.0f} s, {r.bytes / 1e3:.0f} kB"
    )


if __name__ == "__main__":
    main()
