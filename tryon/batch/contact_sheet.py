"""The worst pictures of a batch on one page that needs nothing but a browser."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from io import BytesIO
from typing import Any

from jinja2 import Environment
from PIL import Image

from tryon.batch.inputs import Inputs
from tryon.batch.job import RowResult
from tryon.batch.outputs import Outputs
from tryon.batch.tally import quality
from tryon.errors import TryOnError
from tryon.images import load_image

logger = logging.getLogger(__name__)

HEIGHT = 256  # pixels of a thumbnail
FAILURES = 200  # that are listed

# Nothing of the manifest can become markup: Jinja escapes it, and the policy lets nothing run.
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width"><title>{{ title }}</title>
<style>
body { font: 14px/1.4 system-ui, sans-serif; margin: 1.5rem; color: #222; background: #fafafa }
main { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(33rem, 1fr)) }
figure { margin: 0; padding: .6rem; background: #fff; border: 1px solid #ddd; border-radius: 6px }
figure div { display: flex; gap: .4rem } img { height: 256px; max-width: 33%; object-fit: contain }
figcaption { overflow-wrap: anywhere } .low { color: #b00020; font-weight: 600 }
table { border-collapse: collapse; margin: 1rem 0 } td, th { padding: .2rem .8rem .2rem 0;
text-align: left; vertical-align: top; overflow-wrap: anywhere }
</style></head><body>
<h1>{{ title }}</h1>
<table>{% for name, value in facts.items() %}<tr><th>{{ name }}</th><td>{{ value }}</td></tr>
{% endfor %}</table>
{% if failures %}<h2>Failed rows</h2>
<table><tr><th>line</th><th>id</th><th>what</th><th>why</th></tr>
{% for row in failures %}<tr><td>{{ row.line }}</td><td>{{ row.id }}</td><td>{{ row.kind }}</td>
<td>{{ row.reason }}</td></tr>
{% endfor %}</table>{% endif %}
{% if pictures %}<h2>Pictures, the worst first</h2>
<main>{% for row in pictures %}<figure>
<div>{% for name, data in row.thumbnails %}<img loading="lazy" alt="{{ name }}" src="{{ data }}">
{% endfor %}</div>
<figcaption><b>{{ row.id }}</b> · line {{ row.line }} ·
<span class="{{ 'low' if row.quality < 0.6 }}">{{ '%.2f' % row.quality }}</span>
{% for name, value in row.scores.items() %} · {{ name }} {{ '%.2f' % value }}{% endfor %}<br>
{{ row.image }}</figcaption></figure>
{% endfor %}</main>{% endif %}
</body></html>
"""


def contact_sheet(
    results: Iterable[RowResult],
    failures: Iterable[Mapping[str, Any]],
    facts: Mapping[str, Any],
    inputs: Inputs,
    outputs: Outputs,
    title: str = "Batch",
) -> str:
    """HTML with person, garment and picture of each result, scores below, and the failed rows.

    failures: mappings of line, id, kind and reason. facts: shown on top.
    """
    pictures = [
        {
            "id": result.row.id,
            "line": result.row.line,
            "quality": quality(result),
            "scores": result.scores,
            "image": result.image,
            "thumbnails": _thumbnails(result, inputs, outputs),
        }
        for result in results
    ]
    page = Environment(autoescape=True).from_string(PAGE)
    return page.render(
        title=title, facts=facts, failures=list(failures)[:FAILURES], pictures=pictures
    )


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
