"""The command: where it may listen, what it says, how it ends, and that no console outlives its browser."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from fsjob_core import JobStore

from .conftest import FSJOB, Serve, Served, until
from .test_guard import answer_to, enter

WITHOUT_EXTRA = "import sys; sys.modules['textual_serve'] = None; from fsjob_tui.cli import main; main()"


def run(*command: str) -> tuple[int, str]:
    """The exit code and what was complained of; a server that starts anyway is ended, and fails the test."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout == ""
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--host", "0.0.0.0"), 2, "0.0.0.0 is reached from elsewhere: add --read-only, or --behind-proxy"),
        (("--host", "::"), 2, "--behind-proxy"),
        (("--host", "127.0.0.2"), 2, "--behind-proxy"),
        (("--public-url", "https://jobs.example.org"), 2, "--behind-proxy"),
        (("--behind-proxy", "--public-url", "https://jobs.example.org/path"), 2, "no path"),
        (("--behind-proxy", "--public-url", "ftp://jobs.example.org"), 2, "--public-url"),
        (("--behind-proxy", "--public-url", "http://[::1"), 2, "--public-url"),
        (("--host", "192.0.2.1", "--read-only"), 1, "cannot listen on 192.0.2.1"),
        (("-C", "/nowhere"), 5, "/nowhere"),
    ],
    ids=str,
)
def test_what_is_refused_says_why_in_one_line(store: JobStore, options: tuple[str, ...], code: int, said: str) -> None:
    directory = [] if "-C" in options else [store.directory]
    got, text = run(*FSJOB, "serve", "--port", "0", *directory, *options)
    assert got == code and said in text and text.count("\n") == 1, text


def test_without_the_extra_it_says_how_to_install_it(store: JobStore) -> None:
    got, text = run(sys.executable, "-c", WITHOUT_EXTRA, "serve", store.directory)
    assert got == 1 and "pip install '.[web]'" in text and text.count("\n") == 1, text


def test_a_port_that_is_taken_is_told(store: JobStore, serve: Serve) -> None:
    port = serve().origin.rpartition(":")[2]
    got, text = run(*FSJOB, "serve", store.directory, "--port", port)
    assert got == 1 and "in use" in text and text.count("\n") == 1, text


@pytest.mark.parametrize(
    ("options", "origin"),
    [
        (("--host", "::1"), "http://[::1]:"),
        (("--host", "0.0.0.0", "--read-only"), f"http://{os.uname().nodename}:"),
        (("--public-url", "http://localhost:9000/"), "http://localhost:9000/?"),
    ],
    ids=str,
)
def test_the_address_is_what_a_browser_is_given(serve: Serve, options: tuple[str, ...], origin: str) -> None:
    assert serve(*options).address.startswith(origin)


async def test_behind_a_proxy_the_cookie_is_for_https_alone(serve: Serve, client: aiohttp.ClientSession) -> None:
    """The proxy passes the Host that the browser asked for on; without that nobody gets in."""
    served = serve("--behind-proxy", "--public-url", "https://jobs.example.org")
    here = f"http://127.0.0.1:{served.port}/?token={served.token}"
    assert (await answer_to(client, here))[0] == 403
    async with client.get(here, headers={"Host": "jobs.example.org", "Origin": "https://jobs.example.org"}) as answer:
        assert answer.status == 200
        (cookie,) = answer.cookies.values()
        assert cookie["secure"]
        assert "wss://jobs.example.org/" in await answer.text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
async def test_whatever_ends_the_server_ends_its_consoles(
    serve: Serve, client: aiohttp.ClientSession, number: signal.Signals
) -> None:
    served = serve()
    address = served.origin + await enter(client, served) + "ws"
    async with client.ws_connect(address, origin=served.origin) as websocket:
        await websocket.receive_bytes(timeout=60)
        visits = family(served)
        assert len(visits) >= 1
        served.process.send_signal(number)
        await until(lambda: not any(alive(pid) for pid in visits))
    code = {signal.SIGINT: 130, signal.SIGKILL: -9}.get(number, 0)
    assert served.process.wait(60) == code
    assert "Traceback" not in served.end()


async def test_a_console_ends_with_its_browser(serve: Serve, client: aiohttp.ClientSession) -> None:
    """Whose websocket is closed, torn off, or talks nonsense, and even one that does not end; others stay. The
    websocket of one that is killed is closed."""
    served = serve()
    address = served.origin + await enter(client, served) + "ws"
    async with client.ws_connect(address, origin=served.origin) as stays:
        await stays.receive_bytes(timeout=60)
        (first,) = served.visits()
        reading = asyncio.create_task(read_on(stays))  # who does not answer a ping is taken for gone
        for way in ("closed", "torn off", "nonsense", "killed", "does not end"):
            websocket = await client.ws_connect(address, origin=served.origin)
            await websocket.receive_bytes(timeout=60)
            (second,) = set(served.visits()) - {first}
            match way:
                case "closed":
                    await websocket.close()
                case "torn off":
                    websocket.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
                case "nonsense":
                    await websocket.send_str('{"not": "a list"}')
                case "killed":
                    os.kill(second, signal.SIGKILL)
                case "does not end":
                    os.kill(second, signal.SIGSTOP)
                    await websocket.close()
            await read_on(websocket)
            await until(lambda pid=second: not alive(pid))  # type: ignore[misc]
            assert served.visits() == [first], way
    await reading


async def read_on(websocket: aiohttp.ClientWebSocketResponse) -> None:
    """Until it is closed."""
    while not websocket.closed:
        await websocket.receive(timeout=300)


def family(served: Served) -> list[int]:
    """The consoles of a server and what they started."""
    found = served.visits()
    for pid in found:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
