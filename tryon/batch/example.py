"""A first manifest to start from."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tryon.batch.inputs import Inputs
from tryon.errors import InputError, OutputError

TEXT = """\
# A manifest: one JSON object a line; lines that begin with # are comments.
#
# Paths are relative to the root: the folder of this file, unless --root names another one.
# This row is a cross product: every one of the people in every one of the garments.
{product}
#
# A row may also be one picture. Only person and garment (or sku) have to be there:
# {single}
# {sku}
#
# id        names the picture and, where no seed is given, decides it
# category  auto, upper, lower or dress; seed, steps, lora and the other options of `tryon dress`
# output    path of the picture below the output folder, without extension
# Any other column is kept and comes back in the sidecar of the picture.
"""


def write_example(people: Path, garments: Path, output: Path) -> int:
    """Write a commented manifest for two folders of photos; returns how many pictures it asks for.

    Raises InputError if a folder holds no photos, OutputError if the file is there already.
    """
    home = output.resolve().parent
    names = [os.path.relpath(folder.resolve(), home) for folder in (people, garments)]
    if any(name.startswith("..") for name in names):
        raise InputError(
            "the photos are not below the manifest's folder",
            path=output,
            remedy=f"Write it to {os.path.commonpath([people.resolve(), garments.resolve()])}.",
        )
    inputs = Inputs(home)
    found = [inputs.listed(name) for name in names]
    product = {"people": names[0], "garments": names[1], "category": "auto"}
    single = {"id": "first", "person": found[0][0], "garment": found[1][0], "seed": 7}
    sku = {"person": found[0][0], "sku": "linen-042", "output": "summer/linen-042", "shop": "de"}
    text = TEXT.format(product=json.dumps(product), single=json.dumps(single), sku=json.dumps(sku))
    try:
        with open(output, "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise OutputError(
            f"the manifest cannot be written ({error.strerror})",
            path=output,
            remedy="Choose another name: -o FILE.",
        ) from error
    return len(found[0]) * len(found[1])
