"""A store in trouble under an open console: it stays up, says what is wrong, and goes on when that is over."""

from __future__ import annotations

import ctypes
import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fsjob_core import JobStore
from fsjob_tui.console.app import HARD_END

from ..conftest import ROOT
from ..crash.test_full_disk import fill, mounted
from .conftest import Open
from .terminal import Terminal


@contextmanager
def hung(path: Path) -> Iterator[None]:
    """A file system over a directory whose server never answers: each call that goes there hangs until it is over."""
    try:
        device = os.open("/dev/fuse", os.O_RDWR)
    except OSError as error:
        pytest.skip(f"no FUSE here: {error}")
    options = f"fd={device},rootmode={stat.S_IFDIR:o},user_id={os.getuid()},group_id={os.getgid()},allow_other"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"fsjob-hung", os.fsencode(path), b"fuse", 0, options.encode()):
        os.close(device)
        pytest.skip(f"mounting is not allowed here: {os.strerror(ctypes.get_errno())}")
    try:
        yield
    finally:
        os.close(device)  # its server has died: what hangs there fails
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def test_a_hung_mount_hangs_neither_screen_nor_keys(store: JobStore, open_console: Open) -> None:
    jobs = [store.create({"type": "resize", "n": n}) for n in range(2)]
    console = open_console()
    console.until(jobs[1].id[-4:])
    with hung(Path(store.directory)):
        console.until("has not answered for", 20)
        console.press("j?")
        console.until("KEYS")
        console.press("\x1b")
        console.until(lambda: "KEYS" not in console.text)
        assert "resize" in console.text, "what was known last stays on the screen"
        console.press("p")
        console.until("PARK")
        console.press("y")
        console.press("2")
        console.until("no lock")
        console.press("1")
        console.until("resize")
    console.until(lambda: "answered" not in console.text and "resize" in console.text, 60)
    third = store.create({"type": "crop"})
    console.until("crop", 40)
    assert third.id[-4:] in console.text
    console.press("q")
    assert console.process.wait(20) == 0


def test_a_console_of_a_hung_mount_can_be_left(store: JobStore, open_console: Open) -> None:
    store.create(1)
    console = open_console()
    console.until("1 Pending 1")
    with hung(Path(store.directory)):
        console.until("has not answered for", 20)
        console.press("q")
        assert console.process.wait(20) == 0


def test_a_folder_that_may_not_be_read_is_told_and_followed_once_it_may(store: JobStore) -> None:
    job = store.create({"type": "resize"})
    pending, parked = Path(store.layout.pending), Path(store.layout.parked)
    pending.chmod(0)
    console = Terminal("console", store.directory, powerless=True)
    try:
        console.until("Permission denied", 20)
        pending.chmod(0o755)
        console.until(job.id[-4:], 20)
        parked.chmod(0o555)
        console.press("p")
        console.until("PARK")
        console.press("y")
        console.until("Permission denied", 20)
        assert store.counts().pending == 1
        parked.chmod(0o755)
        console.press("p")
        console.until("PARK")
        console.press("y")
        console.until(lambda: store.counts().parked == 1)
    finally:
        console.end()


def test_a_full_disk_is_told_and_acts_go_on_once_there_is_room(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=512k", "fsjob-test") as disk:
        store = JobStore(disk / "store", durability="process")
        job = store.create({"type": "resize"})
        console = Terminal("console", store.directory)
        try:
            console.until("resize")
            filler = fill(disk)
            console.press("c")
            console.until("CREATE A JOB")
            console.press('{"type": "crop"}\x13')
            console.until("No space left", 20)
            assert store.counts().pending == 1
            console.until("the disk is full")
            console.press("\x1b!")
            console.until("purge in the palette (:)")
            console.press("1p")
            console.until("PARK")
            console.press("y")
            console.until(lambda: "PARK" not in console.text)
            filler.unlink()
            console.press("c")
            console.until("f2 the last")
            os.write(console.master, b"\x1bOQ")
            console.until("crop")
            console.press("\x13")
            console.until(lambda: {"type": "crop"} in [store.get(e.id).request for e in store.views.entries("pending")])
            assert store.get(job.id).state == 1
        finally:
            console.end()


STUCK = """
import threading, time
from textual.drivers._writer_thread import WriterThread
ends, write = time.monotonic() + 4, WriterThread.write
WriterThread.write = lambda self, text: threading.Event().wait() if time.monotonic() > ends else write(self, text)
"""


def test_a_console_that_waits_for_a_dead_terminal_ends_all_the_same(
    store: JobStore, open_console: Open, tmp_path: Path
) -> None:
    """Its loop waits until the terminal takes what is to be written, which it never does; then the terminal goes."""
    for _ in range(3):
        store.create("to move to")
    (tmp_path / "sitecustomize.py").write_text(STUCK)
    console = open_console(PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    console.read(4)
    console.press("jk")
    console.close()
    assert console.process.wait(HARD_END + 5) == 1
