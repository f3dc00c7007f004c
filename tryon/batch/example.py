"""A first manifest to start from."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tryon.batch.inputs import Inputs
from tryon.errors import OutputError

TEXT = """\
# A manifest: one JSON object a line; lines that begin with # are comments.
#
# Paths are relative to the root: {root}.
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


def write_example(people: Path, garments: Path, output: Path) -> tuple[int, Path | None]:
    """Write a commented manifest for two folders of photos.

    Returns how many pictures it asks for, and the root that `tryon batch` has to be told: None
    where the photos lie below the manifest, else the folder that holds both.

    Raises InputError if a folder holds no photos, OutputError if the file is there already.
    """
    root = home = output.resolve().parent
    folders = [people.resolve(), garments.resolve()]
    if not all(folder.is_relative_to(home) for folder in folders):
        root = Path(os.path.commonpath(folders))
        root = root.parent if root in folders else root
    names = [folder.relative_to(root).as_posix() for folder in folders]
    inputs = Inputs(root)
    found = [inputs.listed(name) for name in names]
    said = "the folder of this file, unless --root names another one"
    if root != home:
        said = f"give it with --root {root}"
    product = {"people": names[0], "garments": names[1], "category": "auto"}
    single = {"id": "first", "person": found[0][0], "garment": found[1][0], "seed": 7}
    sku = {"person": found[0][0], "sku": "linen-042", "output": "summer/linen-042", "shop": "de"}
    text = TEXT.format(
        root=said, product=json.dumps(product), single=json.dumps(single), sku=json.dumps(sku)
    )
    try:
        with open(output, "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise OutputError(
            f"the manifest cannot be written ({error.strerror})",
            path=output,
            remedy="Choose another name: -o FILE.",
        ) from error
    return len(found[0]) * len(found[1]), None if root == home else root
