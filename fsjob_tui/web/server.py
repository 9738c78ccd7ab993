"""The server: textual-serve behind the guard, with a process of its own for each visit, which ends with it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence

import aiohttp_jinja2
import jinja2
from aiohttp import WSCloseCode, web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager
from textual_serve.server import Server, to_int

from .guard import Guard, add_headers

GRACE = 5.0
"""Seconds that a console has to end once its browser is gone; then it is killed."""
HEARTBEAT = 15.0
"""Seconds after which a browser that says nothing is asked whether it is there."""


class Visit(AppService):
    """The console of one visit: a process that is started without a shell, and that is gone after `stop`."""

    def __init__(self, arguments: Sequence[str], websocket: web.WebSocketResponse) -> None:
        async def send_bytes(data: bytes) -> None:
            with contextlib.suppress(ConnectionError):  # read on all the same, or a full pipe keeps it from ending
                await websocket.send_bytes(data)

        async def send_str(data: str) -> None:
            with contextlib.suppress(ConnectionError):
                await websocket.send_str(data)

        async def close() -> None:
            await websocket.close()

        super().__init__(
            "", write_bytes=send_bytes, write_str=send_str, close=close, download_manager=DownloadManager()
        )
        self._arguments = arguments

    async def _open_app_process(self, width: int = 80, height: int = 24) -> asyncio.subprocess.Process:
        environment = self._build_environment(width, height)
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        self._process = process = await asyncio.create_subprocess_exec(
            *self._arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
            start_new_session=True,  # ctrl+c is the server's to answer
        )
        assert process.stdin is not None
        self._stdin = process.stdin
        return process

    async def run(self) -> None:
        """Pass on what it says; a console that is gone, however it went, leaves no dead screen behind."""
        try:
            await super().run()
        finally:
            await self.remote_close()

    async def stop(self) -> None:
        """Ask it to end, and see to it that it does."""
        if self._process is None or self._task is None:
            return
        asking = asyncio.create_task(self.send_meta({"type": "quit"}))
        ended = asyncio.create_task(self._process.wait())
        await asyncio.wait({ended}, timeout=GRACE)
        asking.cancel()
        if not ended.done():
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await ended
        await self._task


class ConsoleServer(Server):
    """Serves the page, what it needs, and its websocket; each under the guard's path, the page once at / too."""

    def __init__(self, arguments: Sequence[str], guard: Guard, title: str) -> None:
        super().__init__("", public_url=guard.origin, title=title)
        self._arguments = arguments
        self._guard = guard
        self._websockets: set[web.WebSocketResponse] = set()

    async def application(self) -> web.Application:
        """The whole of it. What textual-serve has beside this, downloads, the console does not use."""
        app = web.Application(middlewares=[self._guard.check])
        aiohttp_jinja2.setup(app, loader=jinja2.FileSystemLoader(self.templates_path))
        path = self._guard.path
        app.add_routes([
            web.get("/", self._enter),
            web.get(f"{path}/", self.handle_index, name="index"),
            web.get(f"{path}/ws", self.handle_websocket, name="websocket"),
            web.static(f"{path}/static", self.statics_path, name="static"),
        ])  # fmt: skip
        app.on_response_prepare.append(add_headers)
        app.on_shutdown.append(self.on_shutdown)
        return app

    async def _enter(self, request: web.Request) -> web.StreamResponse:
        """The page, which forgets the token: reload and restart ask for the address that stays."""
        page = await self.handle_index(request)
        assert isinstance(page, web.Response)
        forget = f"<head><script>history.replaceState(null, '', '{self._guard.path}/')</script>"
        page.text = (page.text or "").replace("<head>", forget, 1)
        return page

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """A visit, from the first byte to the end of its process."""
        websocket = web.WebSocketResponse(heartbeat=HEARTBEAT, timeout=GRACE)
        await websocket.prepare(request)
        visit = Visit(self._arguments, websocket)
        self._websockets.add(websocket)
        try:
            await visit.start(to_int(request.query.get("width", ""), 80), to_int(request.query.get("height", ""), 24))
            await self._process_messages(websocket, visit)
        except (AssertionError, AttributeError, LookupError, TypeError, ValueError):
            await websocket.close(code=WSCloseCode.UNSUPPORTED_DATA)  # nothing that the page would send
        finally:
            self._websockets.discard(websocket)
            await asyncio.shield(visit.stop())
        return websocket

    async def on_shutdown(self, app: web.Application) -> None:
        """Close the websockets; each takes its process along."""
        await asyncio.gather(*(one.close(code=WSCloseCode.GOING_AWAY) for one in list(self._websockets)))


def serve(
    listener: socket.socket, public_url: str, arguments: Sequence[str], title: str, tell: Callable[[str], object]
) -> int:
    """Serve until SIGTERM, SIGHUP or ctrl+c, which it gives; `tell` is called with the address once it answers.

    `arguments` is the command line of the console that each visit gets.
    """
    return asyncio.run(_serve(listener, public_url, arguments, title, tell))


async def _serve(
    listener: socket.socket, public_url: str, arguments: Sequence[str], title: str, tell: Callable[[str], object]
) -> int:
    loop = asyncio.get_running_loop()
    signals: asyncio.Queue[int] = asyncio.Queue()
    endings = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    for number in endings:
        loop.add_signal_handler(number, signals.put_nowait, number)
    guard = Guard(public_url)
    app = await ConsoleServer(arguments, guard, title).application()
    # no log of requests: it would hold the token
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=2 * GRACE)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        tell(guard.address)
        with contextlib.redirect_stdout(sys.stderr):  # where textual-serve writes what a console complained of
            return await signals.get()
    finally:
        for number in endings:  # a second one ends the server at once; consoles end when they miss it
            loop.remove_signal_handler(number)
        await runner.cleanup()
