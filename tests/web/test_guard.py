"""Nobody gets anything but the one browser that opened the address: over HTTP and over the websocket."""

from __future__ import annotations

import re

import aiohttp
import pytest

from .conftest import Serve, Served

EVIL = "http://evil.example"


async def enter(client: aiohttp.ClientSession, served: Served) -> str:
    """Open the address; gives the path under which the console is."""
    async with client.get(served.address) as answer:
        assert answer.status == 200
        text = await answer.text()
    found = re.search(r"history.replaceState\(null, '', '([^']+)'\)", text)
    assert found
    return found[1]


Answer = tuple[int, str]


async def answer_to(client: aiohttp.ClientSession, address: str, method: str = "GET", **headers: str) -> Answer:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with client.request(method, address, headers=sent, allow_redirects=False) as answer:
        return answer.status, await answer.text()


def is_nothing(answer: Answer) -> bool:
    status, text = answer
    return status == 403 and text.startswith("fsjob: ") and text.count("\n") == 1


async def test_the_address_opens_once(serve: Serve, client: aiohttp.ClientSession) -> None:
    """What is refused does not spend the token; what is let in does, and gets a cookie that no script reads."""
    served = serve()
    for headers in ({"Host": "evil.example"}, {"Host": "localhost"}, {"Origin": EVIL}, {"Origin": "null"},
                    {"Sec_Purpose": "prefetch"}):  # fmt: skip
        assert is_nothing(await answer_to(client, served.address, **headers)), headers
    for given in ("", "/?token=", f"/?token={served.token}x", "/?token=%ED%A0%80", f"/?token=&token={served.token}"):
        assert is_nothing(await answer_to(client, served.origin + given)), given
    assert is_nothing(await answer_to(client, served.address, "POST"))
    assert (await answer_to(client, served.address, "HEAD"))[0] == 403
    assert len(client.cookie_jar) == 0

    async with client.get(served.address) as answer:
        assert answer.status == 200 and "textual-terminal" in await answer.text()
        (cookie,) = answer.cookies.values()
    assert cookie["httponly"] and cookie["samesite"] == "Strict" and len(cookie["path"]) > 20
    assert is_nothing(await answer_to(client, served.address)), "the token was used"
    assert served.token not in served.end(), "the token is told once"


async def test_without_the_cookie_there_is_nothing(serve: Serve, client: aiohttp.ClientSession) -> None:
    served = serve()
    console = served.origin + await enter(client, served)
    async with aiohttp.ClientSession() as stranger:
        for path in ("", "static/js/textual.js", "static/", "static/../../guard.py", "ws", "download/x", "nothing"):
            assert is_nothing(await answer_to(stranger, console + path)), path
            assert is_nothing(await answer_to(stranger, console + path, Cookie="fsjob=wrong")), path
        for path in ("/ws", "/static/js/textual.js", "/download/x", "/nothing"):
            assert is_nothing(await answer_to(client, served.origin + path)), "a cookie is for its path alone"
    (cookie,) = [f"fsjob={one.value}" for one in client.cookie_jar]
    for path in ("", "static/js/textual.js"):
        async with client.get(console + path) as answer:
            assert answer.status == 200
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["Cache-Control"] == "no-store"
        assert is_nothing(await answer_to(client, console + path, Host="evil.example", Cookie=cookie)), "rebinding"
        assert is_nothing(await answer_to(client, console + path, Origin=EVIL))
    assert (await answer_to(client, console + "nothing"))[0] == 404


async def test_a_websocket_of_others_starts_no_console(serve: Serve, client: aiohttp.ClientSession) -> None:
    """What a page of another site would send, with the right cookie or without; then the right one."""
    served = serve()
    console = await enter(client, served)
    address = f"{served.origin}{console}ws?width=100&height=30"
    (cookie,) = [f"fsjob={one.value}" for one in client.cookie_jar]
    right = {"Origin": served.origin, "Cookie": cookie}
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as other:
        cases: tuple[dict[str, str | None], ...] = (
            {"Origin": EVIL}, {"Origin": "null"}, {"Origin": "http://127.0.0.1"}, {"Origin": None},
            {"Host": "evil.example", "Origin": EVIL}, {"Host": "evil.example"},
            {"Cookie": "fsjob=wrong"}, {"Cookie": "fsjob="}, {"Cookie": None},
        )  # fmt: skip
        for wrong in cases:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                sent = {name: value for name, value in (right | wrong).items() if value is not None}
                await other.ws_connect(address, headers=sent)
            assert refused.value.status == 403, wrong
        assert served.visits() == []
        async with other.ws_connect(address, headers=right) as websocket:
            seen = b""
            while b"Pending" not in seen:
                seen += await websocket.receive_bytes(timeout=60)
            assert len(served.visits()) == 1
