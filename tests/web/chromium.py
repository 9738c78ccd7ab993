"""A real browser: Debian's Chromium without a window, driven over its debugging protocol."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

FLAGS = (
    "--headless", "--no-sandbox", "--no-first-run", "--no-proxy-server", "--disable-dev-shm-usage",
    "--disable-background-networking", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--window-size=800,600", "--remote-debugging-port=0",
)  # fmt: skip
CATCH_TERMINAL = """
Object.defineProperty(Object.prototype, 'terminal', {configurable: true, set(terminal) {
    window.caught = terminal;
    Object.defineProperty(this, 'terminal', {value: terminal, writable: true, configurable: true});
}});
"""
"""The page keeps its terminal to itself; this keeps a reference."""
READ_TERMINAL = """
(() => {
    const buffer = window.caught?.buffer.active, lines = [];
    for (let y = 0; buffer && y < buffer.length; y++) lines.push(buffer.getLine(y).translateToString(true));
    return lines.join('\\n');
})()
"""
CTRL = 2


class Page:
    """One tab."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self._websocket = websocket
        self._numbers = itertools.count(1)
        self.asked: dict[str, str] = {}
        """The addresses that were asked for since `open`, but for those that the page was not allowed to ask."""

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol; events that come meanwhile are looked at."""
        number = next(self._numbers)
        await self._websocket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            message: dict[str, Any] = await self._websocket.receive_json(timeout=60)
            about = message.get("params", {})
            if message.get("method") == "Network.requestWillBeSent":
                self.asked[about["requestId"]] = about["request"]["url"]
            elif message.get("method") == "Network.loadingFailed" and about.get("blockedReason") == "csp":
                del self.asked[about["requestId"]]
            if message.get("id") == number:
                assert "error" not in message, message
                answer: dict[str, Any] = message["result"]
                return answer

    async def open(self, address: str) -> None:
        await self.call("Network.enable")
        await self.call("Page.enable")
        await self.call("Page.addScriptToEvaluateOnNewDocument", source=CATCH_TERMINAL)
        await self.call("Page.navigate", url=address)

    async def evaluate(self, expression: str) -> Any:
        answer = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        return answer["result"].get("value")

    async def until(self, true: Callable[[str], bool] | str, seconds: float = 60.0) -> str:
        """Wait for a text on the terminal, or for something to be true of it; gives all of the terminal's text."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            text = str(await self.evaluate(READ_TERMINAL))
            if true in text if isinstance(true, str) else true(text):
                return text
            assert asyncio.get_running_loop().time() < deadline, f"not seen: {true}\n{text}"
            await asyncio.sleep(0.05)

    async def press(self, *keys: str) -> None:
        """Press keys as a person does: a character, or ctrl+ and one."""
        await self.evaluate("window.caught.focus()")
        for key in keys:
            name = key.removeprefix("ctrl+")
            code: dict[str, Any] = {"key": name, "windowsVirtualKeyCode": ord(name.upper()) if name.isalnum() else 0}
            if key.startswith("ctrl+"):
                code["modifiers"] = CTRL
                await self.call("Input.dispatchKeyEvent", type="rawKeyDown", **code)
            else:
                await self.call("Input.dispatchKeyEvent", type="keyDown", text=name, **code)
            await self.call("Input.dispatchKeyEvent", type="keyUp", **code)

    async def picture(self, path: Path) -> None:
        """A PNG of what is to be seen."""
        answer = await self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(answer["data"]))


@asynccontextmanager
async def chromium(program: str) -> AsyncIterator[Page]:
    """A browser with one tab, and a profile of its own."""
    profile = tempfile.mkdtemp(prefix="fsjob-chromium-")
    browser = subprocess.Popen(
        [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        port = await _port(Path(profile), browser)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                (tab,) = [tab for tab in json.loads(await answer.text()) if tab["type"] == "page"]
            async with session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as websocket:
                yield Page(websocket)
    finally:
        browser.terminate()
        browser.wait()
        shutil.rmtree(profile, ignore_errors=True)


async def _port(profile: Path, browser: subprocess.Popen[bytes]) -> int:
    deadline = asyncio.get_running_loop().time() + 60
    while True:
        try:
            return int((profile / "DevToolsActivePort").read_text().split()[0])
        except (OSError, IndexError):
            assert browser.poll() is None, f"chromium ended with {browser.returncode}"
            assert asyncio.get_running_loop().time() < deadline, "chromium does not answer"
            await asyncio.sleep(0.05)
