"""A notifier: tells those who wait for a value, keeps tries and errors of each target on the job, gives up in time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Unpack

from .delivery import Notification
from .errors import FsJobError, LeaseLost
from .handlers import Teller
from .host import Event
from .ledger import ERROR_LENGTH, Tries, wanted_anew
from .loop import LOOK_FOR, Loop
from .options import Options
from .record import Json, dump
from .store import JobStore

MAX_ATTEMPTS = 10
"""Tries until a target is given up: about a quarter of an hour."""


class Notifier(Loop[Notification]):
    """Tells targets through `teller`, several at once, those of one job included.

    Who could not be told is tried again after a pause that grows; given up, a target stays on the list, and is not
    tried again until an operator says so. The others are told meanwhile. A pause of the store is one of work:
    notifiers go on.
    """

    kind = "notifier"
    usual_attempts = MAX_ATTEMPTS

    def __init__(self, store: JobStore, teller: Teller, **options: Unpack[Options]) -> None:
        super().__init__(store, options)
        self._teller = teller
        self._helpers = 0

    # ── what the loop asks ──

    def _pull(self, among: Collection[str] | None) -> Notification | None:
        return self._store.pull_due_notification(among, LOOK_FOR)

    def _next_due(self) -> float | None:
        return self._store.next_notification_due()

    def _is_unfinished(self) -> bool:
        return self._store.notification_pull_is_unfinished()

    def _watched(self) -> list[str]:
        return [self._store.layout.waiting, self._store.layout.pending]

    def _is_hint(self, came: bool, directory: str) -> bool:
        """Somebody waits from now on, or a job is pending no more: fulfilled, most likely."""
        return came is (directory == self._store.layout.waiting)

    def _has_room(self) -> bool:
        return len(self._running) + self._helpers < self._concurrency

    def _close(self) -> None:
        self._teller.close()

    # ── the targets of one job ──

    def _do(self, item: Notification, cancel: Event, began: float) -> None:
        if item.recovered:
            self._tell("recovered", item.id, "its lock was left by a holder that is gone", began)
        while (targets := item.due_targets()) and not self._is_to_end(cancel):
            _Round(self, item, targets, cancel).run()  # and again: some may have come meanwhile

    def _is_to_end(self, cancel: Event) -> bool:
        return self._draining or cancel.is_set()

    def _take_helper(self) -> bool:
        """Whether another thread may help with the targets of a job."""
        with self._mutex:
            may = not self._draining and self._has_room()
            self._helpers += may
        return may

    def _drop_helper(self) -> None:
        with self._mutex:
            self._helpers -= 1
        self._wake.set()

    def _tell_target(self, note: Notification, target: Json, cancel: Event) -> Tries | None:
        """Tell one target: None where it was told, else what is to be kept of that. Raises OSError, Cancelled."""
        began = self._host.monotonic()
        self._tell("telling", note.id, target=_text(target))
        try:
            error = self._teller.tell(self._store, note, target, cancel, self._timeout)
        except LeaseLost:
            raise
        except FsJobError as refused:  # the value is missing, perhaps: a try like any other, or it would go on for ever
            error = str(refused)
        if error is None:
            return None
        if cancel.is_set():
            self._tell("lost", note.id, "cut short: it is told again later", began, target=_text(target))
            raise Cancelled
        return self._tries(note, target, error)

    def _report_outcome(self, note: Notification, target: Json, entry: Tries | None, began: float) -> None:
        """Once it is recorded."""
        if entry is None:
            self._done += 1
            self._tell("told", note.id, "", began, target=_text(target))
            return
        self._failed += 1
        counts = note.tries(target) == entry.count
        what = "given up" if entry.given_up and counts else "not told"
        again = "" if entry.due is None else f"; again in {entry.due - entry.at:.0f} s"
        again = again if counts else "; it is wanted anew, and told again now"
        self._tell(what, note.id, f"try {entry.count} failed: {entry.error}{again}", began, target=_text(target))

    def _tries(self, note: Notification, target: Json, error: str) -> Tries:
        count, now = note.tries(target) + 1, self._host.time()
        due = None if count >= self._max_attempts else now + self._backoff(count)
        return Tries(target, count, error[:ERROR_LENGTH], now, due)


def _text(target: Json) -> str:
    return dump(target, "the target").decode("utf-8")


class Cancelled(Exception):
    """The telling of a target was cut short for no fault of its own."""


class _Round:
    """Some targets of one job, told by as many threads as may help; each outcome is recorded as it is known."""

    def __init__(self, notifier: Notifier, note: Notification, targets: list[Json], cancel: Event) -> None:
        self._notifier, self._note, self._cancel = notifier, note, cancel
        self._host = notifier._host
        self._mutex, self._recording = self._host.mutex(), self._host.mutex()
        self._left = targets[::-1]
        self._told: list[Json] = []
        self._failed: list[Tries] = []
        self._trouble: BaseException | None = None
        self._helping = 0
        self._all_done = self._host.event()

    def run(self) -> None:
        """Until each target was tried, or it is to end. Raises what stopped it: OSError, LeaseLost."""
        self._work()
        while self._helping:
            self._host.wait(self._all_done, 0.05)
        if self._trouble is not None and not isinstance(self._trouble, Cancelled):
            raise self._trouble

    def _work(self) -> None:
        try:
            while self._left and self._trouble is None and not self._notifier._is_to_end(self._cancel):
                self._get_help()
                with self._mutex:
                    if not self._left:
                        return
                    target = self._left.pop()
                self._tell(target)
        except BaseException as error:  # of a thread: the first one raises it, once all have ended
            self._trouble = self._trouble or error

    def _tell(self, target: Json) -> None:
        if not self._note.still_waits(target):
            return  # somebody took it off the list meanwhile
        began, anew = self._host.monotonic(), wanted_anew(self._note.record)
        entry = self._notifier._tell_target(self._note, target, self._cancel)
        if entry is not None:
            entry = replace(entry, anew=anew)
        with self._mutex:
            if entry is None:
                self._told.append(target)
            else:
                self._failed.append(entry)
        self._record()
        self._notifier._report_outcome(self._note, target, entry, began)

    def _record(self) -> None:
        """All outcomes that are known by now, in one commit."""
        with self._recording:
            with self._mutex:
                told, self._told = self._told, []
                failed, self._failed = self._failed, []
            try:
                if told or failed:
                    self._note.settle(told, failed)
            except BaseException:  # none of them is recorded: whoever waits to record his own is not to believe it
                with self._mutex:
                    self._told, self._failed = told + self._told, failed + self._failed
                raise

    def _get_help(self) -> None:
        if len(self._left) > 1 and self._notifier._take_helper():
            with self._mutex:
                self._helping += 1
                self._all_done.clear()
            try:
                self._host.spawn(self._help, f"fsjob-tell-{self._note.id[-6:]}")
            except OSError:  # no more threads to be had: without it
                self._end_help()

    def _help(self) -> None:
        try:
            self._work()
        finally:
            self._end_help()

    def _end_help(self) -> None:
        self._notifier._drop_helper()
        with self._mutex:
            self._helping -= 1
            if not self._helping:
                self._all_done.set()
