"""The worst pictures of a batch on one page that needs nothing but a browser.

People filter it, approve and reject, and save what they decided as a manifest: the rejected rows
with another seed, for another try.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from importlib.resources import files
from io import BytesIO
from typing import Any

from jinja2 import Environment
from markupsafe import Markup
from PIL import Image

from tryon.batch.doubts import DOUBTS
from tryon.batch.inputs import Inputs
from tryon.batch.job import RowResult
from tryon.batch.outputs import Outputs
from tryon.batch.tally import quality
from tryon.errors import TryOnError
from tryon.images import load_image

logger = logging.getLogger(__name__)

HEIGHT = 256  # pixels of a thumbnail
FAILURES = 200  # that are listed


def contact_sheet(
    results: Iterable[RowResult],
    failures: Iterable[Mapping[str, Any]],
    facts: Mapping[str, Any],
    inputs: Inputs,
    outputs: Outputs,
    title: str = "Batch",
) -> str:
    """HTML with person, garment and picture of each result, doubts below, and the failed rows.

    failures: mappings of line, id, kind, reason and remedy. facts: shown on top.
    """
    pictures = [
        {
            "id": result.row.id,
            "line": result.row.line,
            "quality": quality(result),
            "scores": result.scores,
            "image": result.image,
            "category": result.category or "",
            "doubts": result.doubts,
            "warnings": [
                text for text in result.warnings if text not in {d.said for d in result.doubts}
            ],
            "record": json.dumps(result.row.as_record() | {"seed": result.row.seed}),
            "thumbnails": _thumbnails(result, inputs, outputs),
        }
        for result in results
    ]
    script = _beside("contact_sheet.js")
    hashed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    doubts = {doubt.code: doubt.said for _, doubt in DOUBTS.values()}
    # Nothing of the manifest can become markup or run: Jinja escapes it, and the policy lets run
    # nothing but the one script.
    page = Environment(autoescape=True).from_string(_beside("contact_sheet.html"))
    return page.render(
        title=title,
        facts=facts,
        failures=list(failures)[:FAILURES],
        pictures=pictures,
        doubts=doubts,
        categories=sorted({picture["category"] for picture in pictures} - {""}),
        script=Markup(script),
        hash=hashed,
    )


def _beside(name: str) -> str:
    """A file of this package."""
    return files("tryon.batch").joinpath(name).read_text("utf-8")


def _thumbnails(result: RowResult, inputs: Inputs, outputs: Outputs) -> list[tuple[str, str]]:
    """(name, data URL) of person, garment and picture, as far as they can be read."""
    row, found = result.row, []
    sources: list[tuple[str, Callable[[], bytes]]] = []
    for name, place in (("person", row.person), ("garment", row.garment)):
        if place is not None:
            sources.append((name, lambda place=place: _input(inputs, place)))  # type: ignore[misc]
    if result.image is not None:
        image = result.image
        sources.append(("picture", lambda: outputs.read(image)))
    for name, read in sources:
        with suppress(TryOnError, OSError):
            found.append((name, thumbnail(read())))
    return found


def _input(inputs: Inputs, place: str) -> bytes:
    with inputs.local_file(inputs.locate(place)) as file:
        return file.read_bytes()


def thumbnail(content: bytes) -> str:
    """A picture file as a small JPEG in a data URL. Raises ImageError."""
    with Image.open(BytesIO(content)) as image:
        image.draft("RGB", (HEIGHT, HEIGHT))  # a JPEG need not be decoded at full size
        small = load_image(image)
    small.thumbnail((2 * HEIGHT, HEIGHT), Image.Resampling.BILINEAR)
    stream = BytesIO()
    small.save(stream, "JPEG", quality=75)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()
