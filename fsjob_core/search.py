"""The search for jobs that match a filter, behind the monitor's back: in slices, with rests, told as they are found.

It goes through a view once, and from then on judges what comes or changes. What ids, locks and views tell is left to
who shows the rows: here a job is found if what must be opened of it matches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from .errors import InvalidFilter
from .feed import Found, Message, Search
from .filtering import parse_filter
from .host import Event, Host
from .ledger import AHEAD
from .matching import opened_matches
from .names import Names
from .scan import Scan
from .views import Views

SLICE = 0.01
"""Seconds of work, after each of which it rests for as long: half a core at most."""
TELL_EVERY = 0.25
"""Seconds between two messages, but for the first match, which is told at once."""
IN_ORDER = 100_000
"""Up to so many jobs are looked at in the order of the rows; of more, in whatever order costs no memory."""
TRUTH, TRUTH_COST = 5.0, 100.0
"""All is looked at for changes again after so many seconds and so many times what it cost: 1 % of a core at most."""


class _Over(NamedTuple):
    """The store that is searched."""

    scan: Scan
    views: Views


class Searching:
    """One search at a time. Asked from one thread, told of changes by another, works in a third."""

    def __init__(self, host: Host, send: Callable[[Message], None], stop: Event) -> None:
        self._host, self._send, self._stop = host, send, stop
        self._wake, self._anew = host.event(), host.event()
        self._mutex = host.mutex()
        self._asked = Search("pending", "")
        self._over: _Over | None = None
        self._touched: set[str] = set()

    def ask(self, request: object) -> None:
        """A new search ends the old one at once; one without a text, or with one that is no filter, is none."""
        if isinstance(request, Search):
            self._asked = request
            self._begin_anew()

    def follow(self, scan: Scan, views: Views) -> None:
        """From now on this is the store, and it has been scanned once."""
        self._over = _Over(scan, views)
        self._begin_anew()

    def leave(self) -> None:
        """There is no store to be searched any more."""
        self._over = None
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._anew.set()
        self._wake.set()

    def touched(self, job_ids: Iterable[str]) -> None:
        """These jobs came, went or may have changed."""
        if self._asked.text and self._over is not None:
            with self._mutex:
                self._touched.update(job_ids)
            self._wake.set()

    def take_touched(self) -> set[str]:
        """The jobs of which that was said since it was last asked."""
        with self._mutex:
            found, self._touched = self._touched, set()
        return found

    def search_for_ever(self) -> None:
        """Until stopped."""
        while not self._stop.is_set():
            self._anew.clear()
            asked, over = self._asked, self._over
            self.take_touched()
            if over is not None and asked.text:
                with suppress(InvalidFilter):  # whoever asks has parsed it, and said what is wrong
                    _OneSearch(self, self._host, self._send, asked, over).run()
            self._host.wait(self._anew, 1.0)

    def is_over(self, asked: Search, over: _Over) -> bool:
        """Whether something else is to be searched by now, or nothing."""
        return self._asked is not asked or self._over is not over or self._stop.is_set()

    def rest(self, seconds: float) -> None:
        """For so long, or until something else is to be searched."""
        self._host.wait(self._anew, seconds)

    def wait(self, seconds: float) -> None:
        """Until there is something new, or for so long."""
        self._host.wait(self._wake, seconds)
        self._wake.clear()


class _OneSearch:
    """One filter in one view."""

    def __init__(
        self, searching: Searching, host: Host, send: Callable[[Message], None], asked: Search, over: _Over
    ) -> None:
        self._searching, self._host, self._send = searching, host, send
        self._asked, self._scan, self._views = asked, over.scan, over.views
        self._wanted = parse_filter(asked.text)
        self._over = over
        self._found, self._unreadable = Names(), Names()
        self._came: list[str] = []
        self._gone: list[str] = []
        self._looked = self._total = 0
        self._complete = False
        self._told: tuple[int, int, int, bool] | None = None
        """The figures of the last message."""
        self._told_at = self._slice_began = host.monotonic()

    def _is_over(self) -> bool:
        return self._searching.is_over(self._asked, self._over)

    def run(self) -> None:
        """Until it is over."""
        host = self._host
        began, written_since = host.monotonic(), host.time()
        for job_id in self._ids():
            if self._is_over():
                return
            self._judge(job_id)
            self._looked += 1
            if self._breathe():
                self._judge_touched()
        self._total, self._complete = self._looked, True
        self._tell()
        while not self._is_over():
            self._stand(host.monotonic() + max(TRUTH, TRUTH_COST * (host.monotonic() - began)))
            began, since, written_since = host.monotonic(), written_since - AHEAD, host.time()
            self._look_again(since * 1e9)

    def _ids(self) -> Iterator[str]:
        """The jobs of the view, in the order of its rows where they are not too many."""
        view = self._asked.view
        if self._wanted.wants_lock:
            ids = [job_id for job_id in self._scan.ids_of_locks() if self._scan.is_in(view, job_id)]
        else:
            self._total = self._scan.size_of(view)
            if self._total > IN_ORDER:
                for bucket in self._scan.buckets(view):
                    yield from bucket
                return
            ids = [job_id for bucket in self._scan.buckets(view) for job_id in bucket]
        self._total = len(ids)
        yield from sorted(ids, reverse=view in ("fulfilled", "parked"))

    def _stand(self, until: float) -> None:
        """All was looked at: judge what comes and changes, until it is time to look again."""
        while not self._is_over() and (left := until - self._host.monotonic()) > 0:
            self._judge_touched()
            self._tell()
            self._searching.wait(min(left, TELL_EVERY))

    def _look_again(self, written_since: float) -> None:
        """Judge the jobs that were written anew since a time (in nanoseconds): not every change is told of."""
        for bucket in self._scan.buckets(self._asked.view):
            for job_id in bucket:
                if self._is_over():
                    return
                if self._wanted.changes_by_itself or self._views.marks(job_id).mtime_ns > written_since:
                    self._judge(job_id)
                self._breathe()

    def _judge_touched(self) -> None:
        for job_id in self._searching.take_touched():
            if self._is_over():
                return
            self._judge(job_id, there=self._scan.is_in(self._asked.view, job_id))
            self._breathe()

    def _judge(self, job_id: str, *, there: bool = True) -> None:
        """Open a job, and note what has become of it."""
        matches = there and self._wanted.may_be(job_id) and opened_matches(self._views, self._wanted, job_id)
        (self._unreadable.add if matches is None else self._unreadable.discard)(job_id)
        if matches and job_id not in self._found:
            self._found.add(job_id)
            self._came.append(job_id)
        elif not matches and job_id in self._found:
            self._found.discard(job_id)
            self._gone.append(job_id)

    def _breathe(self) -> bool:
        """After a slice of work: tell what was found, and rest for as long. Says whether it was that time."""
        took = self._host.monotonic() - self._slice_began
        if took < SLICE:
            return False
        first = self._told is None and bool(self._came)
        if first or self._host.monotonic() - self._told_at > TELL_EVERY:
            self._tell()
        self._searching.rest(took)
        self._slice_began = self._host.monotonic()
        return True

    def _tell(self) -> None:
        """Send what is new, if anything is."""
        found = Found(
            self._asked, tuple(self._came), tuple(self._gone), self._looked, max(self._total, self._looked),
            len(self._unreadable), self._complete, reset=self._told is None,
        )  # fmt: skip
        self._told_at = self._host.monotonic()
        if self._is_over() or (not found.came and not found.gone and found.figures == self._told):
            return
        self._came, self._gone = [], []
        self._told = found.figures
        self._send(found)
