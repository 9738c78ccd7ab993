"""What every operation of one store object stands on, and the making of a store."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass

from .errors import NotAStore, ReadOnly
from .fs import Disk
from .host import Host
from .layout import Layout
from .lease import Lease, LockPlace, acquire
from .record import JobRecord, read_state

STATE_LOCK_WAIT = 25.0
"""Seconds to wait for a state lock: Node takes the state lock, then the notification lock, and retries for 15."""


@dataclass(slots=True)
class Ground:
    """One store, seen by one store object."""

    host: Host
    layout: Layout
    disk: Disk
    worker: str
    read_only: bool
    local: bool
    """Whether no other machine can see the file system, so that a pid can prove death."""
    _ready: bool = False

    def ready(self) -> None:
        """Before the first change: refuse a read-only store, make the parts that are missing.

        Opening and reading make nothing: a store of Node's gets its `.fsjob/` when we first change something.
        """
        if self.read_only:
            raise ReadOnly(f"{self.layout.root} was opened read-only: nothing is changed")
        if not self._ready:
            self.make_parts()

    def look_again(self) -> None:
        """Have the parts looked for before the next change: another store may stand there by now, a Node's perhaps."""
        self._ready = False

    def make_parts(self) -> None:
        """Make the directories of a store that are missing, durably."""
        made = [part for part in self.layout.parts() if self.disk.make_directory(part)]
        if made:
            self.disk.sync_directory(self.layout.own)
            self.disk.sync_directory(self.layout.root)
            self.disk.sync_directory(os.path.dirname(self.layout.root) or "/")
        self._ready = True

    def make_root(self) -> None:
        """Make the store's directory, its parents too."""
        missing = []
        path = self.layout.root
        while not self.disk.exists(path):
            missing.append(path)
            path = os.path.dirname(path)
        for path in reversed(missing):
            self.disk.make_directory(path)
        self.make_parts()

    def require_store(self) -> None:
        """Raise NotAStore unless the directory holds a store."""
        root = self.layout.root
        if not self.disk.exists(root):
            raise NotAStore(f"{root} does not exist")
        if not self.disk.exists(f"{root}/."):  # a link to a directory will do
            raise NotAStore(f"{root} is no directory")
        if not any(map(self.disk.exists, (self.layout.jobs, self.layout.pending, self.layout.own))):
            raise NotAStore(f"{root} is no job store: it has neither jobs/, pending/ nor .fsjob/")

    def require_job(self, job_id: str) -> None:
        """Raise JobNotFound, or CorruptJob where something else stands in a job's place."""
        if not self.disk.is_directory(self.layout.job(job_id)):
            self.read(job_id)

    def make_last(self, job_id: str) -> None:
        """Sync a state that somebody else wrote, and its value, before anything is built on it.

        Node syncs nothing, and a process of ours may have been killed before it did: a value that was told, or a
        link that was removed, must not outlive the state that was the reason for it.
        """
        for path in (self.layout.value(job_id), self.layout.state(job_id)):
            with suppress(FileNotFoundError):
                self.disk.sync_file(path)
        self.disk.sync_directory(self.layout.job(job_id))

    def place(self, kind: str, job_id: str) -> LockPlace:
        """Where the work, notification or state lock of a job stands."""
        return LockPlace.of(self.layout, kind, job_id)

    def lock(self, kind: str, job_id: str, seconds: float = 0.0) -> Lease:
        """Take a lock, a dead holder's too. Raises JobLocked or LockTimeout, which say who has it."""
        return acquire(self.host, self.place(kind, job_id), self.worker, local=self.local, seconds=seconds)

    def read(self, job_id: str) -> tuple[bytes, JobRecord]:
        """A job's state.json, as bytes and as record. Raises JobNotFound, CorruptJob, OSError."""
        return read_state(self.disk, self.layout, job_id)
