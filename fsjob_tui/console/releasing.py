"""Releasing locks from the console: dead ones with `y`, doubtful ones after watching, live ones with a typed word."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from fsjob_core.errors import JobLocked
from fsjob_core.facts import LockInfo, Verdict
from fsjob_core.health import RELEASABLE, duration
from fsjob_core.journal import Outcome
from fsjob_core.operator import Operator

from .screens.dialogs import Countdown, Typed
from .targets import Target, names

if TYPE_CHECKING:
    from .acting import Acts

LIVELY = frozenset({Verdict.LIVE, Verdict.LONG, Verdict.GHOST})
"""Verdicts of locks that are only taken away with a typed word."""


def parked(operator: Operator, job_id: str, park: Callable[[], Outcome], was: LockInfo | None) -> Outcome:
    """Park a job; where somebody takes it again and again, say how it is done all the same.

    `was`: the lock that was to be released for it.
    """
    try:
        outcome = park()
    except JobLocked as error:
        outcome = Outcome(False, str(error), job_id)
    now = None if outcome.done else operator.store.views.lock("work", job_id)
    if now is None or (was is not None and (now.inode, now.token) == (was.inode, was.token)):
        return outcome
    whose = now.owner.worker if now.owner is not None else now.whose
    return Outcome(False, f"{whose} has taken it again meanwhile: P pauses taking first, then p parks it", job_id)


class Releasing:
    """The acts on locks."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts
        self._screen = acts.screen

    def release(self, targets: list[Target], *, park: bool = False) -> None:
        """Release locks: dead ones with `y`, one that may be stale after watching, a live one with a typed word."""
        locks = [target.lock for target in targets if target.lock is not None]
        if len(locks) > 1:
            self._release_set([target for target in targets if target.lock is not None], park)
        elif locks and locks[0].verdict is Verdict.BARRED:
            self._screen.tell("an operator has taken it away already; the bar goes by itself", wrong=True)
        elif locks and locks[0].verdict in LIVELY:
            self._take_away(locks[0], park)
        elif locks:
            self._release_one(locks[0], park)

    def _release_set(self, targets: list[Target], park: bool) -> None:
        due = [target for target in targets if target.lock is not None and target.lock.verdict in RELEASABLE]
        lines = [f"{len(due)} of {len(targets)} locks are held by nobody alive; the others are left.", *names(due)]
        shell = self._unlock_lines(due, park)

        def act(operator: Operator, target: Target) -> Outcome:
            assert target.lock is not None
            return operator.release(target.lock, park=park)

        name = "release and park" if park else "release"
        self._acts.ask(name.upper(), lines, shell, lambda: self._acts.each(name, due, shell, act), count=len(due))

    def _unlock_lines(self, targets: list[Target], park: bool) -> str:
        """The shell lines that release a set: one for the locks of each kind."""
        kinds: dict[str, list[Target]] = {}
        for target in targets:
            kinds.setdefault(target.lock.kind if target.lock is not None else "work", []).append(target)
        parks = ["--park"] if park else []
        return "; ".join(
            self._acts.shell_for("unlock", of, *(["--kind", kind] if kind != "work" else []), *parks)
            for kind, of in kinds.items()
        )

    def unlock_line(self, lock: LockInfo, *, park: bool = False) -> str:
        """The shell line that releases a lock, or takes it away where it is live."""
        force = lock.verdict in LIVELY
        words = ["unlock", lock.id]
        if lock.kind != "work":
            words += ["--kind", lock.kind]
        if lock.token:
            words += ["--if-token", lock.token[-4:]]
        return self._acts.shell(*words, *(["--force"] if force else []), *(["--park"] if park else []))

    def _release_one(self, lock: LockInfo, park: bool) -> None:
        known = lock.verdict in RELEASABLE
        lines = [f"job    {lock.id}   ({lock.kind} lock)", f"owner  {lock.whose}"]
        lines += [f"proof  {lock.verdict}: {lock.proof}", ""]
        if lock.verdict is Verdict.LEAKED:
            lines.append("It beats for nothing: it is barred for 7 s, so that its holder is told.")
        elif not known:
            lines.append("It is not known to be stale yet: it is watched for up to 10 s, and left alone if it beats.")
        lines.append("The job is parked then." if park else "Any worker may take the job then.")
        shell = self.unlock_line(lock, park=park)
        watched = Countdown("WATCHING", ["Released only if nothing moves."], can_give_up=True)
        countdown = watched if not known or lock.verdict is Verdict.LEAKED else None

        def wait(left: float) -> bool:
            self._screen.app.call_from_thread(watched.tick, left)
            return watched.given_up

        def act(operator: Operator) -> Outcome:
            release = partial(operator.release, lock, park=park, wait=wait if countdown is not None else None)
            return parked(operator, lock.id, release, lock) if park else release()

        title = "RELEASE AND PARK" if park else "RELEASE"
        self._acts.ask(title, lines, shell, lambda: self._acts.do(shell, act, countdown=countdown))

    def _take_away(self, lock: LockInfo, park: bool) -> None:
        held = f"held for {duration(self._screen.now() - lock.since)}" if lock.since is not None else "held for ?"
        name = lock.owner.worker if lock.owner else ""
        by_name = bool(name) and name.isascii() and name.isprintable()
        word = name if by_name else lock.id[-5:]
        lines = [
            f"job    {lock.id}   {held}",
            f"owner  {lock.whose}   {lock.verdict.value.upper()}, {lock.proof}",
            "",
            "Its owner is gone, and something else beats it: a holder that was robbed, which is not stopped by this."
            if lock.verdict is Verdict.GHOST
            else "It is alive: its code may still be running and is not stopped.",
            "After this the job can run TWICE; only the first result counts, but what it does outside the store "
            "happens twice.",
            "",
            "Its lock is barred for 7 s, so that nobody takes it and its holder is told at its next beat; then the job "
            "is put back, or parked.",
        ]
        parks = self.unlock_line(lock, park=True) if lock.kind == "work" else ""
        dialog = Typed(
            "TAKE A LIVE JOB AWAY", lines, word=word, what="the owner's name" if by_name else "the end of the job's id",
            shell=self.unlock_line(lock), parks=parks,
        )  # fmt: skip
        countdown = Countdown("BARRED", ["Its holder is told at its next beat."], can_give_up=False)

        def wait(left: float) -> bool:
            self._screen.app.call_from_thread(countdown.tick, left)
            return False

        def take_away(operator: Operator, park: bool) -> Outcome:
            act = partial(operator.take_away, lock, park=park, wait=wait)
            return parked(operator, lock.id, act, lock) if park else act()

        def typed(answer: bool | None) -> None:
            if answer is not None:
                line = self.unlock_line(lock, park=answer)
                self._acts.do(line, lambda operator: take_away(operator, answer), countdown=countdown)

        self._screen.app.push_screen(dialog, typed)
