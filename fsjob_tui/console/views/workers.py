"""The workers that are signed in, and below them the log of the one in this console."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from fsjob_core.crew import Member
from fsjob_core.facts import LockInfo

from ...text import safe_text, short_age, short_seconds, short_size
from ..model import Model
from ..pieces import Piece
from ..rows import Listed, Source
from .column import EMPTY, By, Cell, Column
from .locked import Locked
from .view import View

if TYPE_CHECKING:
    from ..embedded import EmbeddedWorker
    from ..screens.frame import Frame
    from ..screens.main import MainScreen

ORDER = ("busy", "idle", "draining", "paused", "gone")
NODE = "Node's workers are seen only while they hold a lock"
STYLES = {"busy": ("●", "good"), "idle": ("○", ""), "draining": ("▽", "warn"), "paused": ("‖", "warn")}


def _member(show: Callable[[Member, float], Cell]) -> Callable[[Model, str, float], Cell]:
    def cell(model: Model, key: str, now: float) -> Cell:
        member = model.workers.get(key)
        return show(member, now) if member is not None else EMPTY

    return cell


def _by(value: Callable[[Member], float | str | None]) -> By:
    def by(model: Model, key: str) -> float | str | None:
        worker = model.workers.get(key)
        return value(worker) if worker is not None else None

    return by


def _sign(state: str) -> Cell:
    return Cell(*STYLES.get(state, ("▲", "bad")))


def _where(member: Member, now: float) -> Cell:
    return Cell(safe_text(f"{member.host}:{member.pid}")) if member.host else Cell("Node?", "dim")


def _figure(show: Callable[[Member], float | None], form: str) -> Callable[[Model, str, float], Cell]:
    """A figure that is not known of those who did not sign in."""

    def cell(member: Member, now: float) -> Cell:
        found = show(member)
        return Cell(form.format(found)) if found is not None else Cell("?", "dim")

    return _member(cell)


def _said(model: Model, key: str, now: float) -> Cell:
    """What else there is to say: the one in this console, the locks of one that is gone, what it runs."""
    member = model.workers.get(key)
    if member is None:
        return EMPTY
    if member.pid and member.pid == model.here:
        return Cell("embedded", "good")
    if member.state == "gone":
        held = len(member.locks)
        return Cell(f"enter: {held} lock{'s' if held != 1 else ''}", "bad")
    if member.command:
        return Cell(safe_text(member.command), "dim")
    return EMPTY if member.host else Cell("seen by its locks alone", "dim")


class Workers(View):
    name, key, title, short = "workers", "7", "Workers", "Work"
    help = "the workers, and the log of the one in this console"
    empty = "no worker is signed in; w starts one here"
    filters = False
    beside = False
    reads = False
    follows = True
    columns = (
        Column("", 1, 9, _member(lambda member, now: _sign(member.state))),
        Column("WORKER", 14, 9, _member(lambda member, now: Cell(safe_text(member.name))), wide=20,
               by=_by(lambda member: member.name)),
        Column("HOST:PID", 18, 4, _member(_where), wide=24, by=_by(lambda member: member.host)),
        Column("STATE", 8, 8, _member(lambda m, now: Cell(safe_text(m.state), _sign(m.state).style)),
               by=_by(lambda member: member.state)),
        Column("NOW", 4, 6, _member(lambda member, now: Cell(str(member.now))), right=True),
        Column("DONE", 7, 5, _figure(lambda member: member.done, "{:,}"), right=True,
               by=_by(lambda member: member.done)),
        Column("RATE", 6, 3, _figure(lambda member: member.rate, "{:.1f}/s"), right=True),
        Column("FAILED", 6, 3, _figure(lambda member: member.failed, "{:,}"), right=True),
        Column("BEAT", 7, 7, _member(lambda member, now: Cell(short_age(now - member.beat))), right=True,
               by=_by(lambda member: member.beat)),
        Column("", 0, 2, _said),
    )  # fmt: skip

    def whole(self, model: Model) -> Source:
        return model.listed["workers"]

    def total(self, model: Model) -> int:
        """All but the gone, whose locks alone are left: the number in the first line."""
        return sum(member.state != "gone" for member in model.workers.values())

    def alarms(self, model: Model) -> int:
        return len(self.troubles(model))

    def summary(self, model: Model, now: float) -> str:
        states = Counter(member.state for member in model.workers.values())
        parts = [f"{states.pop(state)} {state}" for state in ORDER if state in states]
        return " · ".join([*parts, *(f"{count} {state}" for state, count in states.items()), NODE])

    def known(self, model: Model) -> bool:
        return True

    def job_of(self, model: Model, key: str) -> str:
        return ""

    def lock_of(self, model: Model, key: str) -> LockInfo | None:
        return None

    def key_of(self, model: Model, job_id: str) -> str | None:
        return None

    def troubles(self, model: Model) -> list[str]:
        return [key for key, member in model.workers.items() if member.state == "gone"]

    def why_not_open(self, model: Model, key: str) -> str | None:
        member = model.workers.get(key)
        if member is None:
            return "it is gone"
        idle = f"it is {member.state} and holds no job"
        return None if member.locks else "its jobs are too short for a lock to be seen" if member.now else idle

    def open(self, screen: MainScreen, key: str) -> None:
        screen.model.opened_member = key
        screen.go(MEMBER_LOCKS)

    def line_to_copy(self, screen: MainScreen) -> tuple[str, str] | None:
        return (screen.worker.shell, "the line that runs the worker without this console") if screen.worker else None

    def below(self, screen: Frame, room: int) -> tuple[str, list[Piece]] | None:
        worker = screen.worker
        return log_pieces(worker, room) if worker is not None else None

    def height_below(self, screen: Frame) -> int:
        return max(screen.size.height // 2 - 3, 6) if screen.worker is not None else 0


class MemberLocks(Locked):
    """The locks of one worker."""

    name, under = "member-locks", "workers"
    searched = "locked"
    empty = "it holds no lock any more"

    def whole(self, model: Model) -> Source:
        member = model.workers.get(model.opened_member)
        held = [f"{kind}:{job_id}" for kind, job_id in member.locks] if member is not None else []
        return Listed(key for key in held if key in model.locks)

    def summary(self, model: Model, now: float) -> str:
        member = model.workers.get(model.opened_member)
        return f"what {member.name} holds; esc: all workers" if member is not None else "it is gone; esc: all workers"


MEMBER_LOCKS = MemberLocks()


def log_pieces(worker: EmbeddedWorker, room: int) -> tuple[str, list[Piece]]:
    """What the worker in this console runs, and the last of its log."""
    title = safe_text(f"{worker.how.command} · {worker.how.concurrency} at once · tries {worker.how.attempts} · "
                      f"{worker.done} done, {worker.failed} failed")  # fmt: skip
    pieces = []
    for event in list(worker.log)[-max(room, 3) :]:
        at = time.strftime("%H:%M:%S", time.gmtime(event.get("at", 0))) if "at" in event else ""
        took = f" {short_seconds(float(event['seconds']))}" if "seconds" in event else ""
        size = f" {short_size(int(event['size']))}" if "size" in event else ""
        text = f"{at} {event.get('id', '')} {event.get('kind', '')}{took}{size}  {event.get('text', '')}"
        style = "$text-error" if event.get("kind") in ("failed", "parked", "lost") else ""
        pieces.append((safe_text(text) + "\n", style))
    keep = "ends with this console. The same without it (y copies the line, U a systemd unit):  " + worker.shell
    return title, [*pieces, (safe_text(keep), "$foreground-muted")]
