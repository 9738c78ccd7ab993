"""The audit log, a line for every act of a person, and the journal, a small file for what each act replaced.

A file of the journal is durable before its act changes anything that shows. So a kill at any instant leaves an act
that can be undone, or a file whose act never happened, which is told by the job being as it was before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from .clock import LAST
from .errors import InvalidJobId
from .fs import Disk, Marks, NotRegular
from .layout import Layout, check_id
from .record import MAX_STATE, Ids, made_at

KEPT_GROUPS = 1000
"""Groups of acts that stay in the journal."""
KEPT_SECONDS = 30 * 86_400.0
"""Seconds after which a group goes."""
PRUNED_AT_ONCE = 2000
"""Files that a new group removes at most: an act must not wait for the housekeeping of a month."""
UNDONE, REFUSED = "undone-", "changed-"
"""What the name of a settled file begins with: its act was put back, or cannot be any more."""
OLDER_GROUPS = 100
"""How many groups are searched for older acts on a job that is being put back."""
_MAX_ENTRY = 4 * MAX_STATE


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an act came to: whether it was done, and one plain sentence that was read back from the disk."""

    done: bool
    what: str
    id: str = ""


# ── the audit log ─────────────────────────────────────────────────────────────────────────────────────────


def append_audit(
    disk: Disk, layout: Layout, *, who: str, via: str, act: str, outcome: Outcome, details: Mapping[str, object]
) -> None:
    """Add a line to `.fsjob/audit.jsonl`."""
    line = {
        "at": datetime.fromtimestamp(disk.host.time(), UTC).isoformat(timespec="milliseconds"),
        "who": who,
        "host": disk.host.me.host,
        "via": via,
        "act": act,
        "id": outcome.id,
        "done": outcome.done,
        "what": outcome.what,
        **{name: value for name, value in details.items() if value not in (None, "")},
    }
    disk.append(layout.audit, json.dumps(line).encode() + b"\n")


def read_audit(disk: Disk, layout: Layout, limit: int = 8 << 20) -> Iterator[dict[str, Any]]:
    """The last lines of the audit log, up to `limit` bytes, oldest first; what is no JSON object is passed over."""
    try:
        data, whole = disk.read_end(layout.audit, limit)
    except FileNotFoundError:
        return
    lines = data.splitlines()
    for line in lines if whole else lines[1:]:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict):
            yield entry


# ── what an act replaced ──────────────────────────────────────────────────────────────────────────────────


class Left(NamedTuple):
    """A state.json by which it is known again: its marks, and the digest of its bytes."""

    marks: Marks
    digest: str

    @classmethod
    def of(cls, marks: Marks, data: bytes) -> Left:
        import hashlib  # with OpenSSL behind it: a tenth of what a command that only reads takes to start

        return cls(marks, hashlib.sha256(data).hexdigest())


@dataclass(frozen=True, slots=True)
class Kept:
    """What is needed to undo one act on one job."""

    act: str
    """create, requeue, park, edit, unqueue or delete."""
    id: str
    old: str = ""
    """state.json before the act; empty for create and delete."""
    found: Left | None = None
    """The same, as it was found."""
    left: tuple[Left, ...] = ()
    """What the act left; each act undone since that brought it back adds what it wrote."""
    links: tuple[str, ...] = ()
    """Which of "pending", "waiting" and "parked" stood before."""
    value: Marks | None = None
    """Of the value, where there was one that meant something."""
    trash: str = ""
    """Under which name in the trash a deleted job lies."""


class Entry(NamedTuple):
    """One file of the journal: one act of a person, on one job, or on all jobs of a batch that was made."""

    group: str
    name: str
    at: float
    who: str
    host: str
    via: str
    jobs: tuple[Kept, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Acts that one command, or one act of the console on a set, did together, and that are undone together."""

    name: str
    names: tuple[str, ...]
    """The files that are not settled, oldest first."""
    first: Entry

    @property
    def count(self) -> int:
        """How many jobs it is about."""
        return sum(map(_count, self.names))

    @property
    def each_once(self) -> bool:
        """Whether no job is in two of its files, so that these can be undone in any order."""
        return len({name.split("-", 2)[2] for name in self.names}) == len(self.names)

    @property
    def ids(self) -> list[str]:
        """The first few of them."""
        if len(self.first.jobs) > 1:
            return [kept.id for kept in self.first.jobs[:3]]
        return [name.split("-", 2)[2] for name in self.names[:3]]


class Journal:
    """The journal of one store. Files sort by time; each has its own name, so that several people do not collide."""

    def __init__(self, disk: Disk, layout: Layout) -> None:
        self._disk = disk
        self._layout = layout
        self._older: dict[str, list[tuple[str, str]]] | None = None

    def new_name(self) -> str:
        """A name for a group that is to come."""
        return Ids.of(self._disk.host).new()

    # ── before an act ──

    def keep(self, group: str, who: str, via: str, jobs: Sequence[Kept]) -> None:
        """Write down what an act will replace; durable when this returns. Raises OSError, and the act must end."""
        disk, layout, host = self._disk, self._layout, self._disk.host
        entry = {"at": host.time(), "who": who, "host": host.me.host, "via": via, "jobs": [*map(_to_json, jobs)]}
        data = json.dumps(entry, ensure_ascii=False).encode("utf-8", "surrogatepass")
        path = layout.journal_entry(group, f"{self.new_name()}-{len(jobs)}-{jobs[0].id}")
        try:
            self._write(group, path, data)
        except BaseException:
            disk.discard(path)
            raise

    def _write(self, group: str, path: str, data: bytes) -> None:
        disk, layout = self._disk, self._layout
        try:
            disk.write_new(path, data)
        except FileNotFoundError:  # the first of its group
            self._prune()
            disk.make_directory(layout.journal_group(group))
            disk.sync_directory(layout.journal)
            disk.write_new(path, data)
        disk.sync_directory(layout.journal_group(group))

    def _prune(self) -> None:
        """Remove what is old, some of it at a time; names tell the age."""
        names = self._names()
        oldest = self._disk.host.time() - KEPT_SECONDS
        left = PRUNED_AT_ONCE
        for index, name in enumerate(names):
            if left <= 0 or (index + KEPT_GROUPS > len(names) and (made_at(name) or oldest) >= oldest):
                return
            path = self._layout.journal_group(name)
            for entry in self._disk.list_directory(path)[:left]:
                self._disk.remove(f"{path}/{entry}")
                left -= 1
            with suppress(OSError):  # more is in it than is removed at once
                self._disk.calls.rmdir(path)

    # ── reading ──

    def _names(self) -> list[str]:
        return sorted(name for name in self._disk.list_directory(self._layout.journal) if made_at(name) is not None)

    def groups(self) -> Iterator[Group]:
        """The groups of which something is not settled, the newest first."""
        for name in reversed(self._names()):
            group = self.group(name)
            if group is not None:
                yield group

    def group(self, name: str) -> Group | None:
        """One group; None where nothing of it is left to be undone."""
        if made_at(name) is None:
            return None
        names = sorted(filter(_is_open, self._disk.list_directory(self._layout.journal_group(name))))
        for index, entry_name in enumerate(names):
            first = self.read(name, entry_name)
            if first is not None:
                return Group(name, tuple(names[index:]), first)
        return None

    def read(self, group: str, name: str) -> Entry | None:
        """One file; None where it is gone, settled, or was cut off while it was written, so that no act followed."""
        try:
            found = json.loads(self._disk.read(self._layout.journal_entry(group, name), _MAX_ENTRY))
            jobs = tuple(map(_from_json, found["jobs"]))
            at, who, host, via = float(found["at"]), str(found["who"]), str(found["host"]), str(found["via"])
            return Entry(group, name, at, who, host, via, jobs) if jobs and 0 <= at <= LAST else None
        except (FileNotFoundError, NotRegular, RecursionError, InvalidJobId, ArithmeticError, LookupError, TypeError,
                ValueError):  # fmt: skip
            return None

    def that_deleted(self, job_id: str, trash: str) -> str:
        """The group whose undo brings back a job that lies under this name in the trash; empty where none does."""
        for group in reversed(self._names()):
            for name in filter(_is_open, self._disk.list_directory(self._layout.journal_group(group))):
                entry = self.read(group, name) if name.endswith(f"-{job_id}") else None
                if entry is not None and any((kept.act, kept.trash) == ("delete", trash) for kept in entry.jobs):
                    return group
        return ""

    # ── after an undo ──

    def settle(self, entry: Entry, how: str) -> None:
        """Have a file count as undone, or as one that cannot be undone any more. It stays until it is pruned."""
        path = self._layout.journal_entry
        with suppress(FileNotFoundError):  # somebody else has undone the same
            self._disk.move(path(entry.group, entry.name), path(entry.group, f"{how}{entry.name}"))

    def before(self, entry: Entry, job_id: str) -> Entry | None:
        """The youngest open file on this job alone that is older than `entry`, in a listing that is made once."""
        if self._older is None:
            found: dict[str, list[tuple[str, str]]] = {}
            for group in [name for name in self._names() if name <= entry.group][-OLDER_GROUPS:]:
                for name in filter(_is_open, self._disk.list_directory(self._layout.journal_group(group))):
                    if _count(name) == 1:
                        found.setdefault(name.split("-", 2)[2], []).append((group, name))
            self._older = found
        older = [(name, group) for group, name in self._older.get(job_id, ()) if name < entry.name]
        return self.read(max(older)[1], max(older)[0]) if older else None

    def has_later(self, entry: Entry, job_id: str) -> bool:
        """Whether there is a younger open file on this job alone: an act on it that was not undone."""
        for group in [name for name in self._names() if name >= entry.group]:
            for name in self._disk.list_directory(self._layout.journal_group(group)):
                if name > entry.name and _is_open(name) and name.split("-", 2)[2] == job_id:
                    return True
        return False

    def also_left(self, entry: Entry, left: Left) -> None:
        """Before an undo brings back what an older act had left: have that act know it again."""
        jobs = [_to_json(replace(kept, left=(*kept.left, left))) for kept in entry.jobs]
        found = {"at": entry.at, "who": entry.who, "host": entry.host, "via": entry.via, "jobs": jobs}
        data = json.dumps(found, ensure_ascii=False).encode("utf-8", "surrogatepass")
        path = self._layout.journal_entry(entry.group, entry.name)
        self._disk.replace(path, data, self._layout.staging(self._disk.host.tagged_token()))


def _is_open(name: str) -> bool:
    parts = name.split("-", 2)
    return len(parts) == 3 and made_at(parts[0]) is not None and parts[1].isdecimal() and parts[1].isascii()


def _count(name: str) -> int:
    return int(name.split("-", 2)[1])


def _to_json(kept: Kept) -> dict[str, object]:
    return {
        "act": kept.act,
        "id": kept.id,
        "old": kept.old,
        "found": kept.found,
        "left": kept.left,
        "links": kept.links,
        "value": kept.value,
        "trash": kept.trash,
    }


def _from_json(found: Any) -> Kept:
    """Raises KeyError, TypeError, ValueError for what is none: it may have been written by anybody."""
    trash = str(found["trash"])
    if "/" in trash or trash.startswith("."):
        raise ValueError(f"{trash!r} is no name in the trash")
    return Kept(
        act=str(found["act"]),
        id=check_id(found["id"]),
        old=str(found["old"]),
        found=None if found["found"] is None else _left(found["found"]),
        left=tuple(map(_left, found["left"])),
        links=tuple(map(str, found["links"])),
        value=None if found["value"] is None else Marks(*map(int, found["value"])),
        trash=trash,
    )


def _left(found: Any) -> Left:
    marks, digest = found
    return Left(Marks(*map(int, marks)), str(digest))
