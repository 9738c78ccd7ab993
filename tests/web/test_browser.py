"""The console in a real browser: it appears, keys act, what does not belong there is off, other pages get nothing."""

from __future__ import annotations

import json
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer

from fsjob_core import JobStore

from .chromium import Page
from .conftest import Serve

ATTACK = """
<script>
const tries = [
    new Promise(tell => {
        const socket = new WebSocket("ADDRESS".replace("http", "ws") + "ws?width=80&height=24");
        socket.onopen = () => tell("websocket opened"); socket.onerror = () => tell("refused");
    }),
    fetch("ADDRESS", {credentials: "include"}).then(answer => answer.text(), () => "refused"),
    new Promise(tell => {
        const script = document.createElement("script");
        script.src = "ADDRESSstatic/js/textual.js"; script.onload = () => tell("script");
        script.onerror = () => tell("refused"); document.head.append(script);
    }),
];
window.attack = Promise.all(tries).then(answers => answers.join());
</script>
"""
"""The worst that there is: on the same host, so that cookies are sent along, and it knows the secret path."""


async def test_the_console_appears_and_its_keys_act(page: Page, serve: Serve, store: JobStore, tmp_path: Path) -> None:
    old = store.create({"type": "resize"})
    served = serve()
    await page.open(served.address)
    await page.until(old.id[-6:])
    assert served.token not in await page.evaluate("location.href")

    await page.press("2")
    await page.until("no lock stands")
    await page.press("c")
    await page.until("for example")  # it has the focus, too
    await page.press(*'{"n": 7}')
    await page.until("JSON, 8 B")
    await page.press("ctrl+s")
    await page.until("is pending")
    (made,) = [job for job in map(store.get, {entry.id for entry in store.list("pending")}) if job.id != old.id]
    assert made.request == {"n": 7}

    await page.press("1")
    await page.until(made.id[-6:])
    await page.press("e")
    text = await page.until("EDIT THE REQUEST")
    assert "f4 $EDITOR" not in text
    await page.press("\x1b")
    await page.until(lambda text: "EDIT THE REQUEST" not in text)
    await page.press("w")
    await page.until("worker: not in a browser")
    await page.press("y")
    await page.until("copy: not in a browser")
    await page.press("F")
    await page.until("0 B of text")
    await page.press(*"@/x")
    await page.until("no file of this machine")
    await page.press("ctrl+s", "!")
    await page.until("@/x!")
    assert store.counts().fulfilled == 0

    await page.picture(tmp_path / "console.png")
    assert (tmp_path / "console.png").stat().st_size > 10_000
    assert {address.partition("/?")[0].startswith(served.origin) for address in page.asked.values()} == {True}

    await page.evaluate("location.reload()")
    await page.until(lambda text: old.id[-6:] in text and "FULFILL" not in text)


async def test_read_only_offers_nothing_and_other_pages_get_nothing(page: Page, serve: Serve, store: JobStore) -> None:
    job = store.create({"type": "resize"})
    served = serve("--read-only")
    await page.open(served.address)
    text = await page.until(job.id[-6:])
    assert "read-only" in text
    for key in "cDpFz":
        await page.press(key)
        await page.until("opened read-only")
    await page.press("ctrl+p", *"make a job")
    await page.until("No matches found")
    assert [entry.id for entry in store.list("pending")] == [job.id]

    console = await page.evaluate("location.href")
    shown: list[str] = []

    async def attack(request: web.Request) -> web.Response:
        shown.extend(request.cookies)
        return web.Response(text=ATTACK.replace("ADDRESS", console), content_type="text/html")

    app = web.Application()
    app.router.add_get("/", attack)
    async with TestServer(app, host="127.0.0.1") as elsewhere:
        await page.call("Page.navigate", url=str(elsewhere.make_url("/")))
        while not await page.evaluate("!!window.attack"):
            pass
        answers = str(await page.evaluate("window.attack")).split(",")
    assert answers == ["refused", "refused", "refused"], json.dumps(answers)
    assert shown == [], "a server on another port is not shown the cookie"
