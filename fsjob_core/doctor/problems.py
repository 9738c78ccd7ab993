"""What a problem is, and the table of all kinds: a new state is one entry here, one look in `finding`, one repair."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from ..record import JobRecord


class Kind(StrEnum):
    """A state that somebody left: its word, why it is a problem, and what repair does about it.

    `automatic`: repair does it unasked. The others are for an operator: what to do stands in `remedy`.
    """

    explanation: str
    remedy: str
    automatic: bool

    def __new__(cls, word: str, explanation: str, remedy: str, automatic: bool = True) -> Kind:
        kind = str.__new__(cls, word)
        kind._value_ = word
        kind.explanation, kind.remedy, kind.automatic = explanation, remedy, automatic
        return kind

    # ── links of a job that is whole ──
    PENDING_WITHOUT_LINK = (
        "pending-without-link",
        "work is wanted, but no link in pending/ says so: no worker finds it (a create or delete was cut off, or "
        "Node's unlink came after a requeue)",
        "link it in pending/",
    )
    PARKED_WITHOUT_LINK = (
        "parked-without-link",
        "its state says that it is parked, but no link in parked/ does: nobody works on it, and no list shows it",
        "link it in parked/",
    )
    PARKED_WITHOUT_REASON = (
        "parked-without-reason",
        "a link in parked/ alone says that it is parked, its state does not: the link was moved there by hand, or a "
        "delete and a park were both cut off",
        "note in its state that it is parked; r runs it again",
    )
    WAITING_WITHOUT_LINK = (
        "waiting-without-link",
        "targets wait to be told, but no link in waiting/ says so: no notifier finds them (Node's unqueue was cut off)",
        "link it in waiting/",
    )
    FULFILLED_AND_PENDING = (
        "fulfilled-and-pending",
        "it is fulfilled, but its pending link was left: Node workers do it again",
        "remove the link from pending/",
    )
    FULFILLED_AND_PARKED = (
        "fulfilled-and-parked",
        "it is fulfilled, but its parked link was left (Node does not know parking)",
        "remove the link from parked/",
    )
    PARKED_AND_PENDING = (
        "parked-and-pending",
        "it is linked in pending/ and in parked/ at once: a park or requeue was cut off, and its state says which",
        "remove the link that its state does not agree with",
    )
    WAITING_FOR_NOTHING = (
        "waiting-for-nothing",
        "it is linked in waiting/, but nobody waits: Node hands it out for ever",
        "remove the link from waiting/",
    )
    # ── links that are wrong ──
    LINK_ELSEWHERE = (
        "link-elsewhere",
        "it does not lead to its job: Node workers fail on it (the store was moved, or the link was made by hand)",
        "replace it by a relative link to the job",
    )
    DANGLING_LINK = (
        "dangling-link",
        "the link names a job that does not exist, for over a day: a Node worker that meets it keeps its lock for ever",
        "move the link into the trash",
    )
    NOT_A_LINK = (
        "not-a-link",
        "what stands here is no link: Node workers fail on it",
        "look at it; forced, repair moves it into the trash, and the next run of the doctor links the job",
        False,
    )
    FOREIGN_NAME = (
        "foreign-name",
        "the name is no job id: nothing acts on it, and a Node worker may take it for a job",
        "move it out of the store by hand",
        False,
    )
    # ── the job itself ──
    VALUE_MISSING = (
        "value-missing",
        "it is fulfilled, but its value is gone (Node syncs nothing, and power was lost)",
        "run it again",
    )
    VALUE_NOT_A_FILE = (
        "value-not-a-file",
        "it is fulfilled, but what stands at its value is no regular file, and is not read",
        "look at it; forced, repair moves it into the trash, and the next run of the doctor runs the job again",
        False,
    )
    STATE_MISSING = (
        "state-missing",
        "the job has no state.json: nobody knows what it was",
        "put state.json back from a copy; forced, repair moves the job into the trash",
        False,
    )
    STATE_CORRUPT = (
        "state-corrupt",
        "its state.json cannot be used",
        "mend state.json by hand, or put it back from a copy; forced, repair moves the job into the trash",
        False,
    )
    JOB_NOT_A_DIRECTORY = (
        "job-not-a-directory",
        "what stands in the job's place is no directory, and is not followed",
        "look at it; forced, repair moves it into the trash",
        False,
    )
    JOB_NOT_READABLE = (
        "job-not-readable",
        "it cannot be read from here",
        "look at it as the account that the store belongs to (Node leaves jobs at mode 0700)",
        False,
    )
    # ── locks ──
    DEAD_LOCK = (
        "dead-lock",
        "its holder is gone",
        "release the lock",
    )
    SILENT_LOCK = (
        "silent-lock",
        "by this host's clock it has not been beaten for over ten seconds",
        "watch it for ten seconds, and release it if nothing moves",
    )
    LEAKED_LOCK = (
        "leaked-lock",
        "it is kept fresh for nothing, and blocks others",
        "bar it for seven seconds, so that its holder learns of it, then release it",
    )
    GHOST_LOCK = (
        "ghost-lock",
        "somebody beats it who does not hold it",
        "end the Node worker that was robbed of it; forced, repair releases the lock where its owner is dead",
        False,
    )
    OLD_BAR = (
        "old-bar",
        "an operator barred the lock over a minute ago and was cut off: nobody can take it",
        "remove the bar",
    )
    FOREIGN_LOCK = (
        "foreign-lock",
        "what stands here is no lock: nobody can take it, and all pulls of Node workers may fail on it",
        "move it into the trash",
    )
    FILLED_LOCK = (
        "filled-lock",
        "something lies inside the lock, so that nobody can release it, and all pulls of Node workers fail on it",
        "look at it; forced, repair moves it into the trash once it was watched for ten seconds",
        False,
    )
    # ── litter ──
    STAGED_FILE = (
        "staged-file",
        "a change of the job was cut off and left what it had prepared; it was never committed",
        "move it into the trash",
    )
    STAGING_LITTER = (
        "staging-litter",
        "a process was cut off and left what it had prepared; it was never made part of the store",
        "move it into the trash",
    )
    GONE_WORKER = (
        "gone-worker",
        "a worker that is gone for over an hour did not sign out",
        "move its sign-in into the trash",
    )


LOCK_KINDS = frozenset({
    Kind.DEAD_LOCK, Kind.SILENT_LOCK, Kind.LEAKED_LOCK, Kind.GHOST_LOCK, Kind.OLD_BAR, Kind.FOREIGN_LOCK,
    Kind.FILLED_LOCK,
})  # fmt: skip
LITTER_KINDS = frozenset({Kind.STAGED_FILE, Kind.STAGING_LITTER, Kind.GONE_WORKER})
"""What is in nobody's way."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, as it was found.

    `id` is "" where it is about no job. `since` is in seconds since 1970, None where it cannot be told. `mark` is
    the inode of what was seen at `path`, 0 where nothing was: a lock that is another's by now is left alone.
    `place` is the directory of the store to whose jobs a link leads instead, where it leads to such: a moved store's.
    """

    kind: Kind
    id: str
    path: str
    since: float | None
    explanation: str
    mark: int = 0
    place: str = ""

    @property
    def remedy(self) -> str:
        """What repair does, or what an operator should do."""
        return self.kind.remedy

    @property
    def automatic(self) -> bool:
        """Whether repair does it without being forced."""
        return self.kind.automatic


def headline(kind: Kind, place: str, count: int) -> str:
    """Problems of one kind in a few words."""
    if place:
        return f"{count:,} {'link leads' if count == 1 else 'links lead'} elsewhere, to {place}"
    return kind.value if count == 1 else f"{count:,} {kind.value}"


class Links(NamedTuple):
    """Which links a job has."""

    pending: bool
    waiting: bool
    parked: bool


class Drift(NamedTuple):
    """Links that do not say what the job's state says: the side to link it in, and the side to unlink it from.

    With neither it is the state that does not say what the link in parked/ says.
    """

    kind: Kind
    link: str = ""
    unlink: str = ""

    @property
    def side(self) -> str:
        """The directory that the problem is about."""
        return self.link or self.unlink or "parked"


def drift(record: JobRecord, links: Links) -> Iterator[Drift]:
    """Where the links of a job differ from its state. Pure.

    A link in parked/ alone parks a job, whatever its state says: whoever put it there wanted the job parked.
    """
    parked = record.is_parked
    if record.fulfilled:
        if links.pending:
            yield Drift(Kind.FULFILLED_AND_PENDING, unlink="pending")
        if links.parked:
            yield Drift(Kind.FULFILLED_AND_PARKED, unlink="parked")
    elif links.parked:
        if links.pending:
            yield Drift(Kind.PARKED_AND_PENDING, unlink="pending" if parked else "parked")
        elif not parked:
            yield Drift(Kind.PARKED_WITHOUT_REASON)
    elif parked:
        yield Drift(Kind.PARKED_WITHOUT_LINK, link="parked", unlink="pending" if links.pending else "")
    elif not links.pending:
        yield Drift(Kind.PENDING_WITHOUT_LINK, link="pending")
    if record.waiting and not links.waiting:
        yield Drift(Kind.WAITING_WITHOUT_LINK, link="waiting")
    if links.waiting and not record.waiting:
        yield Drift(Kind.WAITING_FOR_NOTHING, unlink="waiting")
