"""Where everything stands in a store directory, and what a legal job id is.

The only module that spells a path. Paths are plain strings: they are built for every job, and the system
calls take them as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .errors import InvalidJobId

LOCK = ".lock"
STAGED = ".fsjob-"
"""Prefix of staged files inside a job's directory; the holder's token and what it stages follow."""

SIDES = ("pending", "waiting", "parked")
"""The directories of links to jobs."""

MAX_ID_BYTES = 200

_LOCKED = {"work": "pending", "notification": "waiting", "state": "jobs"}


def is_job_id(name: str) -> bool:
    """Whether `name` is a legal job id: one component, 1 to 200 printable bytes, no leading dot, not `*.lock`."""
    if name.isascii():
        fits = 0 < len(name) <= MAX_ID_BYTES
    else:
        fits = len(name.encode("utf-8", "surrogatepass")) <= MAX_ID_BYTES
    return fits and name.isprintable() and name[0] != "." and "/" not in name and not name.endswith(LOCK)


def check_id(name: object) -> str:
    """Give `name` back if it is a legal job id, else raise InvalidJobId."""
    if isinstance(name, str) and is_job_id(name):
        return name
    raise InvalidJobId(
        f"{name!r:.80} is no job id: one name of 1 to {MAX_ID_BYTES} printable bytes, "
        "without '/', not beginning with '.', not ending in '.lock'"
    )


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one store. `root` is an absolute directory without a slash at its end."""

    root: str

    @property
    def jobs(self) -> str:
        return f"{self.root}/jobs"

    @property
    def pending(self) -> str:
        return f"{self.root}/pending"

    @property
    def waiting(self) -> str:
        return f"{self.root}/waiting"

    @property
    def parked(self) -> str:
        return f"{self.root}/parked"

    @property
    def own(self) -> str:
        """Everything that is this project's alone."""
        return f"{self.root}/.fsjob"

    @property
    def tmp(self) -> str:
        return f"{self.root}/.fsjob/tmp"

    @property
    def trash(self) -> str:
        return f"{self.root}/.fsjob/trash"

    @property
    def workers(self) -> str:
        return f"{self.root}/.fsjob/workers"

    @property
    def guard(self) -> str:
        return f"{self.root}/.fsjob/guard"

    @property
    def paused(self) -> str:
        return f"{self.root}/.fsjob/paused"

    @property
    def audit(self) -> str:
        return f"{self.root}/.fsjob/audit.jsonl"

    @property
    def journal(self) -> str:
        """What acts of a person replaced: a directory for each group of acts, a file for each act."""
        return f"{self.root}/.fsjob/journal"

    def journal_group(self, group: str) -> str:
        return f"{self.root}/.fsjob/journal/{group}"

    def journal_entry(self, group: str, name: str) -> str:
        return f"{self.root}/.fsjob/journal/{group}/{name}"

    @property
    def about(self) -> str:
        """Name and class of the store."""
        return f"{self.root}/.fsjob/store.json"

    def parts(self) -> Iterator[str]:
        """The directories that a store consists of, parents first."""
        yield from (self.jobs, self.pending, self.waiting, self.parked, self.own)
        yield from (self.tmp, self.workers, self.trash, self.journal)

    def job(self, job_id: str) -> str:
        return f"{self.root}/jobs/{job_id}"

    def state(self, job_id: str) -> str:
        return f"{self.root}/jobs/{job_id}/state.json"

    def value(self, job_id: str) -> str:
        return f"{self.root}/jobs/{job_id}/value"

    def staged(self, job_id: str, token: str, what: str) -> str:
        """A file being prepared inside the job's directory; `what` is "state" or "value"."""
        return f"{self.root}/jobs/{job_id}/{STAGED}{token}-{what}"

    def staging(self, token: str) -> str:
        """Something being prepared, or on its way out: a job's directory, a file that replaces another, a link."""
        return f"{self.root}/.fsjob/tmp/{token}"

    def trash_name(self, name: str, token: str) -> str:
        """Under which name a deleted job, or what the doctor took away, lies in the trash: there may be others."""
        return f"{name}.{token}"

    def in_trash(self, name: str) -> str:
        """Where that lies, whole."""
        return f"{self.root}/.fsjob/trash/{name}"

    def pending_link(self, job_id: str) -> str:
        return f"{self.root}/pending/{job_id}"

    def waiting_link(self, job_id: str) -> str:
        return f"{self.root}/waiting/{job_id}"

    def parked_link(self, job_id: str) -> str:
        return f"{self.root}/parked/{job_id}"

    def link(self, side: str, job_id: str) -> str:
        """A job's link in "pending", "waiting" or "parked"."""
        return f"{self.root}/{side}/{job_id}"

    def link_text(self, job_id: str) -> str:
        """What our links say: relative, so that Node follows them and the store can be moved."""
        return f"../jobs/{job_id}"

    def work_lock(self, job_id: str) -> str:
        return self.lock("work", job_id)

    def notification_lock(self, job_id: str) -> str:
        return self.lock("notification", job_id)

    def state_lock(self, job_id: str) -> str:
        return self.lock("state", job_id)

    def lock(self, kind: str, job_id: str) -> str:
        """A job's "work", "notification" or "state" lock."""
        return f"{self.root}/{_LOCKED[kind]}/{job_id}{LOCK}"

    def worker(self, name: str) -> str:
        return f"{self.root}/.fsjob/workers/{name}"
