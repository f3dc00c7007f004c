"""Open the page at an address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder
from starlette.middleware import Middleware

from tryon.demo.gate import Gate
from tryon.demo.page import Page
from tryon.demo.strings import translations
from tryon.demo.theme import STYLE, theme
from tryon.demo.visitors import Visitors
from tryon.errors import OptionError

SWEEP = 30  # seconds between two looks for files that nobody fetches


def serve(
    page: Page,
    host: str,
    port: int,
    *,
    auth: Sequence[tuple[str, str]] | None = None,
    root_path: str | None = None,
) -> str:
    """Open the page at host and port, and return its address; `page.close` closes it.

    auth: names and passwords of those who may enter; None lets everybody in. root_path: where a
    proxy shows the page. Nothing is shared, recorded or sent anywhere.

    Raises OptionError where the port cannot be used.
    """
    visitors, limits = page.visitors, page.visitors.limits
    try:
        _, address, _ = page.launch(
            server_name=host,
            server_port=port,
            root_path=root_path,
            auth=list(auth) if auth else None,
            prevent_thread_lock=True,
            max_file_size=limits.upload,
            strict_cors=True,
            show_error=False,
            allowed_paths=page.public,
            enable_monitoring=False,
            ssr_mode=False,
            share=False,
            quiet=True,
            _frontend=False,  # it would ask the page for itself, and give up on a busy machine
            run_history=False,
            state_session_capacity=limits.visitors * 4,
            footer_links=["api"],
            theme=theme(),
            css_paths=[STYLE],
            i18n=translations(),
            app_kwargs={
                "middleware": [Middleware(Gate, visitors=visitors, limits=limits)],
                "lifespan": sweeping(visitors),
            },
        )
    except OSError as error:
        raise OptionError(
            f"port {port} of {host} cannot be used", remedy="Choose another with --port."
        ) from error
    return str(address)


def sweeping(visitors: Visitors) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """While a server runs, what its visitors left behind is deleted."""

    async def sweep() -> None:
        while True:
            await asyncio.sleep(SWEEP)
            await asyncio.to_thread(visitors.sweep, Path(get_upload_folder()))

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        task = asyncio.create_task(sweep())
        yield
        task.cancel()

    return lifespan
