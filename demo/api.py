"""The endpoint `/tryon`, for programs: `gradio_client`, or plain HTTP.

```python
from gradio_client import Client, handle_file

client = Client("http://127.0.0.1:7860")
picture, report = client.predict(
    person=handle_file("person.jpg"), garment=handle_file("shirt.jpg"), seed=7, api_name="/tryon"
)
```

`garment` may be left out and `sku` be given. `picture` is the path of a file with its provenance;
`report` is what `tryon dress --json` prints. Errors come as one sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from tryon.demo.messages import complaint
from tryon.demo.photo import photo_input
from tryon.demo.service import Service
from tryon.demo.settings import options_of
from tryon.demo.strings import language_of
from tryon.errors import InputError
from tryon.types import CATEGORIES

DESCRIPTION = """Dress the person in the garment. `category`: auto, upper, lower or dress.
`garment_photo`: auto, flat-lay or worn. Empty numbers are as the family was made for; an empty
seed is a new one. `mask`: white is repainted, the size of the photo. Returns the picture, and a
report with its seed, scores and seconds."""


def try_on_endpoint(service: Service) -> None:
    """Add the endpoint to the page that is being built."""
    with gr.Group(visible=False):
        inputs: list[Any] = [
            photo_input("person", "", "api-person"),
            photo_input("garment", "", "api-garment"),
            gr.Textbox("", label="sku"),
            gr.Dropdown(["auto", *CATEGORIES], value="auto", label="category"),
            gr.Dropdown(["auto", "flat-lay", "worn"], value="auto", label="garment_photo"),
            photo_input("mask", "", "api-mask"),
            gr.Number(None, precision=0, label="seed"),
            gr.Number(None, precision=0, label="steps"),
            gr.Number(None, label="strength"),
            gr.Number(None, label="guidance"),
            gr.Number(1, label="detail"),
            gr.Number(0, precision=0, label="grow"),
            gr.Textbox("", label="prompt"),
            gr.Dropdown(["png", "jpg", "webp"], value="png", label="format"),
        ]
        outputs = [gr.File(label="picture"), gr.JSON(label="report")]
        button = gr.Button("tryon")
    button.click(
        tryon_function(service),
        inputs,
        outputs,
        api_name="tryon",
        api_description=DESCRIPTION,
        concurrency_limit=None,
    )


def tryon_function(service: Service) -> Callable[..., Any]:
    """What the endpoint does."""

    async def tryon(
        person: str | None = None,
        garment: str | None = None,
        sku: str = "",
        category: str = "auto",
        garment_photo: str = "auto",
        mask: str | None = None,
        seed: int | None = None,
        steps: int | None = None,
        strength: float | None = None,
        guidance: float | None = None,
        detail: float = 1.0,
        grow: int = 0,
        prompt: str = "",
        format: str = "png",  # noqa: A002 - the name in the API
        request: gr.Request = None,  # type: ignore[assignment]  # Gradio gives it
    ) -> tuple[str, dict[str, Any]]:
        visit = service.visit(request)
        try:
            if person is None or not (garment or sku):
                raise InputError("a person and a garment are needed", remedy="Send both photos.")
            settings = {
                "model": service.models[0],
                "seed": seed,
                "steps": steps,
                "strength": strength,
                "guidance": guidance,
                "detail": 1.0 if detail is None else detail,
                "prompt": prompt,
            }
            kinds = {"category": category, "garment_photo": garment_photo, "grow": grow or 0}
            (options,) = options_of(settings, kinds, service)
            wish = service.wish(visit, person, f"sku:{sku}" if sku else garment, options, mask)
            job = service.dress_job(wish, service.models[0])
            service.enter(visit, request, [job])
            dressed = await service.ended(job)
            file = await service.save(visit, dressed, format)
            return file, dressed.report()
        except Exception as error:  # told, and logged
            text = complaint(language_of(request), error)[1]
            raise gr.Error(text, print_exception=False) from error

    return tryon
