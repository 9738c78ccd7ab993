"""The rows that the filter leaves, in the order that was asked for.

What ids, views and locks tell of a job is decided here and at once; what must be read of it is searched for by the
monitor, which tells what it found. Rows are kept up as jobs change, one by one, and never gone through again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from fsjob_core.facts import Entry, LockInfo
from fsjob_core.feed import Delta, Details, Found, Search
from fsjob_core.filtering import parse_filter

from .rows import Listed, Rows, Source

if TYPE_CHECKING:
    from .model import Model

MOST_READ = 10_000
"""Rows that are read at most to be ordered by what must be read."""
UNKNOWN = float("inf")


@dataclass(frozen=True, slots=True)
class Order:
    """What the rows of a view are ordered by."""

    title: str
    by: Callable[[Model, str], float | str | None]
    """None where it is not known, or not yet: such rows come last."""
    reads: bool = False
    """Whether each job must be read for that."""
    reverse: bool = False


class _Kept(NamedTuple):
    """Rows that were made of others, when these had changed so many times."""

    whole: Source
    changes: int
    rows: Source


class _OneLock:
    """What is known of the job of a lock that is a row of its own, whatever else holds the job."""

    def __init__(self, model: Model, lock: LockInfo) -> None:
        self._model, self._lock = model, lock

    def is_in(self, view: str, job_id: str) -> bool:
        return view == "locked" or self._model.is_in(view, job_id)

    def locks_of(self, job_id: str) -> Sequence[LockInfo]:
        return (self._lock,)


class Narrowed:
    """The filter and the orders of the console, and the rows that follow from them."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._filter = parse_filter("")
        self._kept: dict[str, _Kept] = {}
        self._asked = Search("", "")
        self._found: set[str] = set()
        self.progress: Found | None = None
        """How far the search is; None where none was begun, or nothing is known of it yet."""
        self.stopped = False
        """Whether the search was ended before it was through."""
        self._orders: dict[str, Order] = {}
        self._values: dict[str, float] = {}
        self._unread: set[str] = set()

    # ── the filter ──

    @property
    def text(self) -> str:
        return self._filter.text

    def set_filter(self, text: str) -> None:
        """Raises InvalidFilter, and changes nothing."""
        wanted = parse_filter(text)
        if wanted.text != self._filter.text:
            self._filter, self.stopped = wanted, False
            self._kept.clear()

    def search(self, view: str) -> Search:
        """What the monitor is to search for while this view is shown."""
        search = Search(view, self._filter.text if view and self._filter.reads else "")
        if search != self._asked:
            self._asked, self.progress, self.stopped = search, None, False
            self._found.clear()
            self._kept.clear()
        return Search(view, "") if self.stopped else search

    @property
    def searching(self) -> bool:
        """Whether jobs are being looked at that may match."""
        return bool(self._asked.text) and not self.stopped and (self.progress is None or not self.progress.complete)

    def stop(self) -> None:
        """Leave it at what was found."""
        self.stopped = True

    # ── what comes in ──

    def found(self, message: Found) -> None:
        """Take what the monitor found."""
        if message.search != self._asked or self.stopped:
            return
        before = set(self._found) if message.reset else set()
        if message.reset:
            self._found.clear()
        self._found.update(message.came)
        self._found.difference_update(message.gone)
        self.progress = message
        for view in list(self._kept):
            self._touch({*before, *message.came, *message.gone}, view)

    def changed(self, delta: Delta) -> None:
        """Take what came into a view and what left it; its own rows have changed already."""
        if delta.reset:
            self._kept.pop(delta.view, None)
        ids = {*delta.gone, *(entry.id for entry in delta.came)}
        views = list(self._kept) if self._filter.known else [delta.view]
        for view in views:
            self._touch(ids, view)

    def locks_changed(self, ids: Iterable[str]) -> None:
        """Take that locks of these jobs came, went, or are judged anew."""
        self._kept.pop("locked", None)
        orders = {view for view, order in self._orders.items() if order.title == "LOCK"}
        for view in list(self._kept):
            if self._filter.known or view in orders:
                self._touch(set(ids), view)

    def read(self, message: Details) -> None:
        """Take what was read of jobs."""
        for view, order in self._orders.items():
            if order.reads and view in self._kept:
                ids = {detail.id for detail in message.details}
                for job_id in ids:
                    value = order.by(self._model, job_id)
                    self._values[job_id] = UNKNOWN if value is None else float(value)
                self._touch(ids, view)

    # ── rows ──

    def rows(self, view: str, whole: Source, *, filters: bool = True) -> Source:
        """The rows of a view; `whole`: all of them. `filters`: whether the filter holds there."""
        order = self._orders.get(view)
        if not (filters and self._filter.text.strip()) and order is None:
            return whole
        kept = self._kept.get(view)
        if kept is None or kept.whole is not whole or kept.changes != whole.changes:
            made = self._made(view, whole, order, filters)
            kept = self._kept[view] = _Kept(whole, whole.changes, made)
        return kept.rows

    def _made(self, view: str, whole: Source, order: Order | None, filters: bool) -> Source:
        return self._of_jobs(view, whole, order) if isinstance(whole, Rows) else self._of_keys(whole, order, filters)

    def _of_jobs(self, view: str, whole: Rows, order: Order | None) -> Rows:
        if order is None and not self._filter.reads and not self._filter.known:
            return whole.only(self._filter.narrow(whole.keys()))
        rows = Rows(newest=order.reverse if order is not None else whole.newest)
        self._unread.clear()
        matching = (job_id for job_id in self._candidates(whole) if self._matches(job_id))
        rows.change((), (self._entry(view, whole, job_id) for job_id in matching))
        return rows

    def _candidates(self, whole: Rows) -> Iterator[str]:
        """Jobs of which no other one can match, as far as that is told quickly."""
        if self._filter.wants_lock:
            return (job_id for job_id in self._model.locks_by_job if job_id in whole)
        if self._filter.reads:
            return (job_id for job_id in self._found if job_id in whole)
        return iter(self._filter.narrow(whole.keys()))

    def _matches(self, job_id: str) -> bool:
        at_once = self._filter.at_once(job_id, self._model)
        return job_id in self._found if at_once is None else at_once

    def _entry(self, view: str, whole: Rows, job_id: str) -> Entry:
        """A job with what it is ordered by."""
        order = self._orders.get(view)
        if order is None:
            return Entry(job_id, whole.since(job_id) or 0.0)
        if order.reads:
            value: float | str | None = self._values.get(job_id)
            if value is None:
                self._unread.add(job_id)
        else:
            value = order.by(self._model, job_id)
        known = float(value) if value is not None and value != UNKNOWN else None
        return Entry(job_id, (-UNKNOWN if order.reverse else UNKNOWN) if known is None else known)

    def _touch(self, ids: set[str], view: str) -> None:
        """Judge these jobs anew, for the rows of a view."""
        kept = self._kept.get(view)
        if kept is None or not isinstance(kept.whole, Rows) or not isinstance(kept.rows, Rows):
            self._kept.pop(view, None)
            return
        there = (job_id for job_id in ids if job_id in kept.whole and self._matches(job_id))
        kept.rows.change(ids, [self._entry(view, kept.whole, job_id) for job_id in there])
        self._kept[view] = kept._replace(changes=kept.whole.changes)

    def _of_keys(self, whole: Listed, order: Order | None, filters: bool) -> Listed:
        keys = [key for key in list(whole.keys()) if not filters or self._matches_key(key)]
        if order is not None:
            value = {key: found for key in keys if (found := order.by(self._model, key)) is not None}
            known = sorted(value, key=lambda key: value[key], reverse=order.reverse)
            keys = known + [key for key in keys if key not in value]
        return Listed(keys)

    def _matches_key(self, key: str) -> bool:
        """Whether a lock matches, or its job does; of what is neither, whether its name does."""
        row = self._model.locks.get(key)
        if row is None:
            return self._filter.may_be(key) and not self._filter.known and not self._filter.reads
        at_once = self._filter.at_once(row.info.id, _OneLock(self._model, row.info))
        return row.info.id in self._found if at_once is None else at_once

    # ── the order ──

    def order(self, view: str) -> Order | None:
        """What a view was asked to be ordered by; None: by what it is when nobody asks."""
        return self._orders.get(view)

    def set_order(self, view: str, order: Order | None) -> None:
        """Order a view, from now on; None: as it is when nobody asks."""
        self._orders.pop(view, None)
        if order is not None:
            self._orders[view] = order
        self._values.clear()
        self._unread.clear()
        self._kept.pop(view, None)

    def to_read(self) -> tuple[str, ...]:
        """Jobs that must be read to be ordered, those that were not told yet."""
        ids = tuple(self._unread)[:MOST_READ]
        self._unread.clear()
        return ids
