"""`tryon demo`: the Gradio demo."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from tryon.commands.shared_options import or_home
from tryon.errors import OptionError

if TYPE_CHECKING:
    from tryon.engine import TryOn


def demo(
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen at.")] = 7860,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="mini, sd15, sdxl, a folder, a checkpoint, or none. Given several times, visitors "
            "choose; the first one is the default."
        ),
    ] = None,
    catalog: Annotated[
        str | None,
        typer.Option(
            envvar="TRYON_CATALOG",
            help="Folder or URL of the catalogue.",
            callback=or_home,
            show_default="garments, if it is there",
        ),
    ] = None,
    allow_train: Annotated[
        bool, typer.Option("--allow-train", help="Let visitors train garments into the catalogue.")
    ] = False,
    auth: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME:PASSWORD of somebody who may enter. Better $TRYON_DEMO_AUTH.",
            envvar="TRYON_DEMO_AUTH",
        ),
    ] = None,
    root_path: Annotated[
        str | None, typer.Option(help="Where a proxy shows the page, such as /tryon.")
    ] = None,
    max_queue: Annotated[
        int, typer.Option(min=1, help="Pictures that may wait, of all visitors together.")
    ] = 16,
    max_train_minutes: Annotated[
        float, typer.Option(min=0.1, help="After so long a training is given up.")
    ] = 60,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, mps.")] = None,
) -> None:
    """Open the demo in a browser's reach: try on, compare, add garments.

    Ctrl-C, SIGTERM and SIGHUP end it. Everything that visitors brought is deleted with it.
    """
    people = [credentials(text) for text in auth or ()]
    if allow_train and catalog is None:
        raise OptionError("trained garments need a catalogue", remedy="Give one: --catalog FOLDER.")
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # Gradio reads it when it is imported
    models = tuple(model or ("mini", "none"))
    say("Loading the page ...")
    from tryon.demo.workspace import stopping_by_signals, workspace

    with stopping_by_signals(), workspace() as folder:
        # A folder of this server's own, gone with it: not the machine's, which every Gradio shares.
        os.environ["GRADIO_TEMP_DIR"] = str(folder / "files")
        from tryon.catalog import Catalog
        from tryon.demo import app as page, server
        from tryon.demo.limits import Limits

        def open_engine(name: str) -> TryOn:
            from tryon.engine import TryOn

            say(f"Loading the model {name} ...")
            # People's photos are remembered for their own visit, and not by the engine.
            engine = TryOn(name, device=device, catalog=catalog, remember=0)
            say(f"The model {name} is ready.")
            return engine

        service = page.open_service(
            models,
            open_engine,
            folder=folder,
            catalog=None if catalog is None else Catalog(catalog),
            limits=Limits(
                waiting=max_queue, of_one=max_queue, train_seconds=60 * max_train_minutes
            ),
            allow_train=allow_train,
            root_path=root_path or "",
        )
        with ExitStack() as ending:
            ending.callback(service.queue.close)
            demo = page.build_demo(service)
            ending.callback(demo.close, verbose=False)
            # Before all that takes time: who stops a server may kill it after some seconds.
            ending.callback(shutil.rmtree, folder, ignore_errors=True)
            ending.callback(service.queue.stop)
            say(f"Open {server.serve(demo, host, port, auth=people, root_path=root_path)}")
            service.queue.warm(models[0])  # not before: the page would wait for it
            while True:
                time.sleep(1)


def say(text: str) -> None:
    """A line for who starts the server, at once even in a pipe."""
    print(text, flush=True)


def credentials(text: str) -> tuple[str, str]:
    """(name, password) of NAME:PASSWORD. Raises OptionError, which does not repeat the text."""
    name, colon, password = text.partition(":")
    if not (name and colon and password):
        raise OptionError("--auth is not NAME:PASSWORD", remedy="Write --auth anna:secret, say.")
    return name, password
