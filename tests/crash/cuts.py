"""The power is cut before each call of an operation, on a real file system: what its disk holds is mounted anew.

The operation is made once. Before each of its calls the process is held while its disk is copied; each copy is then
a disk whose power went at that call. Where neither the disk nor what was acknowledged has changed since the call
before, what came back there is what would come back here, and is not looked at twice.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

from fsjob_core.layout import Layout

from .images import FILE_SYSTEMS, Device, FileSystem, Image, empty, mounted
from .machine import Ended, Say, in_child, told
from .oracle import Look
from .sweep import Bench, Found

LOADED = [import_module(name) for name in ("fsjob_core.doctor", "filelock", "hashlib")]
"""What is loaded when it is first used is not loaded by every process anew that looks at a disk."""


class Cut(NamedTuple):
    """A disk as it was when the power went."""

    number: int
    call: str
    said: int
    """How much the process had said by then."""
    image: Image


class Holder:
    """A line between a process, which says where it is and waits, and who copies its disk meanwhile."""

    def __init__(self) -> None:
        self._ours, self._its = socket.socketpair()
        self._said = 0

    # ── in the process ──

    def act(self, bench: Bench, say: Say) -> None:
        self._ours.close()

        def counted(what: dict[str, Any]) -> None:
            say(what)
            self._said += 1

        bench.act_with(self, counted)
        self.hold("its end")

    def __call__(self, name: str, real: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        self.hold(told(name, args))
        return real(*args, **named)

    def hold(self, call: str) -> None:
        self._its.sendall(json.dumps([call, self._said]).encode() + b"\n")
        if not self._its.recv(1):
            os._exit(1)

    # ── beside it ──

    def copies(self, disk: Device, meanwhile: Callable[[], None], cuts: list[Cut], pid: int) -> None:
        """Copy the disk whenever the process is held, to its end; a call before which nothing is new gives no cut."""
        self._its.close()
        last, said = None, -1
        with self._ours, self._ours.makefile("r") as line:
            for number, text in enumerate(line, 1):
                call, now = json.loads(text)
                meanwhile()
                copied = disk.copy_if_written()
                if copied is not None or now != said:
                    last, said = copied or last, now
                    assert last is not None
                    cuts.append(Cut(number, call, said, last))
                self.calls = number
                self._ours.sendall(b".")


def cut(bench: Bench, found: Found, file_system: str, busy: bool = False, every: int = 1) -> None:
    """Cut the power at the end, and before each call before which something is new, or every so many-th of them.

    `busy`: before each call others, who make jobs, sync what links are in, and a file of their own, with which a
    journal makes everybody's names last, but nobody's data.
    """
    system = FILE_SYSTEMS[file_system]
    disk = f"{os.path.dirname(bench.directory)}/disk"
    os.mkdir(disk)
    bench.directory = f"{disk}/store"
    ended, cuts, calls = _held(bench, system, disk, busy)
    found.calls = calls
    try:
        found.add("not cut", [ended.failure] if ended.failure else [])
        for one in cuts[::-every]:
            where = f"{file_system}, the power cut before call {one.number}, {one.call}"
            found.add(where, _come_up(bench, system, disk, one, ended))
    finally:
        for image in {one.image for one in cuts}:
            image.close()


def _held(bench: Bench, system: FileSystem, disk: str, busy: bool) -> tuple[Ended, list[Cut], int]:
    image = empty(system).copy()
    try:
        with mounted(system, image, disk):
            bench.fresh()
        cuts: list[Cut] = []
        with mounted(system, image, disk) as device:  # all that stood before is on the disk
            holder = Holder()
            meanwhile = partial(_others_sync, disk, Layout(bench.directory)) if busy else lambda: None
            ended = in_child(partial(holder.act, bench), partial(holder.copies, device, meanwhile, cuts))
    finally:
        image.close()
    return ended, cuts, holder.calls


def _others_sync(disk: str, layout: Layout) -> None:
    with open(f"{disk}/another", "ab") as file:
        file.write(b".")
        file.flush()
        os.fsync(file.fileno())
    for path in (layout.pending, layout.waiting, layout.parked):
        if os.path.isdir(path):
            fd = os.open(path, os.O_RDONLY)
            os.fsync(fd)
            os.close(fd)


def _come_up(bench: Bench, system: FileSystem, disk: str, one: Cut, ended: Ended) -> list[str]:
    """What a process finds wrong on a copy of the disk once the machine is up again."""

    def run(say: Say) -> None:
        look = Look(bench.operation, bench.directory, bench.ids, ended.said[: one.said], rebooted=True)
        look.at(look.is_there)
        look.at(partial(look.goes_on, doctor_first=bool(one.number % 2)))
        say({"faults": look.faults})

    image = one.image.copy()  # the next cut may have the same
    try:
        with mounted(system, image, disk):
            looked = in_child(run)
    except OSError as error:
        return [str(error)]
    finally:
        image.close()
    return looked.said[0]["faults"] if looked.said else [looked.failure]
