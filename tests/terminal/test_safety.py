"""What a job holds never reaches the terminal as anything but text, nor the console's markup."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fsjob_core import JobStore

from ..conftest import ROOT
from .conftest import Open

ESCAPES = "\x1b]0;pwned\x07\x1b[2J\x9b31m\x1b[?1049l\x7f\x08"
MARKUP = "[/x][bold]loud[/bold][@click=app.quit]boo[/]"
HIDDEN = "\u202egnp.exe\u2066\u2069\u200b\u200f\u2028\ufeff\U000e0041"
BAD = f"{ESCAPES}{MARKUP}{HIDDEN}"
FORBIDDEN = [
    b"pwned\x07", b"\x1b]0;pwned", b"\x9b31m", b"\xc2\x9b", "\u202e".encode(), "\u2066".encode(), "\u200b".encode(),
    "\u200f".encode(), "\u2028".encode(), "\ufeff".encode(), "\U000e0041".encode(),
]  # fmt: skip


@pytest.fixture
def bad(store: JobStore) -> JobStore:
    """A store with bad text in every place that has text."""
    pending = store.create({"type": BAD, BAD: [BAD]})
    store.queue(pending.id, {BAD: BAD})
    waiting = store.create(BAD)
    store.queue(waiting.id, BAD)
    store.fulfill(waiting.id, BAD)
    raw = store.create(BAD)
    store.fulfill(raw.id, b"\x1b]0;pwned\x07\xff\xfe\x9b31m")
    store.park(store.create({"service": BAD}).id, BAD)
    failed = store.create(2)
    with store.pull_work() as work:  # type: ignore[union-attr]
        work.begin()
        work.fail(BAD, retry_in=3600)
    assert failed
    owner = {"host": BAD, "boot": BAD, "pidns": 1, "pid": 1, "start": 1, "worker": BAD, "since": 1.0, "token": BAD}
    lock = store.layout.work_lock(pending.id)
    os.mkdir(lock)
    try:
        os.setxattr(lock, "user.fsjob.owner", json.dumps(owner).encode())
    except OSError:
        pytest.skip("no extended attributes here")
    Path(store.layout.worker("w")).write_text(json.dumps({**owner, "name": BAD, "state": BAD, "command": BAD}))
    store.pause(BAD)
    for name in ("odd\n\x1b[2J", "\x9b31m\u202e", "[@click=app.quit]ok[bold]"):
        os.mkdir(f"{store.layout.jobs}/{name}")
        os.symlink(f"../jobs/{name}", f"{store.layout.pending}/{name}")
    return store


def check(raw: bytes) -> None:
    for found in FORBIDDEN:
        assert found not in raw, f"{found!r} reached the terminal"


def test_no_view_of_the_console_lets_anything_through(bad: JobStore, open_console: Open) -> None:
    console = open_console(columns=140, lines=40)
    console.until("pwned")
    for key in "12345672":
        console.press(key)
        console.read(0.8)
        for other in ("j", "\r", "u", *(escaped for letter in "yxprRt?" for escaped in ("\x1b", letter)), "\x1b"):
            console.press(other)
            console.read(0.25)
        assert console.process.poll() is None, console.text
    check(console.raw)
    # the screen is cleared and the title set by the console alone
    assert console.raw.count(b"\x1b[2J") <= 2
    console.press("1")
    console.until("REQUEST")
    for key in ("\x1b", "\x1b", "q"):
        console.press(key)
        console.read(0.3)
    assert console.process.wait(10) == 0


@pytest.mark.parametrize(
    "arguments",
    [["ls"], ["ls", "parked"], ["ls", "waiting"], ["ls", "fulfilled"], ["locks"], ["workers"], ["stats"], ["show"],
     ["why"], ["show", "--json"], ["locks", "--json"], ["ls", "locked"], ["unlock"], ["fulfill"], ["park"],
     ["delete"], ["undo", "--list"], ["undo"], ["audit"]],
    ids=" ".join,
)  # fmt: skip
def test_no_command_lets_anything_through(bad: JobStore, arguments: list[str]) -> None:
    ids = [entry.id for view in ("pending", "parked", "fulfilled") for entry in bad.views.entries(view)]
    needs_id = arguments[0] in ("show", "why", "unlock", "fulfill", "park", "delete")
    for job_id in (*ids, f"odd{ESCAPES}") if needs_id else [""]:
        words = [arguments[0], *([job_id] if needs_id else []), *arguments[1:]]
        if arguments[0] == "fulfill":
            words = ["fulfill", "--", f"odd{ESCAPES}" if job_id.startswith("odd") else ids[-1], "x"]
        done = subprocess.run(
            [sys.executable, "-m", "fsjob_tui.cli", *words], capture_output=True, timeout=30,
            env={**os.environ, "PYTHONPATH": str(ROOT), "FSJOB_DIR": bad.directory},
        )  # fmt: skip
        check(done.stdout + done.stderr)
        assert b"\x1b" not in done.stdout + done.stderr
        assert b"Traceback" not in done.stderr, done.stderr.decode()
