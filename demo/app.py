"""The demo's page: two photos and a button, around an engine that is given.

demo = build_demo(TryOn("mini"), Path("demo/examples"))
serve(demo, "127.0.0.1", 7860)
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Lock
from typing import Any, Protocol

import gradio as gr

from tryon.errors import Cancelled, InputError, OptionError, TryOnError
from tryon.images import load_image
from tryon.look import Look
from tryon.types import CATEGORIES

INTRO = "# Tryon\nA person, a garment, and the person in the garment. Photos stay on this machine."
UNREADABLE = "That did not work: a file may not be a picture. The log of the server says more."


class Engine(Protocol):
    """What the demo needs of `tryon.TryOn`."""

    def dress(self, person: Any, garment: Any, **options: Any) -> Look: ...


class Dresser:
    """Runs the engine for many visitors, one at a time, each of whom can stop their own run."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        # A cancelled event gives its place in the queue back before its thread has stopped.
        self.device = Lock()
        self.running: dict[str | None, Event] = {}
        self.stopped: set[str | None] = set()

    def dress(
        self,
        person: str | None,
        garment: str | None,
        category: str,
        seed: int,
        steps: int | None,
        strength: float | None,
        detail: float,
        grow: int,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio is asked for one
    ) -> Iterator[tuple[Any, Any, Any, str]]:
        """The before and after, what the model saw, the file to download, and a sentence."""
        stop = self.running[request.session_hash] = Event()
        self.stopped.discard(request.session_hash)

        def on_progress(stage: str, done: int, total: int) -> None:
            if stop.is_set():
                raise Cancelled("stopped")
            progress((done, total or None), desc=stage, unit="steps")

        try:
            if person is None or garment is None:
                raise InputError("two photos are needed", remedy="Add a person and a garment.")
            with self.device:
                look = self.engine.dress(
                    person,
                    garment,
                    on_progress=on_progress,
                    category=category,
                    seed=seed,
                    steps=steps,
                    strength=strength,
                    detail=detail,
                    grow=grow,
                )
            # Gradio copies the file when it is yielded, and the folder goes afterwards.
            with TemporaryDirectory() as folder:
                file = look.save(Path(folder) / "tryon.png")
                yield (load_image(person), look.image), seen(look), str(file), told(look)
        except TryOnError as error:
            yield None, None, None, sentence(error)
        finally:
            if self.running.get(request.session_hash) is stop:
                del self.running[request.session_hash]

    def stop(self, request: gr.Request) -> str:
        """Stop what this visitor started: the engine ends at its next report of progress."""
        running = self.running.get(request.session_hash)
        if running is not None:
            running.set()
        self.stopped.add(request.session_hash)
        return "Stopped."

    def failed(self, request: gr.Request) -> str:
        """The status where Gradio ended the event: being cancelled counts as a failure too."""
        if request.session_hash in self.stopped:
            return "Stopped."
        return UNREADABLE


def seen(look: Look) -> list[tuple[Any, str]]:
    """Mask, warp and skeleton with their captions."""
    pictures = {
        "Mask: white was repainted": look.mask,
        "Warp: the garment's own pixels": look.warp,
        "Skeleton: the pose that was kept": look.skeleton,
    }
    return [(image, caption) for caption, image in pictures.items() if image is not None]


def told(look: Look) -> str:
    """The status line of a finished look."""
    return f"Done in {look.seconds['total']:.1f} seconds with seed {look.parameters['seed']}."


def sentence(error: TryOnError) -> str:
    """What went wrong and what to do, without the server's path."""
    text = str(type(error)(error.reason, remedy=error.remedy))
    return text[:1].upper() + text[1:]


def build_demo(engine: Engine, examples: Path) -> gr.Blocks:
    """The page. `examples` may hold `person.jpg` and `shirt.jpg`. Nothing is started."""
    dresser = Dresser(engine)
    with gr.Blocks(title="Tryon", analytics_enabled=False, delete_cache=(600, 3600)) as demo:
        gr.Markdown(INTRO)
        with gr.Row():
            with gr.Column():
                person = photo_input("Person", "The person photo", examples / "person.jpg")
            with gr.Column():
                garment = photo_input("Garment", "The garment photo", examples / "shirt.jpg")
                category = gr.Dropdown(["auto", *CATEGORIES], value="auto", label="Category")
            with gr.Column():
                result = gr.ImageSlider(
                    label="Result: before and after",
                    format="jpeg",
                    interactive=False,
                    elem_id="result",
                )
                download = gr.DownloadButton("Download the picture", elem_id="download")
        with gr.Row():
            go = gr.Button("Try it on", variant="primary", elem_id="go")
            stop = gr.Button("Stop", variant="stop", elem_id="stop")
        status = gr.Textbox(
            label="Status", value="Ready.", interactive=False, max_lines=3, elem_id="status"
        )
        with gr.Accordion("What the model saw", open=False):
            gallery = gr.Gallery(label="Mask, warp and skeleton", columns=3, interactive=False)
        with gr.Accordion("Advanced", open=False):
            advanced = advanced_inputs()
        event = go.click(
            dresser.dress,
            [person, garment, category, *advanced],
            [result, gallery, download, status],
            api_name="tryon",
            concurrency_id="device",
            concurrency_limit=1,
            show_progress_on=[result],
        )
        event.failure(dresser.failed, None, status, api_visibility="private")
        stop.click(
            dresser.stop, None, status, cancels=[event], queue=False, api_visibility="private"
        )
    return demo.queue(max_size=16)


def photo_input(label: str, alt_text: str, example: Path) -> gr.Image:
    """An upload that hands over the file as it came, so that our own loader judges it."""
    photo = gr.Image(
        label=label,
        type="filepath",
        image_mode=None,
        sources=["upload", "webcam", "clipboard"],
        alt_text=alt_text,
        height=480,
        elem_id=label.lower(),
    )
    if example.is_file():
        gr.Examples([[str(example)]], [photo], cache_examples=False, api_visibility="private")
    return photo


def advanced_inputs() -> list[gr.Number | gr.Slider]:
    """Seed, steps, strength, detail and grow. What is empty is as the family was made for."""
    with gr.Row():
        return [
            gr.Number(0, precision=0, label="Seed", info="Same seed, same picture."),
            gr.Number(None, precision=0, label="Steps", info="Empty: as the model was made for."),
            gr.Number(None, label="Strength", info="0-1. Empty: as the model was made for."),
            gr.Slider(0, 1, 1, label="Detail", info="How much fine detail is given back."),
            gr.Number(0, precision=0, label="Grow", info="Pixels to grow the mask by."),
        ]


def serve(demo: gr.Blocks, host: str, port: int, *, block: bool = True) -> str:
    """Open the page at host and port, and return its address; with `block`, when it is closed.

    Raises OptionError where the port cannot be used.
    """
    try:
        _, address, _ = demo.launch(
            server_name=host,
            server_port=port,
            prevent_thread_lock=not block,
            max_file_size="12mb",
            strict_cors=True,
            show_error=False,
            allowed_paths=[],
            ssr_mode=False,
            share=False,
            run_history=False,
            footer_links=["api"],
        )
    except OSError as error:
        raise OptionError(
            f"port {port} of {host} cannot be used", remedy="Choose another with --port."
        ) from error
    return str(address)
