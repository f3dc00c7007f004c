"""Samples to a folder that `tryon.data.folder` reads: resumable, never half-written."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from tryon.data.folder import LAYOUT
from tryon.data.synthetic.sample import GarmentPhoto, Sample, View
from tryon.data.synthetic.scene import render_sample
from tryon.errors import InputError, OutputError

logger = logging.getLogger(__name__)


def write_folder(
    folder: str | Path,
    seeds: Iterable[int],
    size: tuple[int, int] = (256, 192),
    *,
    photo_size: tuple[int, int] | None = None,
    worn_photos: bool = False,
    fabric_folder: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> Path:
    """Render every seed that the folder lacks, and list all of them in its manifest.

    Each sample is written aside and renamed, so that a stopped run is simply run again.
    progress: called after each sample with the number of samples there.
    Raises `InputError` if the folder holds samples of another size, `OutputError` if it cannot
    be written.
    """
    folder = Path(folder)
    names = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _check_size(folder, size)
        for seed in seeds:
            name = f"{seed:08d}"
            if not (folder / name).is_dir():
                sample = render_sample(
                    seed,
                    size,
                    photo_size=photo_size,
                    worn_photos=worn_photos,
                    fabric_folder=fabric_folder,
                )
                write_sample(sample, folder / name)
            names.append(name)
            if progress is not None:
                progress(len(names))
        done = sorted({*names, *(p.parent.name for p in folder.glob("[0-9]*/sample.json"))})
        _write_manifest(folder, size, done)
    except OSError as error:
        raise OutputError(f"cannot be written ({error})", path=folder) from error
    logger.info("%d samples in %s", len(done), folder)
    return folder


def write_sample(sample: Sample, path: Path) -> None:
    """Write one sample's directory, whole or not at all."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    pictures = {
        "person": sample.person.image,
        "other": sample.other.image,
        "garment": sample.garment.photo.image,
        "new_garment": sample.new_garment.photo.image,
        "agnostic": sample.agnostic.astype(np.uint8) * 255,
    }
    for name, worn in _worn_photos(sample).items():
        pictures[name] = worn.image
    for name, image in pictures.items():
        Image.fromarray(image).save(aside / f"{name}.png", compress_level=3)
    np.savez_compressed(aside / "truth.npz", **truth_arrays(sample))  # type: ignore[arg-type]
    facts = {
        "seed": sample.seed,
        "category": sample.category,
        "captions": [sample.caption, sample.garment.caption, sample.new_garment.caption],
        "labels": [sample.garment.label, sample.new_garment.label],
    }
    (aside / "sample.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
    os.replace(aside, path)


def truth_arrays(sample: Sample) -> dict[str, np.ndarray]:
    """Everything but the pictures, by the names that `tryon.data.folder` documents."""
    arrays = {
        "keypoints": sample.keypoints,
        "hands": sample.hands,
        "band": sample.band,
        "body_uv": sample.body.uv.astype(np.float16),
        "body_layer": sample.body.layer,
        "body_parts": sample.body.parts,
        **_view_arrays("", sample.person),
        **_view_arrays("other_", sample.other),
        **_photo_arrays("garment", sample.garment.photo),
        **_photo_arrays("new_garment", sample.new_garment.photo),
    }
    for name, worn in _worn_photos(sample).items():
        arrays |= _photo_arrays(name, worn)
    return arrays


def _worn_photos(sample: Sample) -> dict[str, GarmentPhoto]:
    photos = {"garment_worn": sample.garment.worn, "new_garment_worn": sample.new_garment.worn}
    return {name: photo for name, photo in photos.items() if photo is not None}


def _view_arrays(prefix: str, view: View) -> dict[str, np.ndarray]:
    return {
        f"{prefix}clothes": view.clothes,
        f"{prefix}silhouette": view.silhouette,
        f"{prefix}uv": view.surface.uv.astype(np.float16),
        f"{prefix}layer": view.surface.layer,
        f"{prefix}parts": view.surface.parts,
    }


def _photo_arrays(name: str, photo: GarmentPhoto) -> dict[str, np.ndarray]:
    return {
        f"{name}_uv": photo.uv.astype(np.float16),
        f"{name}_layer": photo.layer,
        f"{name}_mask": photo.mask,
    }


def _check_size(folder: Path, size: tuple[int, int]) -> None:
    manifest = folder / "manifest.json"
    if manifest.is_file():
        there = json.loads(manifest.read_text(encoding="utf-8"))["size"]
        if tuple(there) != tuple(size):
            raise InputError(
                f"holds samples of size {there}, not {list(size)}",
                path=folder,
                remedy="Choose another folder, or the same size.",
            )
    else:
        _write_manifest(folder, size, [])


def _write_manifest(folder: Path, size: tuple[int, int], names: list[str]) -> None:
    aside = folder / f".manifest.{os.getpid()}"
    content = {"layout": LAYOUT, "size": list(size), "samples": names}
    aside.write_text(json.dumps(content, indent=1), encoding="utf-8")
    os.replace(aside, folder / "manifest.json")
