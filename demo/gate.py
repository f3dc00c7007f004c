"""What every request passes: headers, whose an upload is, how fast passwords are tried."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tryon.demo.limits import Limits
from tryon.demo.visitors import Visitors

logger = logging.getLogger(__name__)

COOKIE = "tryon-browser"
REMEMBERED = 4096  # addresses whose wrong logins are counted
HEADERS = {
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


class Gate:
    """The door of one server.

    A cookie that lasts as long as the browser says whose an upload is: it comes without Gradio's
    session, and the mask editor sends copies that no event ever names.
    """

    def __init__(self, app: ASGIApp, visitors: Visitors, limits: Limits) -> None:
        self.app = app
        self.visitors = visitors
        self.limits = limits
        self._uploading = 0
        self._tries: OrderedDict[str, Tries] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        request = Request(scope)
        path = scope["path"].rstrip("/")
        try:
            if request.method == "POST" and path.endswith("/login"):
                await self._login(request, receive, self._with_headers(request, send))
            elif request.method == "POST" and path.endswith("/upload"):
                await self._upload(request, receive, self._with_headers(request, send))
            else:
                await self.app(scope, receive, self._with_headers(request, send))
        except ClientDisconnect:
            logger.info("%s left in the middle of an upload", address_of(request))

    def _with_headers(self, request: Request, send: Send) -> Send:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                page = headers.get("content-type", "").startswith("text/html")
                if page and COOKIE not in request.cookies:
                    headers.append("set-cookie", new_cookie(request))
            await send(message)

        return sent

    async def _upload(self, request: Request, receive: Receive, send: Send) -> None:
        """Let files in and note whose they are; refuse them where the disk is for all."""
        if self.visitors.held() > self.limits.disk:
            logger.warning("uploads are refused: visitors hold %d bytes", self.visitors.held())
            full = PlainTextResponse("This server is full: try again in a minute.", 503)
            return await full(request.scope, receive, send)
        status, body = 0, b""

        async def read(message: Message) -> None:
            nonlocal status, body
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body":
                body += message.get("body", b"")
                if status == 200 and not message.get("more_body"):
                    self.visitors.bring(browser_of(request), *json.loads(body))
            await send(message)

        self._uploading += 1
        try:
            await self.app(request.scope, receive, read)
        finally:
            self._uploading -= 1
            if not self._uploading:
                delete_halves(Path(get_upload_folder()))

    async def _login(self, request: Request, receive: Receive, send: Send) -> None:
        """One try after the other from an address, each wrong one making the next wait longer."""
        address = address_of(request)
        tries = self._tries.setdefault(address, Tries())
        self._tries.move_to_end(address)
        while len(self._tries) > REMEMBERED:
            self._tries.popitem(last=False)
        if tries.waiting >= self.limits.logins:
            busy = PlainTextResponse("Too many logins are waiting.", 429)
            return await busy(request.scope, receive, send)
        tries.waiting += 1
        try:
            async with tries.lock:
                await asyncio.sleep(tries.pause)
                await self.app(request.scope, receive, self._judged(tries, address, send))
        finally:
            tries.waiting -= 1

    def _judged(self, tries: Tries, address: str, send: Send) -> Send:
        async def judged(message: Message) -> None:
            if message["type"] == "http.response.start":
                if message["status"] == 400:
                    tries.wrong += 1
                    logger.warning(
                        "a wrong login from %s, number %d: the next one waits %g s",
                        *(address, tries.wrong, tries.pause),
                    )
                else:
                    tries.wrong = 0
            await send(message)

        return judged


@dataclass
class Tries:
    """Logins from one address. wrong: since the last right one."""

    wrong: int = 0
    waiting: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def pause(self) -> float:
        """Seconds: none for the first slips, then doubling up to a minute."""
        return 0.0 if self.wrong < 3 else min(60.0, 2.0 ** (self.wrong - 3))


def browser_of(request: Any) -> str:
    """Who sent a request, of Starlette's or of Gradio's: the browser's cookie, else its address."""
    cookies = getattr(request, "cookies", None) or {}
    try:
        cookie = cookies.get(COOKIE)
    except AttributeError:  # Gradio makes an object of it
        cookie = getattr(cookies, COOKIE, None)
    return str(cookie or address_of(request))


def delete_halves(folder: Path) -> None:
    """Delete uploads that were broken off. While none is on its way, nothing else lies directly in
    Gradio's folder: what has arrived is in a folder of its own."""
    with suppress(OSError):
        for path in list(folder.iterdir()):
            if path.is_file():
                path.unlink(missing_ok=True)


def address_of(request: Any) -> str:
    return str(getattr(getattr(request, "client", None), "host", None) or "nowhere")


def new_cookie(request: Request) -> str:
    """For this browser until it is closed, out of the reach of scripts and other sites."""
    cookie = SimpleCookie({COOKIE: secrets.token_urlsafe(16)})[COOKIE]
    cookie["httponly"], cookie["samesite"], cookie["path"] = True, "Lax", "/"
    if request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https":
        cookie["secure"] = True
    return cookie.OutputString()
