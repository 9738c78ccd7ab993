"""`fsjob serve` as a person starts it: a real process on a store whose path wants quoting."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from fsjob_core import JobStore

from ..conftest import ROOT, need
from .chromium import Page, chromium

FSJOB = [sys.executable, "-m", "fsjob_tui.cli"]


class Served:
    """A server that runs; `address` is what it printed."""

    def __init__(self, directory: str, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*FSJOB, "serve", directory, "--port", "0", "--json", *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
        )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.end()
        self.address: str = json.loads(line)["url"]
        self.origin = str(URL(self.address).origin())
        self.token = URL(self.address).query["token"]

    @property
    def port(self) -> int:
        """Where it listens, whatever it printed."""
        inodes = {os.readlink(entry)[8:-1] for entry in Path(f"/proc/{self.process.pid}/fd").iterdir()
                  if os.readlink(entry).startswith("socket:")}  # fmt: skip
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in inodes and fields[3] == "0A":
                return int(fields[1].partition(":")[2], 16)
        raise AssertionError("it does not listen")

    def visits(self) -> list[int]:
        """The processes of the consoles that it has."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split() if entry.name.isdigit() else []
            except OSError:
                continue
            if fields and int(fields[1]) == self.process.pid and fields[0] != "Z":
                found.append(int(entry.name))
        return found

    def end(self, number: int = signal.SIGTERM) -> str:
        """End it; gives all that it said after the address."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=60)
        return out + err


Serve = Callable[..., Served]


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / 'it\'s; a "store" $(x)', durability="process")


@pytest.fixture
def serve(store: JobStore) -> Iterator[Serve]:
    """Serve the store, until the test ends."""
    started: list[Served] = []

    def start(*arguments: str) -> Served:
        started.append(Served(store.directory, *arguments))
        return started[-1]

    yield start
    for served in started:
        served.end(signal.SIGKILL)


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that keeps cookies as a browser does."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A tab of a real browser."""
    async with chromium(need("chromium")) as tab:
        yield tab


async def until(true: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait for something to be true, while clients go on answering."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not true():
        assert asyncio.get_running_loop().time() < deadline, "not seen"
        await asyncio.sleep(0.02)
