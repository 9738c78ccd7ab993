"""The actions that change the store: each is asked about first, and done by the core's Operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..findings import Finding
from ..targets import Target
from .action import Action, with_job

if TYPE_CHECKING:
    from ..screens.main import MainScreen


def _no_target(screen: MainScreen) -> tuple[Target | None, str | None]:
    target = screen.target()
    return target, None if target is not None else "no job is under the cursor"


def _why_no_release(screen: MainScreen) -> str | None:
    target, why_not = _no_target(screen)
    return why_not if target is None or target.lock is not None else "no lock stands here"


def _why_no_requeue(screen: MainScreen) -> str | None:
    target, why_not = _no_target(screen)
    if target is None or target.state in ("parked", "fulfilled") or target.waits:
        return why_not
    return "only a parked or fulfilled job is run again"


def _why_no_park(screen: MainScreen) -> str | None:
    target, why_not = _no_target(screen)
    if target is None:
        return why_not
    possible = target.state in ("pending", "") and (target.lock is None or target.lock.kind == "work")
    return None if possible else "only a pending job is parked"


def _why_no_fulfill(screen: MainScreen) -> str | None:
    target, why_not = _no_target(screen)
    if target is not None and not target.id:
        return "only one job at a time is fulfilled by hand"
    return "it is fulfilled" if target is not None and target.state == "fulfilled" else why_not


def _why_no_edit(screen: MainScreen) -> str | None:
    target, why_not = _no_target(screen)
    if target is None or not target.id:
        return why_not or "only one job at a time is edited"
    if len(screen.table.marked) > 1 and screen.opened is None:
        return "one at a time: esc unmarks"
    if target.state == "fulfilled":
        return "it is fulfilled; its request is not changed any more"
    lock = target.lock
    return f"{lock.whose} holds it ({lock.verdict.value})" if lock is not None and lock.kind == "work" else None


def _why_no_delete(screen: MainScreen) -> str | None:
    return _no_target(screen)[1]


def _why_no_tell(screen: MainScreen) -> str | None:
    target, why_not = _no_target(screen)
    if target is None or not target.id:
        return why_not or "only of one job at a time"
    row, job = screen.model.details.get(target.id), screen.model.job
    record = job.detail.record if job is not None and job.detail.id == target.id else None
    waits = screen.view.name == "waiting" or (row is not None and row.targets > 0)
    return None if waits or (record is not None and record.waiting) else "nobody waits for it"


def _findings(screen: MainScreen) -> list[Finding]:
    """The marked problems, else the one under the cursor: fixed as of now."""
    table, rows = screen.table, screen.model.findings.rows
    keys = sorted(table.marked, key=lambda key: table.source.index(key) or 0) if table.marked else [table.cursor]
    return [rows[key] for key in keys if key in rows]


def _why_no_repair(screen: MainScreen) -> str | None:
    if screen.view.read_as != "problems":
        return "6 shows what can be repaired"
    return None if _findings(screen) else "no problem is under the cursor"


def _why_no_write(screen: MainScreen) -> str | None:
    possible = screen.model.guarded and not screen.acts.read_only and not screen.acts.writing
    return None if possible else "the store is not guarded"


def _fulfill(screen: MainScreen) -> None:
    screen.acts.fulfill(screen.targets()[0])


def _pause(screen: MainScreen) -> None:
    overview = screen.model.overview
    screen.acts.pause(overview is not None and overview.paused is not None)


def _open_writing(screen: MainScreen) -> None:
    name = screen.model.hello.label.name if screen.model.hello else ""

    def open_writing() -> None:
        screen.acts.writing = True
        screen.refresh_around()

    question = f"{name or screen.directory} is guarded. Open writing until this console ends?"
    screen.acts.ask("OPEN WRITING", [question], "", open_writing)


RELEASE = Action(
    "release", "x", "release", "release the lock under the cursor; a live one only with a typed word",
    lambda screen: screen.acts.locks.release(screen.targets()), _why_no_release, changes=True, aims=True, worth=9,
)  # fmt: skip
REQUEUE = Action(
    "requeue", "r", "run again", "run a parked or fulfilled job again",
    lambda screen: screen.acts.requeue(screen.targets()), _why_no_requeue, changes=True, aims=True, worth=9,
)  # fmt: skip
PARK = Action(
    "park", "p", "park", "give a job up until it is run again; a locked one is released too",
    lambda screen: screen.acts.park(screen.targets()), _why_no_park, changes=True, aims=True, worth=8,
)  # fmt: skip
CREATE = Action(
    "create", "c", "create", "make a job: of a typed request, a file, a file of many, the last one, or like this one",
    lambda screen: screen.acts.creation.create(screen.shown_job() or ""), changes=True, worth=5,
)  # fmt: skip
CREATE_LIKE = Action(
    "create-like", "", "create like it", "make a job like the one under the cursor",
    lambda screen: screen.acts.creation.create(screen.shown_job() or "", at_once=True), with_job, changes=True,
)  # fmt: skip
EDIT = Action(
    "edit", "e", "edit", "edit the request of a pending or parked job; f4 opens $EDITOR",
    lambda screen: screen.acts.editing.edit(screen.targets()[0]), _why_no_edit, changes=True, aims=True, worth=4,
)  # fmt: skip
FULFILL = Action(
    "fulfill", "F", "fulfill", "give the job its value by hand", _fulfill, _why_no_fulfill, changes=True, aims=True,
    worth=3,
)
DELETE = Action(
    "delete", "D", "delete", "move the job into the trash, from where z brings it back",
    lambda screen: screen.acts.removal.delete(screen.targets()), _why_no_delete, changes=True, aims=True, worth=3,
)  # fmt: skip
UNDO = Action(
    "undo", "z", "undo", "undo your last act: create, run again, park, delete, edit, unqueue",
    lambda screen: screen.acts.removal.undo(), changes=True, worth=6,
)  # fmt: skip
REPAIR = Action(
    "repair", "R", "repair", "repair the problem under the cursor, the marked ones, or a whole group",
    lambda screen: screen.acts.repairs.repair(_findings(screen)), _why_no_repair, changes=True, worth=9,
)  # fmt: skip
TELL = Action(
    "tell", "t", "who waits", "who waits to be told: tell a target again, or take it off the list",
    lambda screen: screen.acts.telling.targets(screen.targets()[0]), _why_no_tell, changes=True, worth=7,
)  # fmt: skip
PAUSE = Action("pause", "P", "pause", "pause taking of work, or end the pause", _pause, changes=True, worth=4)
PURGE = Action(
    "purge", "", "purge", "purge: make room, remove for good what was fulfilled or deleted long ago",
    lambda screen: screen.acts.purging.purge(), changes=True,
)  # fmt: skip
WRITE = Action(
    "write", "W", "open writing", "on a guarded store: open writing until the console ends",
    _open_writing, _why_no_write, worth=4,
)  # fmt: skip

ACTIONS = (RELEASE, REQUEUE, REPAIR, TELL, PARK, CREATE, CREATE_LIKE, EDIT, FULFILL, DELETE, UNDO)
"""What is done to jobs, most used first; what is done to the store stands further down."""
