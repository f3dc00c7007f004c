"""Gradio's Blocks with what a public page needs around every event: whose files go in and come
out, and one line in the log for what people do wrong."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr
from gradio.context import LocalContext

from tryon.demo.gate import browser_of
from tryon.demo.strings import language_of, said
from tryon.demo.visitors import Visit, Visitors

logger = logging.getLogger(__name__)


class Page(gr.Blocks):
    """visitors: for whom the files of every event are noted. public: folders that all may see."""

    def __init__(self, visitors: Visitors, public: Sequence[str], **options: Any) -> None:
        super().__init__(**options)
        self.visitors = visitors
        self.public = list(public)

    async def process_api(self, block_fn: Any, inputs: Any, **rest: Any) -> dict[str, Any]:
        """One step of an event. What a page gets after it was closed is not kept."""
        request = rest.get("request")
        session = getattr(request, "session_hash", None)
        LocalContext.request.set(request)
        if rest.get("iterator") is None and session:
            visit = self.visitors.visit(session, browser_of(request))
            self.visitors.keep(visit, *files_in(inputs))
        result = await super().process_api(block_fn, inputs, **rest)
        if session:
            visit = self.visitors.known(session) or Visit(gone=True)
            self.visitors.keep(visit, *files_in(result.get("data")))
        return result

    async def preprocess_data(self, *args: Any, **options: Any) -> Any:
        """What was sent, for the handler. A handler's bugs are logged whole; what cannot be read
        was not sent by our page, or was deleted meanwhile."""
        try:
            return await super().preprocess_data(*args, **options)
        except Exception as error:
            logger.warning("a request was refused: %s", " ".join(str(error).split())[:300])
            text = said(language_of(LocalContext.request.get(None)), "unreadable")
            raise gr.Error(text, print_exception=False) from error


def files_in(data: Any) -> Iterator[str]:
    """The paths of all files in what an event gets or gives."""
    if isinstance(data, dict):
        path = data.get("path")
        if isinstance(path, str) and "meta" in data:
            yield path
        for value in data.values():
            yield from files_in(value)
    elif isinstance(data, (list, tuple)):
        for value in data:
            yield from files_in(value)
