"""Open the page at an address."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr

from tryon.demo.limits import Limits
from tryon.demo.strings import translations
from tryon.demo.theme import STYLE, theme
from tryon.errors import OptionError


def serve(
    demo: gr.Blocks,
    host: str,
    port: int,
    *,
    limits: Limits | None = None,
    auth: Sequence[tuple[str, str]] | None = None,
    root_path: str | None = None,
    block: bool = True,
) -> str:
    """Open the page at host and port, and return its address; with `block`, when it is closed.

    auth: names and passwords of those who may enter; None lets everybody in. root_path: where a
    proxy shows the page. Nothing is shared, recorded or sent anywhere.

    Raises OptionError where the port cannot be used.
    """
    limits = limits or Limits()
    try:
        _, address, _ = demo.launch(
            server_name=host,
            server_port=port,
            root_path=root_path,
            auth=list(auth) if auth else None,
            prevent_thread_lock=not block,
            max_file_size=limits.upload,
            strict_cors=True,
            show_error=False,
            allowed_paths=[],
            enable_monitoring=False,
            ssr_mode=False,
            share=False,
            quiet=True,
            run_history=False,
            state_session_capacity=limits.visitors * 4,
            footer_links=["api"],
            theme=theme(),
            css_paths=[STYLE],
            i18n=translations(),
        )
    except OSError as error:
        raise OptionError(
            f"port {port} of {host} cannot be used", remedy="Choose another with --port."
        ) from error
    return str(address)
