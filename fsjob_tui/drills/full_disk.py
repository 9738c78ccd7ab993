"""A disk without a byte left, filled by old values, by what was deleted, and by a core dump."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from fsjob_core.operator import Operator

from .drill import CannotBeMade, Drill
from .work import HANDLER

SIZE = 4 << 20
VALUE = 96 << 10
OLD, DELETED, NEW = 16, 8, 24
"""Jobs of which there are values: too many, by some."""
LONG_AGO = 40 * 86_400.0
ROOM = 256 << 10
"""Bytes that must be free again."""


class FullDisk(Drill):
    name = "full-disk"
    trouble = "The disk is full: no worker can keep what it does, and no act can be written down."
    answer = (
        "Acts that must be written down are refused while there is no room. `purge` in the palette, or "
        "`fsjob purge --older-than 30d` in a shell, makes some; or remove the core dump. Workers go on by themselves."
    )

    def prepare(self) -> None:
        super().prepare()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "fsjob-drill", self.directory]
        try:
            done = subprocess.run(mount, capture_output=True, text=True)
            problem = done.stderr.strip() if done.returncode else ""
        except OSError as error:
            problem = str(error)
        if problem:
            raise CannotBeMade(f"the drill full-disk needs a small disk of its own, and mounting is refused: {problem}")

    def make(self) -> None:
        store, operator = self.store, Operator(self.store, "drill", via="demo")
        long_ago = (time.time() - LONG_AGO,) * 2
        for job_id in self.create({"type": "render", "n": number} for number in range(OLD)):
            store.fulfill(job_id, b"x" * VALUE)
            os.utime(store.layout.state(job_id), long_ago)
        for job_id in self.create({"type": "mistake", "n": number} for number in range(DELETED)):
            store.fulfill(job_id, b"x" * VALUE)
            operator.delete(job_id)
        errors: list[str] = []

        def heard(event: Mapping[str, Any]) -> None:
            if event["kind"] == "error":
                errors.append(event["text"])

        self.create({"type": "render", "n": OLD + number, "bytes": VALUE} for number in range(NEW))
        self.shift.start("render-1", "--handler", HANDLER, heard=heard)
        self.until(lambda: errors)
        with suppress(OSError), open(os.path.join(self.directory, "core.4711"), "wb", buffering=0) as core:
            while True:
                core.write(b"\0" * 4096)

    def left(self) -> str:
        return "there is no room" if self.store.views.lacks_room(ROOM) else ""

    def remove(self) -> None:
        if os.path.ismount(self.directory):
            subprocess.run(["umount", "--lazy", self.directory], capture_output=True)
        super().remove()
