"""The sign-in of a worker or notifier, `.fsjob/workers/NAME`: who it is, what it does; the file's mtime is its beat."""

from __future__ import annotations

import json
from contextlib import suppress

from .errors import GuardBusy
from .fs import Disk, NotRegular
from .layout import check_id
from .store import JobStore

BEAT_EVERY = 3.0
CHANGE_AFTER = 1.0
"""Seconds after which a change of state is written before its beat is due."""
GONE_FOR = 3600.0
"""Seconds after which what a killed worker left is cleared away by the next one that signs in."""


class SignIn:
    """One worker, signed in from its making until `out`."""

    def __init__(self, store: JobStore, name: str, command: str, kind: str = "worker") -> None:
        store.ground.ready()
        self._store, self._host = store, store.host
        self._disk = Disk(self._host, self._host.calls, durable=False)
        self._command = command
        self._kind = kind
        self._since = self._host.time()
        self._token = self._host.token()
        self._written = ("idle", False, self._host.monotonic())
        self._full_since = 0.0
        self.name = check_id(name)
        try:
            with self._host.guard(store.layout.guard, False):  # two of one name may start at once
                self._take_a_name()
                self._write("idle", 0, 0, 0)
        except GuardBusy:
            self.name = f"{name}-{self._token}"
            self._write("idle", 0, 0, 0)

    def _take_a_name(self) -> None:
        """The second worker of one name gets `-2`; what workers long gone left is cleared away."""
        workers = self._store.views.workers()
        taken = {worker.name for worker in workers if worker.state != "gone"}
        wanted, number = self.name, 1
        while self.name in taken:
            number += 1
            self.name = f"{wanted}-{number}"
        for worker in workers:
            if worker.state == "gone" and self._host.time() - worker.beat > GONE_FOR:
                self._disk.discard(self._store.layout.worker(worker.name))

    def beat(self, now: float, state: str, running: int, done: int, failed: int, *, full: bool) -> None:
        """Say what is done and what was, at most every second where that changes, else every three.

        `full`: it cannot take more than it has.
        """
        *before, at = self._written
        changed = [state, full] != before and (now - at >= CHANGE_AFTER or state == "draining")
        if full != bool(self._full_since):
            self._full_since = self._host.time() if full else 0.0
        if changed or now - at >= BEAT_EVERY:
            self._written = (state, full, now)
            if state == "idle" and self._kind == "worker" and self._store.views.paused() is not None:
                state = "paused"
            with suppress(OSError):  # a full disk must not end a worker that works
                self._write(state, running, done, failed)

    def _write(self, state: str, running: int, done: int, failed: int) -> None:
        me = self._host.me
        told = {
            "name": self.name, "host": me.host, "boot": me.boot, "pidns": me.pidns, "pid": me.pid, "start": me.start,
            "since": self._since, "full_since": self._full_since,
            "state": state, "now": running, "done": done, "failed": failed,
            "kind": self._kind, "command": self._command, "token": self._token,
        }  # fmt: skip
        layout = self._store.layout
        scratch = layout.staging(self._host.tagged_token())
        self._disk.replace(layout.worker(self.name), json.dumps(told).encode(), scratch)

    def out(self) -> None:
        """Sign out, unless another has the name by now: it believed this one gone."""
        path = self._store.layout.worker(self.name)
        with suppress(OSError, NotRegular, ValueError):
            told = json.loads(self._disk.read(path, 1 << 16))
            if isinstance(told, dict) and told.get("token") == self._token:
                self._disk.remove(path)
