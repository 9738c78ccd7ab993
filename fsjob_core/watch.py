"""The monitor's own process: looks at a store when something says that it changed, and sends what did."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import NamedTuple

from .answers import Answers
from .facts import Counts, Mood, StoreVerdict
from .feed import Delta, Examine, Gone, Hello, Locks, Message, Overview, Workers
from .grouping import Grouping
from .health import duration
from .hints import Hints
from .host import Host
from .layout import LOCK, Layout
from .rounds import Rounds
from .scan import Scan
from .search import Searching
from .survey import Survey
from .thrift import Thrift
from .views import Views

POLL = 0.5
"""Seconds between two looks at whether something changed, where no hint says so."""
ANSWER_EVERY = 2.0
"""Seconds between two looks at what the parent wants read where nothing has changed: who changes a job locks it."""
PAUSE = 0.25
"""Seconds between two rounds at least: four messages of a kind a second."""
LOCKS_EVERY = 1.0
LOCKS_COST = 20.0
"""Locks are looked at again after so many times what it cost."""
SILENT_AFTER = 2.0
"""Seconds after which a call that has not returned is told."""
LONGEST_WAIT = 30.0
"""Seconds, at most, before a store that could not be followed is tried again."""


class _Following(NamedTuple):
    """What goes on in the background for as long as one store is followed."""

    rounds: Rounds
    grouping: Grouping


class Watch:
    """Seven threads: the caller's listens to the parent and touches no disk, for every call there may hang.

    One scans, one answers what the parent wants read, one waits for hints, one searches; two go through the store in
    the background.
    """

    def __init__(self, host: Host, directory: str, connection: Connection) -> None:
        self._host = host
        self._layout = Layout(os.path.abspath(directory))
        self._connection = connection
        self._sending = host.mutex()
        self._stop, self._wake, self._asked = host.event(), host.event(), host.event()
        self._parked = host.event()
        self._hints = Hints(host, self._layout, self._stop, self._wake.set)
        self._answers = Answers(host, self._send)
        self._searching = Searching(host, self._send, self._stop)
        self._views: Views | None = None
        self._following: _Following | None = None
        self._busy_since: float | None = None
        self._overview: Overview | None = None
        self._last: dict[type, object] = {}

    def run(self) -> None:
        """Until the parent closes its end, or a thread has failed and said so."""
        self._host.spawn(self._guarded(self._scan_for_ever), "fsjob-scan")
        self._host.spawn(self._guarded(self._answer_for_ever), "fsjob-answer")
        self._host.spawn(self._guarded(self._searching.search_for_ever), "fsjob-search")
        self._host.spawn(self._guarded(self._hints.listen), "fsjob-hints")
        self._host.spawn(self._guarded(self._examine_for_ever), "fsjob-doctor")
        self._host.spawn(self._guarded(self._group_for_ever), "fsjob-groups")
        with suppress(EOFError, OSError):
            while not self._stop.is_set():
                if self._connection.poll(1.0):
                    request = self._connection.recv()
                    self._answers.ask(request)
                    self._searching.ask(request)
                    self._asked.set()
                self._tell_silence()
        self._stop.set()
        self._wake.set()

    # ── talking to the parent ──

    def _send(self, message: Message) -> None:
        with self._sending:
            self._connection.send(message)

    def _send_changed(self, message: Message) -> bool:
        """Send it unless it was the last of its kind; says whether it was sent."""
        if self._last.get(type(message)) == message:
            return False
        self._last[type(message)] = message
        self._send(message)
        return True

    def _guarded(self, run: Callable[[], None]) -> Callable[[], None]:
        def guarded() -> None:
            try:
                run()
            except (EOFError, ConnectionError):
                pass
            except BaseException as error:
                with suppress(OSError):
                    self._send(Gone(f"the monitor failed: {type(error).__name__}: {error}"))
                raise
            finally:
                self._stop.set()

        return guarded

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """What is done inside asks the store, which may not answer."""
        self._progress()
        try:
            yield
        finally:
            self._busy_since = None

    def _progress(self) -> None:
        self._busy_since = self._host.monotonic()

    def _tell_silence(self) -> None:
        """Once a second while a call hangs, on a dead mount perhaps; told by the thread that makes none."""
        began, before = self._busy_since, self._overview
        silent = self._host.monotonic() - began if began is not None else 0.0
        if silent < SILENT_AFTER:
            return
        verdict = StoreVerdict(Mood.NOT_ANSWERING, f"the store has not answered for {duration(silent)}")
        counts, oldest, paused = (before.counts, before.oldest, before.paused) if before else (Counts(), None, None)
        self._send_changed(Overview(counts, verdict, 0.0, 0.0, oldest, None, None, paused, silent))

    # ── following the store ──

    def _scan_for_ever(self) -> None:
        wait = PAUSE
        while not self._stop.is_set():
            with self._asking():
                self._views = views = Views(self._host, self._layout)
                problem = self._problem(views)
                hello = self._hello(views, problem)
            self._send(hello)
            began = self._host.monotonic()
            if problem is None:
                problem = self._follow(views)
                self._last.clear()
                self._overview = None
                if not self._stop.is_set():
                    self._send(Gone(problem))
            lasted = self._host.monotonic() - began
            wait = POLL if lasted > LONGEST_WAIT else min(wait * 2, LONGEST_WAIT)
            self._wait_for_another(problem, began + lasted + wait)

    def _wait_for_another(self, problem: str, until: float) -> None:
        """Until there is another problem or none; one that shows only in following is tried again at `until`."""
        shown = False
        while not self._host.wait(self._stop, PAUSE):
            with self._asking():
                now = self._problem(Views(self._host, self._layout))
            shown = shown or now == problem
            if now != problem and (shown or self._host.monotonic() >= until):
                return
            self._host.wait(self._wake, POLL)
            self._wake.clear()

    def _problem(self, views: Views) -> str | None:
        root, layout, disk = self._layout.root, self._layout, views.disk
        try:
            if not disk.exists(root):
                return f"{root} does not exist"
            if not disk.exists(f"{root}/."):
                return f"{root} is no directory"
            if not views.is_store():
                return f"{root} is no job store: it has neither jobs/, pending/ nor .fsjob/"
            for path in (layout.jobs, layout.pending, layout.parked, layout.waiting):
                with suppress(FileNotFoundError), self._host.calls.scandir(path):
                    pass
        except OSError as error:
            return _say(error, root)
        return None

    def _hello(self, views: Views, problem: str | None) -> Hello:
        filesystem = self._host.fstype(self._layout.root)
        return Hello(self._layout.root, views.label(), filesystem, self._host.me.host, problem)

    def _follow(self, views: Views) -> str:
        """Follow the store until it cannot be read any more; gives why."""
        with self._asking():
            scan = Scan(self._host, self._layout, views, self._progress)
            survey = Survey(self._host, views)
        rounds = Rounds(views, lambda: survey.rows, scan.size, lambda: self._answers.view == "problems", self._send)
        following = _Following(rounds, Grouping(views, self._send))
        next_locks = 0.0
        try:
            while not self._stop.is_set():
                with self._asking():
                    if not views.is_store():
                        return self._problem(views) or "the store was replaced"
                    hints = self._hints.take()
                    deltas = scan.look_at(hints) if hints and not scan.first else iter(())
                self._pass_on(deltas, following.grouping)
                with self._asking():
                    first, due = scan.first, scan.due()
                    deltas = scan.scan(due) if due else scan.look_again()
                if first:  # the figures before the rows, the rows before what is searched
                    next_locks = self._look_around(scan, survey, views)
                self._pass_on(deltas, following.grouping)
                self._searching.touched(hint.rpartition("/")[2].removesuffix(LOCK) for hint in hints)
                if first:  # what goes on in the background would be in the way until here
                    self._following = following
                    self._searching.follow(scan, views)
                found = survey.problems is not rounds.told
                survey.problems = rounds.told
                locked = any(hint.endswith(LOCK) for hint in hints)
                waited = next_locks - self._host.monotonic()
                if waited <= 0 or (locked and waited <= LOCKS_EVERY - PAUSE):
                    next_locks = self._look_around(scan, survey, views)
                elif hints or due or found:
                    self._send_overview(scan, survey)
                if first or hints or due:
                    self._asked.set()
                self._host.wait(self._stop, PAUSE)
                self._host.wait(self._wake, POLL - PAUSE)
                self._wake.clear()
        except FileNotFoundError as error:  # it went away under the look
            return self._problem(views) or _say(error, self._layout.root)
        except OSError as error:
            if isinstance(error, ConnectionError):
                raise
            return _say(error, self._layout.root)
        finally:
            self._following = None
            self._searching.leave()
        return "the monitor was stopped"

    def _pass_on(self, deltas: Iterable[Delta], grouping: Grouping) -> None:
        """Send deltas as they are made; making one reads times from the disk."""
        rest = iter(deltas)
        while True:
            with self._asking():
                delta = next(rest, None)
            if delta is None:
                return
            self._send(delta)
            self._searching.touched(entry.id for entry in delta.came)
            self._searching.touched(delta.gone)
            if delta.view == "parked":
                grouping.hear(delta)
                self._parked.set()

    def _look_around(self, scan: Scan, survey: Survey, views: Views) -> float:
        """Locks, workers, the figures; gives when to look again."""
        began = self._host.monotonic()
        with self._asking():
            rows = survey.look_at_locks(scan)
            members = survey.crew()
        cost = self._host.monotonic() - began
        if self._send_changed(Locks(rows)):
            self._asked.set()
        self._send_changed(Workers(members))
        self._send_overview(scan, survey)
        return began + max(LOCKS_EVERY, LOCKS_COST * cost)

    def _send_overview(self, scan: Scan, survey: Survey) -> None:
        with self._asking():
            self._overview = survey.overview(scan)
        self._send_changed(self._overview)

    # ── what the parent wants read ──

    def _answer_for_ever(self) -> None:
        while not self._stop.is_set():
            self._host.wait(self._asked, ANSWER_EVERY)
            self._asked.clear()
            if self._views is not None:
                while self._answers.answer(self._views) and not self._stop.is_set():
                    pass


    # ── in the background ──

    def _examine_for_ever(self) -> None:
        asked: Examine | None = None
        while not self._host.wait(self._stop, POLL):
            following, examine = self._following, self._answers.examine
            if following is None or examine is None:
                continue
            if examine is not asked:
                asked = examine
                following.rounds.ask()
            with suppress(OSError):  # the scan meets with the same, and says so
                following.rounds.go_on(self._thrift(following, "problems"))

    def _group_for_ever(self) -> None:
        while not self._stop.is_set():
            self._host.wait(self._parked, POLL)
            self._parked.clear()
            following = self._following
            if following is not None and self._answers.examine is not None:
                with suppress(OSError):
                    following.grouping.go_on(self._thrift(following, "parked"))

    def _thrift(self, following: _Following, view: str) -> Thrift:
        """Work that is done for a view, and ends when another store is followed."""
        return Thrift(
            self._host, self._stop, lambda: self._answers.view == view, lambda: self._following is not following
        )


def _say(error: OSError, path: str) -> str:
    return f"{error.filename or path}: {error.strerror or error}"
