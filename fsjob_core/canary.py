"""Running parked jobs again with care: one, then ten, then the rest at so many a second; it stops by itself.

Whether what they were parked for is mended shows only when they run. So each is looked at until its outcome is known,
never more than a few are on their way, and an error that was seen before ends it: the rest stay parked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace

from .errors import CorruptJob, FsJobError, JobNotFound, Unsettled
from .likeness import alike
from .operator import Operator
from .why import NOBODY

RATE = 10.0
"""Jobs a second, once the first ones went well."""
FIRST, SECOND = 1, 10
MOST = 100
"""Jobs on their way at once, at most, however many a second are wanted: so many may fail before it stops."""
LOOK_EVERY = 0.1
"""Seconds between two looks at what became of those that are on their way."""
WORKERS_EVERY = 1.0
"""Seconds between two looks at whether anybody works."""
NOTES = 1000
"""Jobs that are named, at most, with what became of them."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is. `state`: first, ten, rest, paused; done, failed, stopped once it has ended."""

    state: str
    total: int
    sent: int = 0
    """Jobs that were run again."""
    fulfilled: int = 0
    failed: int = 0
    skipped: int = 0
    """Jobs that were not parked any more at their turn, or could not be run again."""
    why: str = ""
    """Why it has ended, or waits; empty where that needs no words."""

    @property
    def on_their_way(self) -> int:
        """Jobs whose outcome is not known yet."""
        return self.sent - self.fulfilled - self.failed

    @property
    def left(self) -> int:
        """Jobs that were not touched."""
        return self.total - self.sent - self.skipped

    @property
    def over(self) -> bool:
        return self.state in ("done", "failed", "stopped")

    @property
    def text(self) -> str:
        """All of it in one line."""
        parts = [f"{self.sent:,} of {self.total:,} run again", f"{self.fulfilled:,} fulfilled"]
        parts += [f"{self.failed:,} failed again"] if self.failed else []
        parts += [f"{self.skipped:,} skipped"] if self.skipped else []
        parts += [f"{self.on_their_way:,} on their way"] if self.on_their_way else []
        parts += [f"{self.left:,} not touched"] if self.left else []
        return ", ".join(parts)

    def as_dict(self) -> dict[str, object]:
        return {**asdict(self), "on_their_way": self.on_their_way, "left": self.left, "over": self.over}


class Canary:
    """Runs these parked jobs again, in this order. One thread calls `run`; the others may be called from anywhere.

    It ends when an error comes back that any of the jobs was parked for, or that another of them has just failed
    with; of the very first job any failure will do.
    """

    def __init__(self, operator: Operator, ids: Iterable[str], *, rate: float = RATE) -> None:
        self._operator = operator
        self._host = operator.store.host
        self._rate = rate
        self._todo = list(dict.fromkeys(ids))
        self._next = 0
        self._watched: dict[str, int] = {}
        """Jobs on their way, with the version that they were given."""
        self._errors: set[str] = set()
        self._due = 0.0
        self._paused = False
        self._nobody, self._look_for_workers_at = "", self._host.monotonic() + WORKERS_EVERY
        self._stop = ""
        self._never = self._host.event()
        self.progress = Progress("first" if self._todo else "done", len(self._todo))
        self.notes: list[str] = []
        """What became of those that were skipped or failed, a sentence each."""

    # ── told from outside ──

    def pause(self, paused: bool) -> None:
        """Run no more of them again for now; those on their way are still looked at."""
        self._paused = paused

    def stop(self, why: str) -> None:
        """Run no more of them again, and end."""
        self._stop = why

    # ── running ──

    def run(self, told: Callable[[Progress], object]) -> Progress:
        """Go on to the end; `told` is called with what has changed. All of it is undone together."""
        with self._operator.together():
            last = None
            while True:
                self.step()
                if self.progress != last:
                    last = self.progress
                    told(last)
                if self.progress.over:
                    return self.progress
                self._host.wait(self._never, LOOK_EVERY)

    def step(self) -> None:
        """Look at those on their way, and send what may be sent now."""
        try:
            self._look()
            self._send()
            trouble = ""
        except (OSError, Unsettled) as error:  # a full disk, a mount that went: nothing is sent before it answers again
            trouble = f"waits: {error}"
        if not self.progress.over:
            self._set(state=self._state(), why=trouble or self._waits_for())

    def _waits_for(self) -> str:
        """Why those on their way may not come to an end: looked at once a second while there are any."""
        now = self._host.monotonic()
        if not self._watched:
            self._nobody, self._look_for_workers_at = "", now + WORKERS_EVERY
        elif now >= self._look_for_workers_at:
            self._look_for_workers_at = now + WORKERS_EVERY
            at_work = any(each.kind == "worker" and each.state != "gone" for each in self._operator.store.workers())
            self._nobody = "" if at_work else f"waits: {NOBODY}"
        return self._nobody

    def _state(self) -> str:
        if self._stop:
            return "stopped"
        if self._next >= len(self._todo) and not self._watched:
            return "done"
        if self._paused:
            return "paused"
        return "first" if self._stage() == FIRST else "ten" if self._stage() == SECOND else "rest"

    def _stage(self) -> float:
        """How many may have been sent by now: the next stage begins once the outcome of all of this one is known."""
        settled = self.progress.fulfilled + self.progress.failed
        if settled < FIRST:
            return FIRST
        return SECOND if settled < FIRST + SECOND else float("inf")

    def _set(self, **changed: object) -> None:
        if self._stop and "state" in changed:
            changed["why"] = self._stop
        self.progress = replace(self.progress, **changed)  # type: ignore[arg-type]

    def _note(self, text: str) -> None:
        if len(self.notes) < NOTES:
            self.notes.append(text)

    # ── looking ──

    def _look(self) -> None:
        for job_id, version in list(self._watched.items()):
            outcome = self._outcome(job_id, version)
            if outcome is None:
                continue
            del self._watched[job_id]
            if outcome == "":
                self._set(fulfilled=self.progress.fulfilled + 1)
            else:
                self._failed(job_id, outcome)

    def _outcome(self, job_id: str, version: int) -> str | None:
        """None where it is not known yet, empty where it was fulfilled, else the error that it came to."""
        try:
            record = self._operator.store.get(job_id)
        except (JobNotFound, CorruptJob) as error:
            return str(error)
        if record.fulfilled:
            return ""
        if record.version != version:
            return f"somebody has changed it: it is at version {record.version} by now"
        if record.is_parked or record.number("not_before"):  # given up again, or tried again later
            return record.error or "it failed again, without an error"
        return None

    def _failed(self, job_id: str, error: str) -> None:
        kind = alike(error)
        self._set(failed=self.progress.failed + 1)
        self._note(f"{job_id}: {error}")
        known = kind in self._errors
        self._errors.add(kind)
        if not self.progress.over and (known or self.progress.sent == FIRST):
            again = "the same error came back" if known else "the first one failed"
            self._set(state="failed", why=f"{again}, in job {job_id}: {error}")

    # ── sending ──

    def _send(self) -> None:
        now = self._host.monotonic()
        while self._may_send(now):
            job_id = self._todo[self._next]
            self._next += 1
            try:
                self._run_again(job_id)
            except (OSError, Unsettled) as error:
                inside = f"{self._operator.store.layout.job(job_id)}/"
                if not isinstance(error, PermissionError) or not str(error.filename).startswith(inside):
                    self._next -= 1  # it is its turn again, once the store is well
                    raise
                self._skipped(str(error))  # another account's job keeps no other from its turn
            except FsJobError as error:
                self._skipped(str(error))

    def _skipped(self, why: str) -> None:
        self._set(skipped=self.progress.skipped + 1)
        self._note(why)

    def _may_send(self, now: float) -> bool:
        if self._paused or self._stop or self.progress.over or self._next >= len(self._todo):
            return False
        stage = self._stage()
        if stage in (FIRST, SECOND):
            return self.progress.sent < (FIRST if stage == FIRST else FIRST + SECOND)
        return now >= self._due and len(self._watched) < min(max(SECOND, self._rate), MOST)

    def _run_again(self, job_id: str) -> None:
        record = self._operator.store.get(job_id)
        self._operator.requeue(job_id, version=record.version, only_parked=True)
        self._errors.add(alike(record.error))
        self._watched[job_id] = record.version + 1
        self._set(sent=self.progress.sent + 1)
        if self._stage() > FIRST + SECOND:
            self._due = max(self._due, self._host.monotonic() - LOOK_EVERY) + 1 / self._rate
